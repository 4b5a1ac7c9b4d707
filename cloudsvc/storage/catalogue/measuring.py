"""Checksums of blobs that were stored without, and the deduplication that they make possible."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from sqlalchemy import bindparam, func, select, text, update

from cloudsvc.drive.nodes import Blob, BlobId
from cloudsvc.storage.catalogue.schema import UNMEASURED, blob, version
from cloudsvc.storage.database.statements import Connection, compile_statement

# Written out as in the index, or it could not be used.
_UNMEASURED: Final = compile_statement(
    select(blob.c.id, blob.c.size, blob.c.digest, blob.c.crc32)
    .where(text(f"({UNMEASURED})"), blob.c.id > bindparam("after"), blob.c.refs > 0)
    .order_by(blob.c.id)
    .limit(bindparam("most"))
)
_RECORD: Final = compile_statement(
    update(blob)
    .where(blob.c.id == bindparam("blob"))
    .values(digest=func.coalesce(blob.c.digest, bindparam("new_digest")), crc32=bindparam("new_crc32"))
)
_EQUAL: Final = compile_statement(
    select(blob.c.id)
    .where(
        blob.c.digest == bindparam("digest"),
        blob.c.size == bindparam("size"),
        blob.c.marked == 0,
        blob.c.id != bindparam("blob"),
    )
    .limit(1)
)
_REFER: Final = compile_statement(
    update(version)
    .where(
        version.c.id.in_(
            select(version.c.id)
            .where(version.c.blob == bindparam("former"))
            .order_by(version.c.id)
            .limit(bindparam("most"))
        )
    )
    .values(blob=bindparam("equal"))
)
_COUNT_REFS: Final = compile_statement(
    update(blob).where(blob.c.id == bindparam("blob")).values(refs=blob.c.refs + bindparam("difference"))
)


def list_unmeasured(connection: Connection, limit: int, after: BlobId | None) -> Sequence[Blob]:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_unmeasured`."""
    return [
        Blob(id=BlobId(found), size=size, digest=digest, crc32=crc32)
        for found, size, digest, crc32 in _UNMEASURED.rows(connection, after=after or "", most=limit)
    ]


def record_checksums(connection: Connection, measured: Blob) -> None:
    """The first step of :meth:`cloudsvc.drive.catalogue.Catalogue.record_checksums`."""
    _RECORD.run(connection, blob=measured.id, new_digest=measured.digest, new_crc32=measured.crc32)


def deduplicate(connection: Connection, measured: Blob, limit: int) -> int:
    """Let up to ``limit`` versions refer to an equal blob, if there is one; how many now do."""
    equal = _EQUAL.value(connection, digest=measured.digest, size=measured.size, blob=measured.id)
    if equal is None:
        return 0
    moved = _REFER.run(connection, former=measured.id, equal=equal, most=limit).rowcount
    for each, difference in ((measured.id, -moved), (equal, moved)):
        _COUNT_REFS.run(connection, blob=each, difference=difference)
    return moved
