"""Change history, as it is told to those who see a part of the tree."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from attrs import evolve

from cloudsvc.drive.changes import Change, ChangeKind, Changes, Looked
from cloudsvc.drive.errors import change_unknown, changes_expired
from cloudsvc.drive.nodes import Instant
from cloudsvc.storage.memory_catalogue.sight import Sight
from cloudsvc.storage.memory_catalogue.tables import Happening, Tables


def read_changes(
    after: int, limit: int, sight: Sight, *, epoch: str | None = None, looked: Looked | None = None
) -> Changes:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.read_changes`, of what is in ``sight``."""
    tables = sight.tables
    is_continued = looked is not None and looked.sight == sight.outline
    start = max(after, looked.to) if looked is not None and is_continued else after
    if start < tables.forgotten or epoch not in {None, tables.epoch}:
        raise changes_expired()
    seen = _find_seen(sight)
    items = [_tell(each, sight) for each in seen if each.change.number > start][:limit]
    # How many changes there are is not everybody's to know: the last one that is seen is the last one there is.
    last = tables.last_change if sight.sees_all else max((each.change.number for each in seen), default=0)
    if after > max(last, tables.forgotten) and not (is_continued and not sight.sees_all):
        raise change_unknown()
    return Changes(
        epoch=tables.epoch,
        last=items[-1].number if items else after,
        items=[_add_version(each, sight) for each in items],
        looked=Looked(
            to=items[-1].number if len(items) == limit else max(tables.last_change, start), sight=sight.outline
        ),
    )


def find_last_seen(sight: Sight) -> Changes:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_last_change`, of what is in ``sight``."""
    tables = sight.tables
    last = tables.last_change
    if not sight.sees_all:
        last = max((each.change.number for each in _find_seen(sight)), default=tables.forgotten)
    return Changes(epoch=tables.epoch, last=last, items=[], looked=Looked(to=tables.last_change, sight=sight.outline))


def record_changes(tables: Tables, noted: Iterable[Happening]) -> None:
    """Give what has happened its numbers, and keep it."""
    for number, happening in enumerate(noted, tables.last_change + 1):
        tables.changes[number] = evolve(happening, change=evolve(happening.change, number=number))
        tables.last_change = number


def forget_changes(tables: Tables, before: Instant) -> None:
    """Forget the changes from before a moment."""
    outdated = [each.change.number for each in tables.changes.values() if each.change.at < before]
    tables.forgotten = max(outdated, default=tables.forgotten)
    tables.changes = {number: each for number, each in tables.changes.items() if number > tables.forgotten}


def _add_version(change: Change, sight: Sight) -> Change:
    """``change`` with what its file contains now, if that is seen where it is now."""
    if change.is_folder or change.kind is ChangeKind.DISCARDED:
        return change
    chain = sight.tables.find_chain(change.node)
    if chain is None or not sight.sees(chain):
        return change
    return evolve(change, version=sight.tables.make_version(sight.tables.nodes[change.node].contents[-1]))


def _find_seen(sight: Sight) -> list[Happening]:
    """What is told of, in order."""
    happenings = [*sight.tables.changes.values()]
    if sight.sees_all:
        return happenings
    beginnings = sight.find_beginnings(happenings)
    return [each for each in happenings if sight.sees(each.chain) or _is_seen_move(each, sight, beginnings)]


def _is_seen_move(happening: Happening, sight: Sight, beginnings: Mapping[int, int]) -> bool:
    """Whether it is a move away from what is seen, or of a folder that has been on the way before."""
    change = happening.change
    if change.kind is not ChangeKind.MOVED:
        return False
    from_sight = happening.former_chain is not None and sight.sees(happening.former_chain)
    return from_sight or (change.node in beginnings and change.number > beginnings[change.node])


def _tell(happening: Happening, sight: Sight) -> Change:
    """A change as it is told: to who does not see everything, what comes from elsewhere is new, what goes is gone."""
    change, before = happening.change, happening.former_chain
    if sight.sees_all:
        return change
    path = sight.tell(change.path, happening.chain) if sight.sees(happening.chain) else None
    source = sight.tell(change.source or change.path, before) if before and sight.sees(before) else None
    kind = change.kind
    if kind is ChangeKind.MOVED and path is None and source is not None:
        kind, path, source = ChangeKind.DISCARDED, source, None
    elif kind in {ChangeKind.MOVED, ChangeKind.RESTORED} and path is not None and source is None:
        kind = ChangeKind.CREATED
    # A folder that is granted or on the way has one place that is told, that of now.
    is_told = change.source is not None and source != path
    return evolve(
        change, kind=kind, path=path or sight.tables.find_path(change.node), source=source if is_told else None
    )
