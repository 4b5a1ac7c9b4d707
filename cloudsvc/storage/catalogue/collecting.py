"""Unreferenced blobs, and the pins that keep blobs from being collected."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, delete, func, insert, literal_column, or_, select, update

from cloudsvc.drive.catalogue import PinId
from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import BlobId, Instant, VersionId
from cloudsvc.storage.catalogue.nodes import Ancestry, load_rows
from cloudsvc.storage.catalogue.schema import blob, pin, version
from cloudsvc.storage.catalogue.storing import count_bytes
from cloudsvc.storage.database.constructs import is_among_texts
from cloudsvc.storage.database.statements import Connection, compile_statement

_MARK: Final = compile_statement(
    update(blob)
    .where(
        blob.c.id.in_(
            select(blob.c.id)
            # Written out, not parameters: only so the index of unused blobs can be used.
            .where(
                blob.c.refs == literal_column("0"),
                blob.c.marked == literal_column("0"),
                blob.c.id > bindparam("after"),
            )
            .order_by(blob.c.id)
            .limit(bindparam("most"))
        )
    )
    .values(marked=1)
)
_MARKED: Final = compile_statement(
    select(blob.c.id)
    .where(blob.c.refs == literal_column("0"), blob.c.marked == literal_column("1"), blob.c.id > bindparam("after"))
    .order_by(blob.c.id)
    .limit(bindparam("most"))
)
_FORGET: Final = compile_statement(
    delete(blob)
    .where(is_among_texts(blob.c.id, bindparam("blobs")), blob.c.marked == literal_column("1"))
    .returning(blob.c.size)
)
_KNOWN: Final = compile_statement(select(blob.c.id).where(is_among_texts(blob.c.id, bindparam("blobs"))))
_USERS: Final = compile_statement(
    select(version.c.id, version.c.node).where(version.c.blob == bindparam("blob")).order_by(version.c.id)
)
_PINS: Final = compile_statement(
    select(func.count()).select_from(pin).where(pin.c.until > bindparam("now"), pin.c.until <= bindparam("latest"))
)
_INSERT_PIN: Final = compile_statement(insert(pin).returning(pin.c.id), "until")
_DELETE_PIN: Final = compile_statement(delete(pin).where(pin.c.id == bindparam("pin")))
_DELETE_VOID_PINS: Final = compile_statement(
    delete(pin).where(or_(pin.c.until <= bindparam("now"), pin.c.until > bindparam("latest")))
)

_LONGEST_PIN: Final = 24 * 3600 * 1_000_000
"""Microseconds. One that would hold longer was set by a clock that was wrong."""


def mark_for_deletion(connection: Connection, limit: int, after: BlobId | None, now: Instant) -> Sequence[BlobId]:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.mark_for_deletion`."""
    if is_pinned(connection, now):
        return []
    _MARK.run(connection, after=after or "", most=limit)
    return [found for (found,) in _MARKED.rows(connection, after=after or "", most=limit)]


def forget(connection: Connection, blobs: Sequence[BlobId]) -> None:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.forget`."""
    count_bytes(connection, -sum(size for (size,) in _FORGET.rows(connection, blobs=json.dumps(blobs))))


def find_unknown(connection: Connection, blobs: Sequence[BlobId]) -> Sequence[BlobId]:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_unknown`."""
    known = {each for (each,) in _KNOWN.rows(connection, blobs=json.dumps(blobs))}
    return [each for each in blobs if each not in known]


def find_users(connection: Connection, blob_id: BlobId) -> Sequence[tuple[DrivePath, VersionId]]:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_users`."""
    users = _USERS.run(connection, blob=blob_id).fetchall()
    rows = load_rows(connection, {node_id for _, node_id in users})
    paths = dict(zip(rows, Ancestry(connection).find_anywhere([*rows.values()]), strict=True))
    return [(path, VersionId(number)) for number, node_id in users if (path := paths.get(node_id)) is not None]


def is_pinned(connection: Connection, now: Instant) -> bool:
    """Whether nothing may be marked for deletion."""
    return bool(_PINS.value(connection, now=now, latest=now + _LONGEST_PIN))


def insert_pin(connection: Connection, until: Instant, now: Instant) -> PinId:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.pin`."""
    _DELETE_VOID_PINS.run(connection, now=now, latest=now + _LONGEST_PIN)
    return PinId(_INSERT_PIN.value(connection, until=until))


def delete_pin(connection: Connection, number: PinId) -> None:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.unpin`."""
    _DELETE_PIN.run(connection, pin=number)
