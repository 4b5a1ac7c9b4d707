"""Entries of the audit in a database."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Final

from sqlalchemy import bindparam, delete, insert, or_, select, update

from cloudsvc.audit import bounds
from cloudsvc.audit.chain import BEGINNING, Head, chain
from cloudsvc.audit.entries import Entry, Event, Outcome, Wanted
from cloudsvc.audit.log import Extent, Page
from cloudsvc.core.clock import Instant
from cloudsvc.storage.audit.schema import entry, state
from cloudsvc.storage.database.statements import Connection, compile_statement

_SAID: Final = (
    *(entry.c.at, entry.c.actor, entry.c.credential, entry.c.key_id, entry.c.client, entry.c.request, entry.c.action),
    *(entry.c.target, entry.c.target_id, entry.c.outcome, entry.c.status, entry.c.times),
)
_COLUMNS: Final = (entry.c.number, entry.c.digest, *_SAID)

_FIND_EXTENT: Final = compile_statement(
    select(state.c.base_number, state.c.base_digest, state.c.head_number, state.c.head_digest)
)
_APPEND: Final = compile_statement(insert(entry), *(column.name for column in entry.columns))
_SET_HEAD: Final = compile_statement(
    update(state).values(head_number=bindparam("new_number"), head_digest=bindparam("new_digest"))
)
_READ: Final = compile_statement(
    select(*_COLUMNS).where(entry.c.number > bindparam("after")).order_by(entry.c.number).limit(bindparam("limit"))
)
_FIND_PAGE: Final = compile_statement(
    select(*_COLUMNS)
    .where(entry.c.number < bindparam("before"), entry.c.number > bindparam("beyond"))
    .where(entry.c.at >= bindparam("since"), entry.c.at < bindparam("until"))
    .where(
        *(
            or_(bindparam(f"any_{column.name}") == 1, column == bindparam(f"wanted_{column.name}"))
            for column in (entry.c.actor, entry.c.action, entry.c.outcome)
        )
    )
    .order_by(entry.c.number.desc())
    .limit(bindparam("limit"))
)
_FIND_OLDEST: Final = compile_statement(
    select(entry.c.number, entry.c.at, entry.c.digest).order_by(entry.c.number).limit(bindparam("limit"))
)
_CUT: Final = compile_statement(delete(entry).where(entry.c.number <= bindparam("last")))
_SET_BASE: Final = compile_statement(
    update(state).values(base_number=bindparam("new_number"), base_digest=bindparam("new_digest"))
)


def append(connection: Connection, events: Sequence[Event]) -> Head:
    """As :meth:`cloudsvc.audit.log.AuditLog.append`."""
    head = find_extent(connection).head
    entries = [*chain(head, events)]
    if not entries:
        return head
    _APPEND.run_for_each(connection, [_write(each) for each in entries])
    head = Head(number=entries[-1].number, digest=entries[-1].digest)
    _SET_HEAD.run(connection, new_number=head.number, new_digest=head.digest)
    return head


def find_extent(connection: Connection) -> Extent:
    """As :meth:`cloudsvc.audit.log.AuditLog.find_extent`."""
    row = _FIND_EXTENT.row(connection)
    if row is None:
        # Somebody has taken it away, which is as if all had been.
        return Extent(base=BEGINNING, head=BEGINNING)
    base_number, base_digest, head_number, head_digest = row
    return Extent(
        base=Head(number=base_number, digest=bytes(base_digest)),
        head=Head(number=head_number, digest=bytes(head_digest)),
    )


def read(connection: Connection, after: int, limit: int) -> Sequence[Entry]:
    """As :meth:`cloudsvc.audit.log.AuditLog.read`."""
    return [*_read_rows(_READ.rows(connection, after=after, limit=min(limit, bounds.MAX_TOGETHER)))]


def find_page(connection: Connection, wanted: Wanted, limit: int, before: int | None) -> Page:
    """As :meth:`cloudsvc.audit.log.AuditLog.find_page`."""
    extent, limit = find_extent(connection), min(limit, bounds.MAX_TOGETHER)
    before = extent.head.number + 1 if before is None else min(before, extent.head.number + 1)
    beyond = max(extent.base.number, before - 1 - bounds.MAX_LOOKED_THROUGH)
    asked = {"actor": wanted.actor, "action": wanted.action, "outcome": wanted.outcome and wanted.outcome.value}
    rows = _FIND_PAGE.rows(
        connection,
        before=before,
        beyond=beyond,
        since=wanted.since,
        until=wanted.until,
        limit=limit,
        **{f"any_{name}": int(value is None) for name, value in asked.items()},
        **{f"wanted_{name}": value or "" for name, value in asked.items()},
    )
    found = [*rows]
    last = found[-1][0] if len(found) >= limit else beyond + 1
    return Page(entries=[*_read_rows(found)], before=last if last > extent.base.number + 1 else None)


def cut(connection: Connection, before: Instant, limit: int) -> int:
    """As :meth:`cloudsvc.audit.log.AuditLog.cut`."""
    last: Head | None = None
    cut_off = 0
    for number, at, digest in _FIND_OLDEST.rows(connection, limit=min(limit, bounds.MAX_TOGETHER)):
        if at >= before:
            break
        last = Head(number=number, digest=bytes(digest))
        cut_off += 1
    if last is not None:
        _CUT.run(connection, last=last.number)
        _SET_BASE.run(connection, new_number=last.number, new_digest=last.digest)
    return cut_off


def _write(written: Entry) -> dict[str, Any]:
    event = written.event
    return {
        "number": written.number,
        "at": event.at,
        "actor": event.actor,
        "credential": event.credential,
        "key_id": event.key,
        "client": event.client,
        "request": event.request,
        "action": event.action,
        "target": event.target,
        "target_id": event.target_id,
        "outcome": event.outcome.value,
        "status": event.status,
        "times": event.count,
        "digest": written.digest,
    }


def _read_rows(rows: Iterable[tuple[Any, ...]]) -> Iterator[Entry]:
    for row in rows:
        try:
            yield _read_row(row)
        except (ValueError, TypeError):
            # Nobody could have appended it, and whoever verifies finds that it is missing.
            continue


def _read_row(row: tuple[Any, ...]) -> Entry:
    number, digest, at, actor, credential, key, client, request, action, target, target_id, outcome, *numbers = row
    status, count = numbers
    read = Entry(
        number=number,
        digest=bytes(digest),
        event=Event(
            at=at,
            actor=actor,
            credential=credential,
            key=key,
            client=client,
            request=request,
            action=action,
            target=target,
            target_id=target_id,
            outcome=Outcome(outcome),
            status=status,
            count=count,
        ),
    )
    event = read.event
    kept = (event.actor, event.credential, event.key, event.client, event.request, event.action, event.target)
    if (*kept, event.target_id) != (actor, credential, key, client, request, action, target, target_id):
        raise ValueError("a text is longer than any that is appended, or has what none has")
    return read
