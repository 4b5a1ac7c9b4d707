"""Usage counts: bytes stored, and bytes that could be evicted."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import and_, bindparam, case, func, literal_column, not_, or_, select, union_all

from cloudsvc.drive.catalogue import Usage
from cloudsvc.drive.nodes import Instant
from cloudsvc.storage.catalogue.freezing import FREEZE_COLUMNS, check_thawed, read_freeze
from cloudsvc.storage.catalogue.schema import FILE, PURGED, ROOT, TRASH, blob, node, state, trash, version
from cloudsvc.storage.catalogue.sight import Sight, format_ids, holds_any
from cloudsvc.storage.database.constructs import is_among
from cloudsvc.storage.database.statements import Connection, compile_statement

_STORED: Final = compile_statement(select(state.c.stored_bytes, *FREEZE_COLUMNS))

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
        select(func.coalesce(func.sum(blob.c.size), 0))
        .where(blob.c.refs == literal_column("0"), blob.c.marked == literal_column("0"))
        .scalar_subquery()
        + select(func.coalesce(func.sum(blob.c.size), 0))
        .select_from(blob.join(_dropped, _dropped.c.blob == blob.c.id))
        .where(_dropped.c.refs == blob.c.refs)
        .scalar_subquery()
    )
)

# What goes with what may be given up of one account; where that costs nobody else a version.
_gone = (
    select(node.c.id)
    .where(
        or_(
            node.c.parent == PURGED,
            node.c.id.in_(
                select(trash.c.node).where(trash.c.account == bindparam("owner"), trash.c.shared == literal_column("0"))
            ),
        )
    )
    .cte("gone", recursive=True)
)
_gone = _gone.union_all(select(node.c.id).join(_gone, node.c.parent == _gone.c.id))
_is_superseded = and_(version.c.account == bindparam("owner"), version.c.superseded_at.is_not(None))
_evictable = union_all(
    select(version.c.blob, version.c.account).where(_is_superseded),
    select(version.c.blob, version.c.account).where(version.c.node.in_(select(_gone.c.id)), not_(_is_superseded)),
).subquery("evictable")
_evicted = select(_evictable.c.blob, func.count().label("refs")).group_by(_evictable.c.blob).subquery("evicted")

_EVICTABLE: Final = compile_statement(
    select(
        select(func.coalesce(func.sum(blob.c.size), 0))
        .where(blob.c.refs == literal_column("0"), blob.c.marked == literal_column("0"))
        .scalar_subquery()
        + select(func.coalesce(func.sum(blob.c.size), 0))
        .select_from(blob.join(_evicted, _evicted.c.blob == blob.c.id))
        .where(_evicted.c.refs == blob.c.refs)
        .scalar_subquery()
    )
)
_DROPPABLE: Final = compile_statement(
    select(func.coalesce(func.sum(blob.c.size), 0))
    .select_from(_evictable.join(blob, blob.c.id == _evictable.c.blob))
    .where(_evictable.c.account == bindparam("owner"))
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

_seen_trash = select(trash.c.node).where(holds_any(trash.c.chain, "granted"))
_seen = (
    select(node.c.id, node.c.kind, case((is_among(node.c.id, bindparam("tops")), 1), else_=0).label("is_live"))
    .where(or_(is_among(node.c.id, bindparam("tops")), node.c.id.in_(_seen_trash)))
    .cte("seen", recursive=True)
)
_seen = _seen.union_all(select(node.c.id, node.c.kind, _seen.c.is_live).join(_seen, node.c.parent == _seen.c.id))
_seen_versions = select(version.c.id, version.c.blob).where(version.c.node.in_(select(_seen.c.id))).cte("versions_seen")
_seen_blobs = select(blob.c.size).where(blob.c.id.in_(select(_seen_versions.c.blob))).cte("blobs_seen")
_SEEN: Final = compile_statement(
    select(
        select(func.count()).select_from(_seen).where(_seen.c.kind == FILE, _seen.c.is_live == 1).scalar_subquery(),
        select(func.count()).select_from(_seen).where(_seen.c.kind != FILE, _seen.c.is_live == 1).scalar_subquery(),
        select(func.count()).select_from(_seen_versions).scalar_subquery(),
        select(func.count()).select_from(_seen_blobs).scalar_subquery(),
        select(func.coalesce(func.sum(_seen_blobs.c.size), 0)).scalar_subquery(),
        select(func.count()).select_from(_seen_trash.subquery()).scalar_subquery(),
    )
)


def count_stored_bytes(connection: Connection) -> int:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.stored_bytes`."""
    return int(_STORED.value(connection))


def count_stored_bytes_for_change(connection: Connection, now: Instant) -> int:
    """
    The same, for whoever is about to change something.

    :raises CloudError: the catalogue is frozen.
    """
    found: Any = _STORED.row(connection)
    stored, *frozen = found
    check_thawed(read_freeze(*frozen), now)
    return int(stored)


def count_reclaimable_bytes(connection: Connection) -> int:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.reclaimable_bytes`; costs what trash and old versions are."""
    return int(_RECLAIMABLE.value(connection))


def count_evictable_bytes(connection: Connection, owner: int) -> int:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.evictable_bytes`, of one account."""
    return int(_EVICTABLE.value(connection, owner=owner))


def count_droppable_bytes(connection: Connection, owner: int) -> int:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.droppable_bytes`."""
    return int(_DROPPABLE.value(connection, owner=owner))


def count_usage(connection: Connection, catalogue_bytes: int) -> Usage:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.usage`."""
    files, folders = _LIVE.row(connection) or (0, 0)
    return Usage(
        stored_bytes=count_stored_bytes(connection),
        catalogue_bytes=catalogue_bytes,
        files=files,
        folders=folders,
        versions=_VERSIONS.value(connection),
        blobs=_BLOBS.value(connection),
        trash_entries=_TRASH.value(connection),
    )


def count_seen_usage(connection: Connection, sight: Sight) -> Usage:
    """
    As :meth:`cloudsvc.drive.catalogue.Catalogue.usage`, of what is in ``sight``: as if there were nothing else. Folders
    on the way count as folders; the catalogue itself is nobody's.
    """
    values = {"tops": format_ids(sight.list_tops(ROOT)), "granted": format_ids(sight.granted)}
    files, folders, versions, blobs, stored, entries = _SEEN.row(connection, **values) or (0,) * 6
    return Usage(
        stored_bytes=stored,
        catalogue_bytes=0,
        files=files,
        folders=folders + len(sight.ways),
        versions=versions,
        blobs=blobs,
        trash_entries=entries,
    )
