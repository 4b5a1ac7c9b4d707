"""Commands that give files their contents, and the count of who refers to a blob."""

from __future__ import annotations

from sqlite3 import Connection
from typing import Final

from sqlalchemy import and_, bindparam, delete, insert, select, update

from cloudsvc.drive.changes import ChangeKind
from cloudsvc.drive.commands import RestoreVersion, StoredFile, StoreFile
from cloudsvc.drive.errors import already_exists, is_folder, no_capacity, version_not_found
from cloudsvc.drive.names import Name, Path
from cloudsvc.drive.nodes import Blob, BlobId, File
from cloudsvc.storage.catalogue.nodes import Row, find_child, make_file, make_validator
from cloudsvc.storage.catalogue.schema import FILE, blob, node, state, version
from cloudsvc.storage.catalogue.statements import compile_statement
from cloudsvc.storage.catalogue.tree import Context

_EQUAL_BLOB: Final = compile_statement(
    select(blob.c.id).where(
        blob.c.digest == bindparam("digest"), blob.c.size == bindparam("size"), blob.c.condemned == 0
    )
)
_INSERT_BLOB: Final = compile_statement(insert(blob), "id", "digest", "size", "refs", "condemned")
_COUNT_BYTES: Final = compile_statement(
    update(state).values(stored_bytes=state.c.stored_bytes + bindparam("difference"))
)
_STORED: Final = compile_statement(select(state.c.stored_bytes))
_COUNT_REFS: Final = compile_statement(
    update(blob).where(blob.c.id == bindparam("blob")).values(refs=blob.c.refs + bindparam("difference"))
)
_INSERT_VERSION: Final = compile_statement(insert(version), "node", "blob", "media_type", "created_at")
_SUPERSEDE: Final = compile_statement(
    update(version).where(version.c.id == bindparam("version")).values(superseded_at=bindparam("now"))
)
_SET_CURRENT: Final = compile_statement(
    update(node)
    .where(node.c.id == bindparam("node"))
    .values(
        version=bindparam("new_version"),
        size=bindparam("new_size"),
        media_type=bindparam("new_media_type"),
        updated_at=bindparam("now"),
    )
)
_SURPLUS: Final = compile_statement(
    select(version.c.id, version.c.blob)
    .where(version.c.node == bindparam("node"))
    .order_by(version.c.id.desc())
    .limit(-1)
    .offset(bindparam("kept"))
)
_DELETE_VERSION: Final = compile_statement(delete(version).where(version.c.id == bindparam("version")))
_CONTENT: Final = compile_statement(
    select(blob.c.id, blob.c.size, blob.c.digest, version.c.media_type)
    .select_from(version.join(blob, blob.c.id == version.c.blob))
    .where(and_(version.c.id == bindparam("version"), version.c.node == bindparam("node")))
)


def store_file(context: Context, command: StoreFile) -> StoredFile:
    """As the command says."""
    folder, place = context.open_place(command.path)
    row = find_child(context.connection, folder, command.path.name)
    path = place / (Name(row.name, row.key) if row else command.path.name)
    if row is not None and not row.is_file:
        raise is_folder(path)
    command.condition.check(path, make_validator(context.epoch, row.version) if row else None)
    if row is not None and not command.replace:
        raise already_exists(path)
    content, joined = _join(context, command.blob, command.capacity)
    if row is None:
        row = context.load(context.insert(folder, command.path.name, FILE))
        _add_version(context, row, content, command.media_type, command.versions_kept)
        context.note(ChangeKind.CREATED, row, path)
        return StoredFile(file=_load_file(context, row, path), created=True, joined=joined)
    if (row.blob, row.media_type) != (content.id, command.media_type):
        _add_version(context, row, content, command.media_type, command.versions_kept)
        context.note(ChangeKind.CHANGED, row, path)
    return StoredFile(file=_load_file(context, row, path), created=False, joined=joined)


def restore_version(context: Context, command: RestoreVersion) -> File:
    """As the command says."""
    row, path = context.locate(command.path, File)
    context.check(command.condition, row, path)
    found = _CONTENT.row(context.connection, version=command.version, node=row.id)
    if found is None:
        raise version_not_found(path)
    if command.version != row.version:
        blob_id, size, digest, media_type = found
        content = Blob(id=blob_id, size=size, digest=digest)
        _add_version(context, row, content, media_type, command.versions_kept)
        context.note(ChangeKind.CHANGED, row, path)
    return _load_file(context, row, path)


def copy_content(context: Context, original: Row, copy: int) -> None:
    """Give a new file the content of another."""
    content = Blob(id=BlobId(original.blob), size=original.size, digest=original.digest)
    _add_version(context, context.load(copy), content, original.media_type, 1)


def drop_version(connection: Connection, number: int, blob_id: str) -> None:
    """Forget a version that is not the current one of any file."""
    _DELETE_VERSION.run(connection, version=number)
    _COUNT_REFS.run(connection, blob=blob_id, difference=-1)


def count_bytes(connection: Connection, difference: int) -> None:
    """So many bytes more are stored, or fewer."""
    _COUNT_BYTES.run(connection, difference=difference)


def _join(context: Context, brought: Blob, capacity: int | None) -> tuple[Blob, bool]:
    """
    The blob to refer to, and whether that is another one than the one that was brought.

    :raises CloudError: it is more than the drive takes.
    """
    known = _EQUAL_BLOB.value(context.connection, digest=brought.digest, size=brought.size)
    if known is not None:
        return Blob(id=known, size=brought.size, digest=brought.digest), known != brought.id
    _INSERT_BLOB.run(context.connection, id=brought.id, digest=brought.digest, size=brought.size, refs=0, condemned=0)
    count_bytes(context.connection, brought.size)
    if capacity is not None and _STORED.value(context.connection) > capacity:
        raise no_capacity()
    return brought, False


def _add_version(context: Context, row: Row, content: Blob, media_type: str, kept: int) -> None:
    connection = context.connection
    if row.version is not None:
        _SUPERSEDE.run(connection, version=row.version, now=context.now)
    added = _INSERT_VERSION.run(
        connection, node=row.id, blob=content.id, media_type=media_type, created_at=context.now
    ).lastrowid
    _COUNT_REFS.run(connection, blob=content.id, difference=1)
    _SET_CURRENT.run(
        connection, node=row.id, new_version=added, new_size=content.size, new_media_type=media_type, now=context.now
    )
    if row.version is not None:
        for number, blob_id in _SURPLUS.run(connection, node=row.id, kept=kept).fetchall():
            drop_version(connection, number, blob_id)


def _load_file(context: Context, row: Row, path: Path) -> File:
    return make_file(context.connection, context.epoch, context.load(row.id), path)
