"""How much there is, and how much of it could go."""

from __future__ import annotations

from sqlite3 import Connection
from typing import Final

from sqlalchemy import func, literal_column, select, union_all

from cloudsvc.drive.catalogue import Usage
from cloudsvc.storage.catalogue.schema import FILE, PURGED, ROOT, TRASH, blob, node, state, trash, version
from cloudsvc.storage.catalogue.statements import compile_statement

_STORED: Final = compile_statement(select(state.c.stored_bytes))

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
        .where(blob.c.refs == literal_column("0"), blob.c.condemned == literal_column("0"))
        .scalar_subquery()
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


def count_stored_bytes(connection: Connection) -> int:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.stored_bytes`."""
    return int(_STORED.value(connection))


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
