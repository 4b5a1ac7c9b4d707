"""Change history: what has happened, in order, and since when it is remembered."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from attrs import evolve
from sqlalchemy import and_, bindparam, delete, func, insert, literal_column, or_, select, update

from cloudsvc.drive.changes import Change, ChangeKind, Changes, Looked
from cloudsvc.drive.errors import change_unknown, changes_expired
from cloudsvc.drive.nodes import Instant, NodeId
from cloudsvc.storage.catalogue.freezing import FREEZE_COLUMNS, admit_change, find_standing, read_freeze
from cloudsvc.storage.catalogue.nodes import Ancestry, load_rows, make_row_version, read_chain, read_path
from cloudsvc.storage.catalogue.schema import change, state
from cloudsvc.storage.catalogue.sight import Sight, format_ids, holds_any
from cloudsvc.storage.database.constructs import is_among, json_member
from cloudsvc.storage.database.statements import Connection, compile_statement

_columns: Final = select(
    change.c.number,
    change.c.kind,
    change.c.node,
    change.c.is_folder,
    change.c.path,
    change.c.source,
    change.c.at,
    change.c.actor,
    change.c.chain,
    change.c.source_chain,
).limit(bindparam("most"))
_changes: Final = _columns.where(change.c.number > bindparam("after")).order_by(change.c.number)
_is_move: Final = change.c.kind == literal_column(f"'{ChangeKind.MOVED.value}'")
_is_seen: Final = or_(
    holds_any(change.c.chain, "granted"),
    and_(
        _is_move,
        or_(
            holds_any(change.c.source_chain, "granted"),
            # Where a folder on the way is, is part of every path that is seen, since it has been on the way.
            change.c.number > json_member(bindparam("ways"), change.c.node),
        ),
    ),
)
_CHANGES: Final = compile_statement(_changes)
_SEEN_CHANGES: Final = compile_statement(_changes.where(_is_seen))
_LAST_SEEN: Final = compile_statement(
    _columns.where(change.c.number > bindparam("after"), _is_seen).order_by(change.c.number.desc())
)
_ARRIVALS: Final = compile_statement(
    select(change.c.node, func.max(change.c.number))
    .where(
        change.c.number > bindparam("after"),
        is_among(change.c.node, bindparam("places")),
        or_(
            change.c.kind.in_(
                [literal_column(f"'{kind.value}'") for kind in (ChangeKind.CREATED, ChangeKind.RESTORED)]
            ),
            and_(_is_move, change.c.source_chain != change.c.chain),
        ),
    )
    .group_by(change.c.node)
)
_BOUNDS: Final = compile_statement(select(state.c.epoch, state.c.forgotten, state.c.last_change))
_COUNT_ON: Final = compile_statement(
    update(state)
    .values(last_change=state.c.last_change + bindparam("more"))
    .returning(state.c.last_change, *FREEZE_COLUMNS)
)
_INSERT: Final = compile_statement(
    insert(change),
    *("number", "kind", "node", "is_folder", "path", "source", "at", "actor", "chain", "source_chain"),
)
_OUTDATED: Final = compile_statement(
    select(change.c.number)
    .where(change.c.at < bindparam("before"))
    .order_by(change.c.at, change.c.number)
    .limit(bindparam("most"))
)
_FORGET_CHANGES: Final = compile_statement(delete(change).where(change.c.number <= bindparam("last")))
_SET_FORGOTTEN: Final = compile_statement(update(state).values(forgotten=bindparam("last")))


def record_changes(connection: Connection, noted: Sequence[dict[str, Any]], now: Instant) -> None:
    """
    Give changes their numbers, and keep them: the last statements of a transaction.

    Whoever comes second waits for the row of the state until the first has committed. So numbers come in the order of
    commits, with none left out: who has seen one meets no smaller one later, however many write.

    :raises CloudError: the catalogue is frozen.
    """
    if noted:
        counted: Any = _COUNT_ON.row(connection, more=len(noted))
        last, *frozen = counted
        # Only here, since the row is changed anyway: to ask before would take a statement more for each request.
        admit_change(connection, read_freeze(*frozen), now)
        first = last - len(noted) + 1
        _INSERT.run_for_each(connection, [{"number": number, **each} for number, each in enumerate(noted, first)])
    else:
        admit_change(connection, find_standing(connection).freeze, now)


def find_last_change(connection: Connection) -> int:
    """The number of the last change; 0 where there was none."""
    bounds: Any = _BOUNDS.row(connection)
    return int(bounds[2])


def read_changes(
    connection: Connection,
    after: int,
    limit: int,
    sight: Sight,
    *,
    epoch: str | None = None,
    looked: Looked | None = None,
) -> Changes:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.read_changes`, of what is in ``sight``."""
    bounds: Any = _BOUNDS.row(connection)
    present, forgotten, last = bounds
    if epoch is not None and epoch != present:
        raise changes_expired()
    is_continued = looked is not None and looked.sight == sight.outline
    start = max(after, looked.to) if looked is not None and is_continued else after
    if start < forgotten:
        raise changes_expired()
    if sight.sees_all:
        if after > last:
            raise change_unknown()
        rows = [*_CHANGES.rows(connection, after=start, most=limit)]
        items = [_make_change(row) for row in rows]
    else:
        rows = _read_seen(connection, start, limit, sight)
        items = [_tell_change(row, sight) for row in rows]
        # How many changes there are is not this actor's to know: the last one that is seen is the last one there is.
        if not (items or is_continued) and after > forgotten and not _read_seen(connection, after - 1, 1, sight):
            raise change_unknown()
    return Changes(
        epoch=present,
        last=items[-1].number if items else after,
        items=_add_versions(connection, present, items, sight),
        looked=Looked(to=items[-1].number if len(items) == limit else max(last, start), sight=sight.outline),
    )


def find_last_seen(connection: Connection, sight: Sight) -> Changes:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_last_change`, of what is in ``sight``."""
    bounds: Any = _BOUNDS.row(connection)
    epoch, forgotten, last = bounds
    seen = last
    if not sight.sees_all:
        found = _read_seen(connection, forgotten, 1, sight, is_last=True)
        seen = found[0][0] if found else forgotten
    return Changes(epoch=epoch, last=seen, items=[], looked=Looked(to=last, sight=sight.outline))


def forget_changes(connection: Connection, before: Instant, most: int) -> int:
    """Forget up to ``most`` changes from before a moment, the oldest first; how many that were."""
    outdated = _OUTDATED.run(connection, before=before, most=most).fetchall()
    if outdated:
        last = max(number for (number,) in outdated)
        _SET_FORGOTTEN.run(connection, last=last)
        return _FORGET_CHANGES.run(connection, last=last).rowcount
    return 0


def _read_seen(
    connection: Connection, after: int, limit: int, sight: Sight, *, is_last: bool = False
) -> list[tuple[Any, ...]]:
    granted = format_ids(sight.granted)
    statement = _LAST_SEEN if is_last else _SEEN_CHANGES

    def read(ways: Mapping[int, int]) -> list[tuple[Any, ...]]:
        return [*statement.rows(connection, after=after, most=limit, granted=granted, ways=json.dumps(ways))]

    rows = read(dict.fromkeys(sight.ways, 0))
    if any(kind == ChangeKind.MOVED.value and sight.is_way(node_id) for _, kind, node_id, *_ in rows):
        # Only for these, which are rare, all changes up to the last are looked through.
        places = format_ids(sight.granted | sight.ways)
        rows = read(sight.find_beginnings(dict(_ARRIVALS.rows(connection, after=after, places=places))))
    return rows


def _add_versions(connection: Connection, epoch: str, items: Sequence[Change], sight: Sight) -> Sequence[Change]:
    """``items`` with what their files contain now, as far as that is seen where they are now."""
    files = {item.node for item in items if _tells_content(item)}
    if not files:
        return items
    rows = [*load_rows(connection, files).values()]
    ancestry = Ancestry(connection)
    ancestry.load(row.parent for row in rows)
    chains = [(row, ancestry.find_chain(row)) for row in rows]
    found = {
        row.id: make_row_version(epoch, row)
        for row, chain in chains
        if row.is_file and chain is not None and sight.sees(chain)
    }
    return [evolve(item, version=found.get(item.node)) if _tells_content(item) else item for item in items]


def _tells_content(change: Change) -> bool:
    return not (change.is_folder or change.kind is ChangeKind.DISCARDED)


def _tell_change(row: tuple[Any, ...], sight: Sight) -> Change:
    """A change as it is told to who does not see everything: what comes from elsewhere is new, what goes is gone."""
    change, chain, before = _make_change(row), read_chain(row[-2]), row[-1] and read_chain(row[-1])
    path = sight.tell(change.path, chain) if sight.sees(chain) else None
    source = sight.tell(change.source or change.path, before) if before and sight.sees(before) else None
    kind = change.kind
    if kind is ChangeKind.MOVED and path is None and source is not None:
        kind, path, source = ChangeKind.DISCARDED, source, None
    elif kind in {ChangeKind.MOVED, ChangeKind.RESTORED} and path is not None and source is None:
        kind = ChangeKind.CREATED
    # A folder that is granted or on the way has one place that is told, that of now.
    is_told = change.source is not None and source != path
    return evolve(change, kind=kind, path=path or sight.find_path(change.node), source=source if is_told else None)


def _make_change(row: tuple[Any, ...]) -> Change:
    number, kind, node_id, is_folder, path, source, at, actor, *_ = row
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
