"""Which blobs nothing needs, and what keeps them from being collected."""

from __future__ import annotations

from collections.abc import Sequence
from sqlite3 import Connection
from typing import Final

from sqlalchemy import bindparam, delete, func, insert, literal_column, or_, select, union_all, update

from cloudsvc.drive.catalogue import PinId
from cloudsvc.drive.names import Path
from cloudsvc.drive.nodes import BlobId, Instant, VersionId
from cloudsvc.storage.catalogue.nodes import Ancestry, find_former_path, load_row
from cloudsvc.storage.catalogue.schema import blob, pin, upload, version
from cloudsvc.storage.catalogue.statements import compile_statement
from cloudsvc.storage.catalogue.storing import count_bytes

_CONDEMN: Final = compile_statement(
    update(blob)
    .where(
        blob.c.id.in_(
            select(blob.c.id)
            # Written out, not parameters: only so the index of unused blobs can be used.
            .where(
                blob.c.refs == literal_column("0"),
                blob.c.condemned == literal_column("0"),
                blob.c.id > bindparam("after"),
            )
            .order_by(blob.c.id)
            .limit(bindparam("most"))
        )
    )
    .values(condemned=1)
)
_CONDEMNED: Final = compile_statement(
    select(blob.c.id)
    .where(blob.c.refs == literal_column("0"), blob.c.condemned == literal_column("1"), blob.c.id > bindparam("after"))
    .order_by(blob.c.id)
    .limit(bindparam("most"))
)
_SIZE: Final = compile_statement(
    select(blob.c.size).where(blob.c.id == bindparam("blob"), blob.c.condemned == literal_column("1"))
)
_FORGET: Final = compile_statement(delete(blob).where(blob.c.id == bindparam("blob")))
_KNOWN: Final = compile_statement(
    union_all(
        select(blob.c.id).where(blob.c.id == bindparam("blob")),
        select(upload.c.blob).where(upload.c.blob == bindparam("blob")),
    )
)
_USERS: Final = compile_statement(
    select(version.c.id, version.c.node).where(version.c.blob == bindparam("blob")).order_by(version.c.id)
)
_PINS: Final = compile_statement(
    select(func.count()).select_from(pin).where(pin.c.until > bindparam("now"), pin.c.until <= bindparam("latest"))
)
_INSERT_PIN: Final = compile_statement(insert(pin), "until")
_DELETE_PIN: Final = compile_statement(delete(pin).where(pin.c.id == bindparam("pin")))
_DELETE_VOID_PINS: Final = compile_statement(
    delete(pin).where(or_(pin.c.until <= bindparam("now"), pin.c.until > bindparam("latest")))
)

_LONGEST_PIN: Final = 24 * 3600 * 1_000_000
"""Microseconds. One that would hold longer was set by a clock that was wrong."""


def condemn(connection: Connection, limit: int, after: BlobId | None, now: Instant) -> Sequence[BlobId]:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.condemn`."""
    if is_pinned(connection, now):
        return []
    _CONDEMN.run(connection, after=after or "", most=limit)
    return [found for (found,) in _CONDEMNED.rows(connection, after=after or "", most=limit)]


def forget(connection: Connection, blobs: Sequence[BlobId]) -> None:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.forget`."""
    for each in blobs:
        size = _SIZE.value(connection, blob=each)
        if size is not None:
            _FORGET.run(connection, blob=each)
            count_bytes(connection, -size)


def find_unknown(connection: Connection, blobs: Sequence[BlobId]) -> Sequence[BlobId]:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_unknown`."""
    return [each for each in blobs if _KNOWN.row(connection, blob=each) is None]


def find_users(connection: Connection, blob_id: BlobId) -> Sequence[tuple[Path, VersionId]]:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_users`."""
    ancestry = Ancestry(connection)
    found: list[tuple[Path, VersionId]] = []
    for number, node_id in _USERS.run(connection, blob=blob_id).fetchall():
        row = load_row(connection, node_id)
        path = None if row is None else ancestry.find(row) or find_former_path(connection, row)
        if path is not None:
            found.append((path, VersionId(number)))
    return found


def is_pinned(connection: Connection, now: Instant) -> bool:
    """Whether nothing may be condemned."""
    return bool(_PINS.value(connection, now=now, latest=now + _LONGEST_PIN))


def insert_pin(connection: Connection, until: Instant, now: Instant) -> PinId:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.pin`."""
    _DELETE_VOID_PINS.run(connection, now=now, latest=now + _LONGEST_PIN)
    return PinId(_INSERT_PIN.run(connection, until=until).lastrowid or 0)


def delete_pin(connection: Connection, number: PinId) -> None:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.unpin`."""
    _DELETE_PIN.run(connection, pin=number)
