"""What has happened, in order, and from when on that is remembered."""

from __future__ import annotations

from sqlite3 import Connection
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, select, update

from cloudsvc.drive.changes import Change, ChangeKind, Changes
from cloudsvc.drive.errors import change_unknown, changes_forgotten
from cloudsvc.drive.nodes import Instant, NodeId
from cloudsvc.storage.catalogue.nodes import read_path
from cloudsvc.storage.catalogue.schema import change, state
from cloudsvc.storage.catalogue.statements import compile_statement

_CHANGES: Final = compile_statement(
    select(
        change.c.number,
        change.c.kind,
        change.c.node,
        change.c.is_folder,
        change.c.path,
        change.c.source,
        change.c.at,
        change.c.actor,
    )
    .where(change.c.number > bindparam("after"))
    .order_by(change.c.number)
    .limit(bindparam("most"))
)
_BOUNDS: Final = compile_statement(
    select(state.c.epoch, state.c.forgotten, select(func.max(change.c.number)).scalar_subquery())
)
_OUTDATED: Final = compile_statement(
    select(change.c.number)
    .where(change.c.at < bindparam("before"))
    .order_by(change.c.at, change.c.number)
    .limit(bindparam("most"))
)
_FORGET_CHANGES: Final = compile_statement(delete(change).where(change.c.number <= bindparam("last")))
_SET_FORGOTTEN: Final = compile_statement(update(state).values(forgotten=bindparam("last")))


def read_changes(connection: Connection, after: int, limit: int) -> Changes:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.read_changes`."""
    bounds: Any = _BOUNDS.row(connection)
    epoch, forgotten, last = bounds
    if after < forgotten:
        raise changes_forgotten()
    if after > max(last or 0, forgotten):
        raise change_unknown()
    items = [_make_change(row) for row in _CHANGES.rows(connection, after=after, most=limit)]
    return Changes(epoch=epoch, last=items[-1].number if items else after, items=items)


def forget_changes(connection: Connection, before: Instant, most: int) -> int:
    """Forget up to ``most`` changes from before a moment, the oldest first; how many that were."""
    outdated = _OUTDATED.run(connection, before=before, most=most).fetchall()
    if outdated:
        last = max(number for (number,) in outdated)
        _SET_FORGOTTEN.run(connection, last=last)
        return _FORGET_CHANGES.run(connection, last=last).rowcount
    return 0


def _make_change(row: tuple[Any, ...]) -> Change:
    number, kind, node_id, is_folder, path, source, at, actor = row
    return Change(
        number=number,
        kind=ChangeKind(kind),
        node=NodeId(node_id),
        is_folder=bool(is_folder),
        path=read_path(path),
        source=None if source is None else read_path(source),
        at=at,
        actor=actor,
    )
