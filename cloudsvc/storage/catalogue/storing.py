"""Commands that give files their contents, and the reference counts of blobs."""

from __future__ import annotations

from math import inf
from typing import Final

from msgspec.structs import replace
from sqlalchemy import and_, bindparam, delete, insert, select, update

from cloudsvc.drive.accounts import NO_ALLOWANCE
from cloudsvc.drive.changes import ChangeKind
from cloudsvc.drive.commands import RestoreVersion, StoredFile, StoreFile
from cloudsvc.drive.errors import already_exists, is_folder, no_capacity, version_not_found
from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import Blob, BlobId, File, Instant, NodeId
from cloudsvc.storage.catalogue import payers
from cloudsvc.storage.catalogue.accounts import charge, check_quota, find_owner, refund
from cloudsvc.storage.catalogue.nodes import MODIFIED_AT, Row, make_file, make_tagged_file
from cloudsvc.storage.catalogue.schema import FILE, ROOT, blob, node, state, version
from cloudsvc.storage.catalogue.tree import Context
from cloudsvc.storage.database.statements import Connection, compile_statement

_EQUAL_BLOB: Final = compile_statement(
    select(blob.c.id).where(blob.c.digest == bindparam("digest"), blob.c.size == bindparam("size"), blob.c.marked == 0)
)
_INSERT_BLOB: Final = compile_statement(insert(blob), "id", "digest", "crc32", "size", "refs", "marked")
_COUNT_BYTES: Final = compile_statement(
    update(state).values(stored_bytes=state.c.stored_bytes + bindparam("difference")).returning(state.c.stored_bytes)
)
_COUNT_REFS: Final = compile_statement(
    update(blob).where(blob.c.id == bindparam("blob")).values(refs=blob.c.refs + bindparam("difference"))
)
_INSERT_VERSION: Final = compile_statement(
    insert(version).returning(version.c.id),
    *("node", "blob", "media_type", "created_at", "modified_at", "account", "payer"),
)
_SUPERSEDE: Final = compile_statement(
    update(version).where(version.c.id == bindparam("version")).values(superseded_at=bindparam("now"))
)
_MODIFY: Final = compile_statement(
    update(version).where(version.c.id == bindparam("version")).values(modified_at=bindparam("moment"))
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
    .offset(bindparam("kept"))
)
_DELETE_VERSION: Final = compile_statement(
    delete(version).where(version.c.id == bindparam("version")).returning(version.c.account, version.c.payer)
)
_CONTENT: Final = compile_statement(
    select(blob.c.id, blob.c.size, blob.c.digest, blob.c.crc32, version.c.media_type, MODIFIED_AT)
    .select_from(version.join(blob, blob.c.id == version.c.blob))
    .where(and_(version.c.id == bindparam("version"), version.c.node == bindparam("node")))
)


def store_file(context: Context, command: StoreFile) -> StoredFile:
    """As the command says."""
    place = context.open_place(command.path)
    row, path = place.taken, place.told
    if row is not None and not row.is_file:
        raise is_folder(path)
    command.condition.check(path, context.describe(row) if row else None)
    if row is not None and not command.replace:
        raise already_exists(path)
    owner = find_owner(context.connection, place.above)
    allowance = command.allowance if command.allowance.owner == owner else NO_ALLOWANCE
    capacity = None if command.capacity is None else command.capacity + allowance.drive
    content, refs = _deduplicate(context, command.blob, capacity, owner)
    deduplicated, created = content.id != command.blob.id, row is None
    if row is None:
        row = context.insert(place.folder, place.path.name, FILE)
    if (row.blob, row.media_type) != (content.id, command.media_type):
        row = _add_version(
            context,
            row,
            content,
            command.media_type,
            owner,
            kept=command.versions_kept,
            modified_at=command.modified_at,
            refs=refs,
        )
        check_quota(context.connection, owner, allowance.quota)
        payers.check_quota(context.connection, context.actor, owner, command.allowance.payer)
        context.note(ChangeKind.CREATED if created else ChangeKind.CHANGED, place.hold(row))
    elif command.modified_at not in {None, row.modified_at}:
        # The same bytes once more, by somebody who knows better when they changed: no other content, no new version.
        _MODIFY.run(context.connection, version=row.version, moment=command.modified_at)
        context.touch(row)
        row = row._replace(modified_at=command.modified_at, updated_at=context.now)
        context.note(ChangeKind.CHANGED, place.hold(row))
    file = make_tagged_file(context.epoch, row, path, ()) if created else _make_file(context, row, path)
    return StoredFile(file=file, created=created, deduplicated=deduplicated)


def restore_version(context: Context, command: RestoreVersion) -> File:
    """As the command says."""
    file = context.locate(command.path, File)
    row, path, connection = file.row, file.path, context.connection
    context.check(command.condition, row, path)
    found = _CONTENT.row(connection, version=command.version, node=row.id)
    if found is None:
        raise version_not_found(path)
    if command.version != row.version:
        blob_id, size, digest, crc32, media_type, modified_at = found
        content, owner = Blob(id=blob_id, size=size, digest=digest, crc32=crc32), find_owner(connection, file.chain)
        kept = command.versions_kept
        row = _add_version(context, row, content, media_type, owner, kept=kept, modified_at=modified_at)
        check_quota(connection, owner)
        payers.check_quota(connection, context.actor, owner)
        context.note(ChangeKind.CHANGED, file)
    return _make_file(context, row, path)


def copy_content(context: Context, original: Row, copy: Row, owner: int) -> None:
    """Give a new file, which counts to ``owner``, the content of another."""
    content, changed = Blob(id=BlobId(original.blob), size=original.size, digest=original.digest), original.modified_at
    _add_version(context, copy, content, original.media_type, owner, kept=1, modified_at=changed)


def drop_version(connection: Connection, number: int, blob_id: str) -> None:
    """Forget a version that is not the current one of any file."""
    owner, payer = _DELETE_VERSION.row(connection, version=number) or (ROOT, None)
    refund(connection, owner, blob_id)
    payers.refund(connection, payer, blob_id)
    _COUNT_REFS.run(connection, blob=blob_id, difference=-1)


def count_bytes(connection: Connection, difference: int) -> int:
    """So many bytes more are stored, or fewer; how many that are now."""
    stored: int = _COUNT_BYTES.value(connection, difference=difference)
    return stored


def _deduplicate(context: Context, brought: Blob, capacity: int | None, owner: int) -> tuple[Blob, int]:
    """
    The blob to refer to, and how often the version that is about to refer to it is counted already.

    :raises CloudError: it is more than the drive takes.
    """
    known = _EQUAL_BLOB.value(context.connection, digest=brought.digest, size=brought.size)
    if known is not None:
        return replace(brought, id=BlobId(known)), 0
    _INSERT_BLOB.run(
        context.connection,
        id=brought.id,
        digest=brought.digest,
        crc32=brought.crc32,
        size=brought.size,
        refs=1,
        marked=0,
    )
    if count_bytes(context.connection, brought.size) > (inf if capacity is None else capacity):
        raise no_capacity(NodeId(owner))
    return brought, 1


def _add_version(
    context: Context,
    row: Row,
    content: Blob,
    media_type: str,
    owner: int,
    *,
    kept: int,
    modified_at: Instant | None,
    refs: int = 0,
) -> Row:
    """
    Give a file a content; its row from now on.

    :param refs: how often that is counted already.
    """
    connection = context.connection
    if row.version is not None:
        _SUPERSEDE.run(connection, version=row.version, now=context.now)
    added: int = _INSERT_VERSION.value(
        connection,
        node=row.id,
        blob=content.id,
        media_type=media_type,
        created_at=context.now,
        modified_at=modified_at,
        account=owner,
        payer=payers.charge(connection, context.actor.payer, content.size),
    )
    charge(connection, owner, content.size)
    if not refs:
        _COUNT_REFS.run(connection, blob=content.id, difference=1)
    _SET_CURRENT.run(
        connection, node=row.id, new_version=added, new_size=content.size, new_media_type=media_type, now=context.now
    )
    if row.version is not None:
        for number, blob_id in _SURPLUS.run(connection, node=row.id, kept=kept).fetchall():
            drop_version(connection, number, blob_id)
    return row._replace(
        version=added,
        media_type=media_type,
        size=content.size,
        blob=content.id,
        digest=content.digest,
        crc32=content.crc32,
        version_created_at=context.now,
        modified_at=context.now if modified_at is None else modified_at,
        updated_at=context.now,
    )


def _make_file(context: Context, row: Row, path: DrivePath) -> File:
    return make_file(context.connection, context.epoch, row, path)
