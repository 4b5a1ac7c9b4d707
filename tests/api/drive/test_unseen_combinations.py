"""
Nothing that an actor may not see makes any difference: combinations that nobody would draw.

As in ``test_what_is_not_seen.py``, two drives differ in that alone. Here the grants of a guest lie within each other,
and the requests are chosen (``tests/support/guest_combinations.py``).
"""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any, Final

import pytest

from cloudsvc.core.actors import OWNER, Role
from cloudsvc.drive.commands import MakeFolder, SetQuota
from cloudsvc.drive.names import parse_path
from tests.support.actors import make_guest
from tests.support.guest_combinations import CHANGING, COMPOSED, READING, restore_all
from tests.support.guest_requests import send
from tests.support.reactors import in_reactor
from tests.support.two_drives import World, open_world

_OVERLAPPING: Final = "uploader around an editor"

GRANTS: Final[dict[str, dict[str, Role]]] = {
    "viewer": {"way/in": Role.VIEWER, "x/y": Role.VIEWER},
    "uploader": {"way/in": Role.UPLOADER, "x/y": Role.UPLOADER},
    "editor": {"way/in": Role.EDITOR, "x/y": Role.EDITOR},
    "manager": {"way/in": Role.MANAGER, "x/y": Role.MANAGER},
    _OVERLAPPING: {"way": Role.UPLOADER, "way/in": Role.EDITOR, "x/y": Role.VIEWER},
    "uploader of everything": {"": Role.UPLOADER, "way/in": Role.MANAGER},
    "uploader around a viewer": {"way/in": Role.UPLOADER, "way/in/deep": Role.VIEWER},
    "nobody": {},
}
"""Who has what on which folder."""

SEEN: Final = ("way/in/a", "way/in/b.png", "way/in/deep/c", "way/in/deep/d.txt", "x/y/g", "x/y/way/h")
"""What both drives hold. What of it a guest does not see is the same in both, too."""

HIDDEN: Final = (
    *("way/hidden", "way/out/d", "way/a", "way/inn/a", "secret/e", "secret/much deeper/f.png", "root.txt", "x/h"),
    *("x/yy/f", COMPOSED, "way/thumbnail", "x/thumbnail", "new", "way/new/new"),
)
"""What the second one holds as well."""


async def furnish(world: World, grants: dict[str, Role], *, is_second: bool) -> None:
    """Let a drive come to be, and the guest have ``grants``."""
    await world.grant(Role.VIEWER)
    for number, path in enumerate(SEEN):
        for content in ("old", "seen"):
            await world.take(("store", path, content), number)
    if is_second:
        await _hide_things(world)
    await world.take(("tag", "way/in/a", ""), 71)
    for number, path in enumerate(("way/in/deep/d.txt", "x/y/g")):
        await world.take(("discard", path, ""), 72 + number)
        await world.take(("store", path, "new"), 74 + number)
    nodes = {path: await world.drive.find(OWNER, parse_path(path)) for path in grants}
    world.source.guest = make_guest(*((role, nodes[path].id) for path, role in grants.items()))


async def _hide_things(world: World) -> None:
    for number, path in enumerate(HIDDEN):
        # Some have the same bytes as what is seen.
        for step in (("store", path, "seen" if number % 2 else "hidden"), ("store", path, "new"), ("tag", path, "")):
            assert await world.take(step, number + 11) is None
    await world.do(MakeFolder(path=parse_path("way/empty")), SetQuota(path=parse_path("way/out"), quota=5))
    for path in ("way/inn", "x/h"):
        assert await world.take(("discard", path, ""), 60) is None


async def look(world: World) -> list[Any]:
    """All that the guest sees."""
    folders = ("/folders", "/folders/way", "/folders/way/in", "/folders/way/in/deep", "/folders/x/y")
    answers = [
        await send(world, "GET", target) for target in ("/files?sort=path&limit=1000", "/trash?limit=1000", *folders)
    ]
    changes, usage = await world.drive.read_changes(world.guest, 0, 1000), await world.drive.usage(world.guest)
    return [*answers, world.reduce(changes), world.reduce(usage)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("grants", "engine"),
    [*((grants, "sqlite") for grants in GRANTS), *((grants, "postgresql") for grants in ("manager", _OVERLAPPING))],
)
@in_reactor
async def test_it_makes_no_difference(tmp_path: Path, grants: str, engine: str) -> None:
    async with AsyncExitStack() as stack:
        one = await stack.enter_async_context(open_world(tmp_path / "one", "elsewhere", engine=engine))
        opening = open_world(tmp_path / "two", "secret/much deeper", engine=engine)
        two = await stack.enter_async_context(opening)
        await furnish(one, GRANTS[grants], is_second=False)
        await furnish(two, GRANTS[grants], is_second=True)
        one.watch.now = 1_800_000_000 * 1_000_000
        for what, requests in {**READING, **CHANGING, "restorations": [restore_all]}.items():
            for number, request in enumerate(requests):
                two.watch.now = one.watch.pass_seconds(1)
                assert await request(one) == await request(two), (what, number)
            assert await look(one) == await look(two), what
