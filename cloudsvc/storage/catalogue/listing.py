"""Lists in pages. Each page begins at a key, so that it costs the same wherever it is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from sqlite3 import Connection
from typing import Any, Final, TypeVar

from attrs import frozen
from sqlalchemy import bindparam, select

from cloudsvc.drive.errors import file_not_found, folder_not_found
from cloudsvc.drive.names import Name, Path
from cloudsvc.drive.nodes import Blob, BlobId, File, Node, NodeId, Trashed, TrashId, Version, VersionId
from cloudsvc.drive.pages import Page
from cloudsvc.storage.catalogue.cursors import read_cursor, write_cursor
from cloudsvc.storage.catalogue.nodes import (
    WITH_VERSION,
    Ancestry,
    Row,
    find_row,
    make_file,
    make_node,
    make_version,
    read_path,
)
from cloudsvc.storage.catalogue.schema import blob, node, trash, version
from cloudsvc.storage.catalogue.statements import compile_statement

T = TypeVar("T")

_EVER: Final = 2**62
"""More than any number there is."""

_CHILDREN: Final = compile_statement(
    WITH_VERSION.where(node.c.parent == bindparam("parent"), node.c.key > bindparam("after"))
    .order_by(node.c.key)
    .limit(bindparam("most"))
)
_OF_NODE: Final = (
    select(version.c.id, version.c.media_type, version.c.created_at, blob.c.id, blob.c.size, blob.c.digest)
    .select_from(version.join(blob, blob.c.id == version.c.blob))
    .where(version.c.node == bindparam("node"))
)
_VERSION: Final = compile_statement(_OF_NODE.where(version.c.id == bindparam("number")))
_VERSIONS: Final = compile_statement(
    _OF_NODE.where(version.c.id < bindparam("before")).order_by(version.c.id.desc()).limit(bindparam("most"))
)
_TRASH: Final = compile_statement(
    select(trash.c.id, trash.c.path, trash.c.deleted_at, trash.c.actor, trash.c.node)
    .where(trash.c.id < bindparam("before"))
    .order_by(trash.c.id.desc())
    .limit(bindparam("most"))
)
_BLOBS: Final = compile_statement(
    select(blob.c.id, blob.c.size, blob.c.digest)
    .where(blob.c.id > bindparam("after"), blob.c.refs > 0)
    .order_by(blob.c.id)
    .limit(bindparam("most"))
)
_NODE: Final = compile_statement(WITH_VERSION.where(node.c.id == bindparam("node")))


@frozen(kw_only=True)
class Lists:
    """Lists of one moment."""

    connection: Connection
    epoch: str

    def children(self, folder: Path, limit: int, cursor: str | None) -> Page[Node]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_children`."""
        parent = find_row(self.connection, folder)
        if parent is None or parent.is_file:
            raise folder_not_found(folder)
        place = Ancestry(self.connection).find(parent) or folder
        [after] = read_cursor(cursor, "children", str) or [""]
        rows = list(map(Row._make, _CHILDREN.rows(self.connection, parent=parent.id, after=after, most=limit + 1)))
        return _make_page(
            rows,
            limit,
            lambda row: make_node(self.connection, self.epoch, row, place / Name(row.name, row.key)),
            lambda row: write_cursor("children", row.key),
        )

    def find_version(self, path: Path, number: VersionId) -> tuple[File, Version] | None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_version`."""
        row = find_row(self.connection, path)
        found = _VERSION.row(self.connection, node=row.id, number=number) if row else None
        if row is None or found is None:
            return None
        kept = Ancestry(self.connection).find(row) or path
        return make_file(self.connection, self.epoch, row, kept), self._make_version(found)

    def versions(self, path: Path, limit: int, cursor: str | None) -> Page[Version]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_versions`."""
        row = find_row(self.connection, path)
        if row is None or not row.is_file:
            raise file_not_found(path)
        [before] = read_cursor(cursor, "versions", int) or [_EVER]
        rows = list(_VERSIONS.rows(self.connection, node=row.id, before=before, most=limit + 1))
        return _make_page(rows, limit, self._make_version, lambda row: write_cursor("versions", row[0]))

    def trash(self, limit: int, cursor: str | None) -> Page[Trashed]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_trash`."""
        [before] = read_cursor(cursor, "trash", int) or [_EVER]
        rows = list(_TRASH.rows(self.connection, before=before, most=limit + 1))
        return _make_page(rows, limit, self._make_trashed, lambda row: write_cursor("trash", row[0]))

    def blobs(self, limit: int, cursor: str | None) -> Page[Blob]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_blobs`."""
        [after] = read_cursor(cursor, "blobs", str) or [""]
        rows = list(_BLOBS.rows(self.connection, after=after, most=limit + 1))
        return _make_page(rows, limit, _make_blob, lambda row: write_cursor("blobs", row[0]))

    def _make_version(self, row: tuple[Any, ...]) -> Version:
        number, media_type, created_at, *content = row
        return make_version(self.epoch, number, _make_blob(content), media_type, created_at)

    def _make_trashed(self, row: tuple[Any, ...]) -> Trashed:
        entry, former, deleted_at, actor, node_id = row
        [found] = map(Row._make, _NODE.rows(self.connection, node=NodeId(node_id)))
        thrown = make_node(self.connection, self.epoch, found, read_path(former))
        return Trashed(id=TrashId(entry), node=thrown, deleted_at=deleted_at, actor=actor)


def _make_page(rows: Sequence[Any], limit: int, make: Callable[[Any], T], write: Callable[[Any], str]) -> Page[T]:
    """A page of ``rows``, of which there is one more than ``limit`` where another page follows."""
    shown = rows[:limit]
    return Page(items=[make(row) for row in shown], cursor=write(shown[-1]) if len(rows) > limit else None)


def _make_blob(row: Sequence[Any]) -> Blob:
    blob_id, size, digest = row
    return Blob(id=BlobId(blob_id), size=size, digest=digest)
