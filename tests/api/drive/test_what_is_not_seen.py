"""
Nothing that an actor may not see makes any difference to what the actor is answered.

Two drives hold the same in the folders that are granted to a guest, and the second one holds other things as well. The
guest asks both of them for everything that there is to ask, and is answered the same, byte for byte.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import pytest
from hypothesis import Phase, example, given, settings
from hypothesis import strategies as st

from cloudsvc.api.drive.application import DriveApplication
from cloudsvc.core.actors import Role
from cloudsvc.drive.drive import Drive
from cloudsvc.web.mounts import list_routes
from tests.support.guest_calls import CALLS, call
from tests.support.guest_requests import CHANGING, READING
from tests.support.reactors import in_reactor
from tests.support.two_drives import GRANTED, HIDDEN, SEEN, WAYS, World, open_world

PATHS: Final = (*SEEN, *HIDDEN, *GRANTED, "", *WAYS, "x/yy", "way/out", "secret", "way/in/new", "new", "n/e/w")
"""What the guest asks for: what is seen, what is hidden, what is on the way, and what is nowhere."""

_READ: Final = ("way/in/a", "way/hidden", "secret/e", "way")
"""Of which everything is read; of any other, what changes it tells."""

Step = tuple[str, str, str]

_seen: Final = st.sampled_from(SEEN)
_hidden: Final = st.sampled_from(HIDDEN)
STEPS: Final = st.one_of(
    st.tuples(st.sampled_from(["store", "tag", "move", "copy", "discard", "bring", "carry away"]), _seen, _seen),
)
"""What the owner does in both drives."""

HIDDEN_STEPS: Final = st.one_of(
    st.tuples(st.sampled_from(["store", "tag", "move", "copy", "discard"]), _hidden, _hidden),
    st.tuples(st.just("copy"), _seen, _hidden),
)
"""What the owner does in the second drive alone."""

_FIRST: Final[Sequence[tuple[Step, bool]]] = (
    *((("store", path, "seen"), False) for path in ("way/in/a", "way/in/b.png", "way/in/deep/c", "x/y/g", "x/y/h")),
    *((("store", path, "hidden"), True) for path in HIDDEN),
    (("store", "way/in/a", "again"), False),
    (("store", "way/hidden", "again"), True),
    (("tag", "way/in/a", ""), False),
    (("tag", "root.txt", ""), True),
    (("bring", "x/y/way", ""), False),
    (("carry away", "x/y/g", ""), False),
    (("discard", "x/h", ""), True),
    (("discard", "way/in/deep/c", ""), False),
    (("discard", "secret/e", ""), True),
)
"""What there is in every example, so that each has something of each kind; and whether it is in the second alone."""


async def compare(role: Role, steps: Sequence[tuple[Step, bool]], asked: Sequence[tuple[int, str, str]]) -> None:
    """Let both drives come to be, and the guest ask them."""
    with TemporaryDirectory() as directory:
        async with (
            open_world(Path(directory, "one"), "elsewhere") as one,
            open_world(Path(directory, "two"), "secret/much deeper") as two,
        ):
            for world in (one, two):
                await world.grant(role)
            for number, (step, is_hidden) in enumerate((*_FIRST, *steps)):
                if is_hidden:
                    await two.take(step, number)
                else:
                    assert await one.take(step, number) == await two.take(step, number)
            await two.purge_hidden()
            await _compare_reading(one, two)
            changing, calls = [*CHANGING], [*CALLS.items()]
            # Each route and each method once at least, and then what was drawn.
            every = [(number, SEEN[number % 4], PATHS[number % len(PATHS)]) for number in range(len(changing))]
            for number, path, other in (*every, *asked):
                await _compare(one, two, changing[number % len(changing)], path, other)
            for number, (name, calling) in enumerate(calls):
                for path, other in (("way/hidden", SEEN[number % 4]), (SEEN[number % 4], "way/in/called")):
                    told = [await call(world, calling, path, other) for world in (one, two)]
                    assert told[0] == told[1], (name, path, other)
            await _compare_reading(one, two)


async def _compare_reading(one: World, two: World) -> None:
    for what in READING:
        for path in _READ if "<" in what[1] else _READ[-1:]:
            await _compare(one, two, what, path, "way/hidden")
    for name, paths in {"find": PATHS, "list_children": PATHS, "read_changes": ("",), "usage": ("",)}.items():
        for path in paths:
            told = [await call(world, CALLS[name], path, "") for world in (one, two)]
            assert told[0] == told[1], (name, path)


async def _compare(one: World, two: World, what: tuple[str, str], path: str, other: str) -> None:
    asking = {**READING, **CHANGING}[what]
    for world in (one, two):
        world.watch.pass_seconds(1)
    two.watch.now = one.watch.now
    told = [[each async for each in asking(world, path, other)] for world in (one, two)]
    for first, second in zip(*told, strict=True):
        assert first == second, (what, path, other)


_steps: Final = st.lists(
    st.one_of(STEPS.map(lambda step: (step, False)), HIDDEN_STEPS.map(lambda step: (step, True))), min_size=5
)
_asked: Final = st.lists(
    st.tuples(st.integers(0, len(CHANGING) - 1), st.sampled_from(PATHS), st.sampled_from(PATHS)),
    min_size=5,
    max_size=10,
)


@pytest.mark.slow
@settings(max_examples=4, derandomize=True, phases=[Phase.explicit, Phase.generate])
@given(role=st.sampled_from(Role), steps=_steps, asked=_asked)
@example(role=Role.VIEWER, steps=[], asked=[])
@example(role=Role.UPLOADER, steps=[], asked=[])
@example(role=Role.EDITOR, steps=[], asked=[])
@example(role=Role.MANAGER, steps=[], asked=[])
@in_reactor
async def test_it_makes_no_difference(role: Role, steps: Sequence[tuple[Step, bool]], asked: Any) -> None:
    await compare(role, steps, asked)


def test_every_route_is_asked() -> None:
    routes = {
        (method, rule.rule)
        for rule, _ in list_routes(DriveApplication.route_types)
        for method in rule.methods or ()
        if method not in {"HEAD", "OPTIONS"}
    }
    assert routes == READING.keys() | CHANGING.keys()


def test_every_method_is_called() -> None:
    """But the one that only wakes: it says nothing to anybody."""
    public = {name for name, each in vars(Drive).items() if callable(each) and not name.startswith("_")}
    assert public == CALLS.keys() | {"on_change"}
