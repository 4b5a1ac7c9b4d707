"""What is known about blobs, changes and uploads, and how it is given up."""

from __future__ import annotations

from collections.abc import Sequence
from sqlite3 import Connection
from typing import Any, Final

from sqlalchemy import bindparam, delete, func, insert, literal_column, select, union_all, update

from cloudsvc.drive.catalogue import Change, ChangeKind, Changes, PinId, Upload, Usage
from cloudsvc.drive.errors import change_unknown, changes_forgotten, upload_not_found
from cloudsvc.drive.names import Path
from cloudsvc.drive.nodes import BlobId, Instant, NodeId, VersionId
from cloudsvc.storage.catalogue.nodes import Ancestry, find_former_path, load_row, read_path
from cloudsvc.storage.catalogue.schema import (
    FILE,
    PURGED,
    ROOT,
    TRASH,
    blob,
    change,
    node,
    pin,
    state,
    trash,
    upload,
    version,
)
from cloudsvc.storage.catalogue.statements import compile_statement
from cloudsvc.storage.catalogue.storing import count_bytes

# -- blobs -----------------------------------------------------------------------------------------------------------

_PINS: Final = compile_statement(select(func.count()).select_from(pin).where(pin.c.until > bindparam("now")))
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
_STORED: Final = compile_statement(select(state.c.stored_bytes))


def is_pinned(connection: Connection, now: Instant) -> bool:
    """Whether nothing may be condemned."""
    return bool(_PINS.value(connection, now=now))


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


def count_stored_bytes(connection: Connection) -> int:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.stored_bytes`."""
    return int(_STORED.value(connection))


# -- what there is, what could go ------------------------------------------------------------------------------------

_dead = select(node.c.id).where((node.c.id == TRASH) | (node.c.id == PURGED)).cte("dead", recursive=True)
_dead = _dead.union_all(select(node.c.id).join(_dead, node.c.parent == _dead.c.id))
_live = select(node.c.id, node.c.kind).where(node.c.id == ROOT).cte("live", recursive=True)
_live = _live.union_all(select(node.c.id, node.c.kind).join(_live, node.c.parent == _live.c.id))

_droppable = union_all(
    select(version.c.blob).where(version.c.superseded_at.is_not(None)),
    select(version.c.blob).where(version.c.superseded_at.is_(None), version.c.node.in_(select(_dead.c.id))),
).subquery("droppable")
_dropped = select(_droppable.c.blob, func.count().label("refs")).group_by(_droppable.c.blob).subquery("dropped")

_RECLAIMABLE: Final = compile_statement(
    select(
        select(func.coalesce(func.sum(blob.c.size), 0)).where(blob.c.refs == literal_column("0")).scalar_subquery()
        + select(func.coalesce(func.sum(blob.c.size), 0))
        .select_from(blob.join(_dropped, _dropped.c.blob == blob.c.id))
        .where(_dropped.c.refs == blob.c.refs)
        .scalar_subquery()
    )
)
_LIVE: Final = compile_statement(
    select(
        func.count().filter(_live.c.kind == FILE),
        func.count().filter(_live.c.kind != FILE),
    ).select_from(_live)
)
_VERSIONS: Final = compile_statement(select(func.count()).select_from(version))
_BLOBS: Final = compile_statement(select(func.count()).select_from(blob))
_TRASH: Final = compile_statement(select(func.count()).select_from(trash))


def count_reclaimable_bytes(connection: Connection) -> int:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.reclaimable_bytes`; costs what trash and old versions are."""
    return int(_RECLAIMABLE.value(connection))


def count_usage(connection: Connection) -> Usage:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.usage`."""
    files, folders = _LIVE.row(connection) or (0, 0)
    return Usage(
        stored_bytes=count_stored_bytes(connection),
        files=files,
        folders=folders,
        versions=_VERSIONS.value(connection),
        blobs=_BLOBS.value(connection),
        trash_entries=_TRASH.value(connection),
    )


# -- changes ---------------------------------------------------------------------------------------------------------

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


# -- pins and uploads ------------------------------------------------------------------------------------------------

_INSERT_PIN: Final = compile_statement(insert(pin), "until")
_DELETE_PIN: Final = compile_statement(delete(pin).where(pin.c.id == bindparam("pin")))
_DELETE_OLD_PINS: Final = compile_statement(delete(pin).where(pin.c.until <= bindparam("now")))
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


def insert_pin(connection: Connection, until: Instant, now: Instant) -> PinId:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.pin`."""
    _DELETE_OLD_PINS.run(connection, now=now)
    return PinId(_INSERT_PIN.run(connection, until=until).lastrowid or 0)


def delete_pin(connection: Connection, number: PinId) -> None:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.unpin`."""
    _DELETE_PIN.run(connection, pin=number)


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
