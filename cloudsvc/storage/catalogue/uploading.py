"""Uploads in pieces that are not complete."""

from __future__ import annotations

from collections.abc import Sequence
from sqlite3 import Connection
from typing import Any, Final

from sqlalchemy import bindparam, delete, insert, select, update

from cloudsvc.drive.catalogue import Upload
from cloudsvc.drive.errors import upload_not_found
from cloudsvc.drive.nodes import BlobId, Instant
from cloudsvc.storage.catalogue.nodes import read_path
from cloudsvc.storage.catalogue.schema import upload
from cloudsvc.storage.catalogue.statements import compile_statement

_INSERT_UPLOAD: Final = compile_statement(
    insert(upload), "id", "blob", "owner", "path", "offset", "length", "expires_at"
)
_ADVANCE: Final = compile_statement(
    update(upload)
    .where(upload.c.id == bindparam("upload"))
    .values(offset=bindparam("new_offset"), expires_at=bindparam("new_end"))
)
_UPLOAD: Final = compile_statement(select(upload).where(upload.c.id == bindparam("upload")))
_END: Final = compile_statement(delete(upload).where(upload.c.id == bindparam("upload")))
_EXPIRED: Final = compile_statement(
    select(upload)
    .where(upload.c.expires_at < bindparam("before"))
    .order_by(upload.c.expires_at)
    .limit(bindparam("most"))
)


def insert_upload(connection: Connection, new: Upload) -> None:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.begin_upload`."""
    _INSERT_UPLOAD.run(
        connection,
        id=new.id,
        blob=new.blob,
        owner=new.owner,
        path=str(new.path),
        offset=new.offset,
        length=new.length,
        expires_at=new.expires_at,
    )


def advance_upload(connection: Connection, upload_id: str, offset: int, expires_at: Instant) -> None:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.advance_upload`."""
    if not _ADVANCE.run(connection, upload=upload_id, new_offset=offset, new_end=expires_at).rowcount:
        raise upload_not_found()


def find_upload(connection: Connection, upload_id: str) -> Upload | None:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_upload`."""
    found = _UPLOAD.row(connection, upload=upload_id)
    return _make_upload(found) if found else None


def delete_upload(connection: Connection, upload_id: str) -> None:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.end_upload`."""
    _END.run(connection, upload=upload_id)


def list_expired_uploads(connection: Connection, before: Instant, limit: int) -> Sequence[Upload]:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_expired_uploads`."""
    return [_make_upload(row) for row in _EXPIRED.rows(connection, before=before, most=limit)]


def _make_upload(row: tuple[Any, ...]) -> Upload:
    upload_id, blob_id, owner, path, offset, length, expires_at = row
    return Upload(
        id=upload_id,
        blob=BlobId(blob_id),
        owner=owner,
        path=read_path(path),
        offset=offset,
        length=length,
        expires_at=expires_at,
    )
