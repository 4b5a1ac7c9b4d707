"""Strategies for operations that have something to do with what a model holds."""

from __future__ import annotations

import time

from hypothesis import strategies as st

from tests.support.drive_model.commands import Batch, Copy, Discard, MakeFolder, Move, Purge, Restore, Revert, Step, Tag
from tests.support.drive_model.model import Content, Demand, Model
from tests.support.drive_model.operations import Collect, Expire, Operation, Read, Upload

_NAMES = st.sampled_from("ab")
_ANY_PATH = st.lists(_NAMES, min_size=1, max_size=3).map("/".join)
CONTENTS = st.sampled_from([b"", b"1", b"22", b"333", b"4" * 70_000])


def paths(model: Model, focus: str | None = None) -> st.SearchStrategy[str]:
    """Paths of what is there, and others; where there is a ``focus``, mostly that."""
    known = [*model.nodes]
    return st.one_of(
        [
            _ANY_PATH,
            *([st.sampled_from(known)] * 2 if known else []),
            *([st.just(focus)] * 6 if focus else []),
        ]
    )


def demands(model: Model, path: str) -> st.SearchStrategy[Demand]:
    """Conditions on the file at ``path``, of which many hold."""
    node = model.nodes.get(path)
    current = model.versions(current=True)
    some = [Demand(), Demand(), Demand(absent=True), Demand(present=True), Demand(tokens=frozenset())]
    if isinstance(node, Content):
        some += [Demand(tokens=frozenset({node.token}))] * 3 + [Demand(excluded=frozenset({node.token}))]
        some += [Demand(tokens=frozenset({token})) for token, _ in node.versions[1:]]
    some += [Demand(tokens=frozenset({token})) for token in current[:1]]
    return st.sampled_from(some)


@st.composite
def uploads(draw: st.DrawFn, model: Model, focus: str | None = None) -> Upload:
    """An upload."""
    path = draw(paths(model, focus))
    return Upload(path, draw(CONTENTS), draw(demands(model, path)), draw(st.sampled_from([True, True, False])))


@st.composite
def steps(draw: st.DrawFn, model: Model, focus: str | None = None) -> Step:
    """One command."""
    path, other = draw(paths(model, focus)), draw(paths(model, focus))
    kind = draw(st.sampled_from([None, None, "file", "folder"]))
    node = model.nodes.get(path)
    # The root is rarely asked for.
    rare = draw(st.sampled_from(["", *[path] * 9]))
    demand = draw(demands(model, path))
    chosen: list[Step] = [
        MakeFolder(rare),
        Move(path, other, kind, demand),
        Move(path, other),
        Move(rare, draw(st.sampled_from(["", other]))),
        Copy(rare, other),
        Discard(path, kind, demand),
        Discard(rare),
        Tag(path, *draw(st.sampled_from([(("t", "a"), ("b",)), (("b",), ("a",)), (("b",), ())])), demand),
    ]
    if model.trash:
        entry = draw(st.sampled_from(model.trash)).token
        chosen += [Restore(entry), Restore(entry, other), Purge(entry), Purge(None)]
    if isinstance(node, Content):
        chosen.append(Revert(path, draw(st.sampled_from(node.versions))[0], demand))
    return draw(st.sampled_from(chosen))


@st.composite
def any_operations(draw: st.DrawFn, model: Model, focus: str | None = None) -> Operation:
    """Anything that can be done."""
    now = time.time_ns() // 1000
    chosen: Operation = draw(
        st.one_of(
            uploads(model, focus),
            uploads(model, focus),
            steps(model, focus),
            steps(model, focus),
            steps(model, focus),
            st.lists(steps(model, focus), min_size=2, max_size=3).map(Batch),
            st.builds(Read, paths(model, focus)),
            st.just(Collect()),
            st.just(Expire(now, entries=tuple(entry.token for entry in model.trash))),
            st.just(Expire(now, versions=tuple(model.versions(current=False)))),
        )
    )
    return chosen
