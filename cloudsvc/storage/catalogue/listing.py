"""Lists in pages by keyset: each page costs the same wherever it begins."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar

from attrs import frozen
from sqlalchemy import bindparam, select

from cloudsvc.drive.errors import file_not_found, folder_not_found
from cloudsvc.drive.names import DrivePath, Name
from cloudsvc.drive.nodes import Blob, BlobId, File, Node, Trashed, TrashId, Version, VersionId
from cloudsvc.drive.pages import Page
from cloudsvc.storage.catalogue.cursors import read_cursor, write_cursor
from cloudsvc.storage.catalogue.nodes import (
    MODIFIED_AT,
    WITH_VERSION,
    Row,
    load_rows,
    make_file,
    make_nodes,
    make_version,
    read_chain,
    read_path,
)
from cloudsvc.storage.catalogue.schema import blob, node, trash, version
from cloudsvc.storage.catalogue.sight import Sight, find_seen, format_ids, holds_any
from cloudsvc.storage.database.constructs import is_among
from cloudsvc.storage.database.statements import Connection, compile_statement

R = TypeVar("R")
T = TypeVar("T")

_EVER: Final = 2**62
"""More than any number there is."""

_CHILDREN: Final = compile_statement(
    WITH_VERSION.where(node.c.parent == bindparam("parent"), node.c.key > bindparam("after"))
    .order_by(node.c.key)
    .limit(bindparam("most"))
)
_WAYS: Final = compile_statement(
    WITH_VERSION.where(
        node.c.parent == bindparam("parent"), node.c.key > bindparam("after"), is_among(node.c.id, bindparam("ways"))
    )
    .order_by(node.c.key)
    .limit(bindparam("most"))
)
BLOB: Final = (blob.c.id, blob.c.size, blob.c.digest, blob.c.crc32)
"""What is told of a blob."""

_OF_NODE: Final = (
    select(version.c.id, version.c.media_type, version.c.created_at, MODIFIED_AT, *BLOB)
    .select_from(version.join(blob, blob.c.id == version.c.blob))
    .where(version.c.node == bindparam("node"))
)
_VERSION: Final = compile_statement(_OF_NODE.where(version.c.id == bindparam("number")))
_VERSIONS: Final = compile_statement(
    _OF_NODE.where(version.c.id < bindparam("before")).order_by(version.c.id.desc()).limit(bindparam("most"))
)
_entries: Final = (
    select(trash.c.id, trash.c.path, trash.c.chain, trash.c.deleted_at, trash.c.actor, trash.c.node)
    .where(trash.c.id < bindparam("before"))
    .order_by(trash.c.id.desc())
    .limit(bindparam("most"))
)
_TRASH: Final = compile_statement(_entries)
_SEEN_TRASH: Final = compile_statement(_entries.where(holds_any(trash.c.chain, "granted")))
_BLOBS: Final = compile_statement(
    select(*BLOB).where(blob.c.id > bindparam("after"), blob.c.refs > 0).order_by(blob.c.id).limit(bindparam("most"))
)


@frozen(kw_only=True)
class Lists:
    """
    Lists of one moment, of what is in ``sight``. Whatever else there is is passed over by the database itself, so that
    pages are full and cursors name nothing but what is seen.
    """

    connection: Connection
    epoch: str
    sight: Sight

    def children(self, folder: DrivePath, limit: int, cursor: str | None) -> Page[Node]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_children`."""
        chain = find_seen(self.connection, folder, self.sight)
        parent, place = chain.row, chain.path
        if parent is None or parent.is_file:
            raise folder_not_found(folder)
        [after] = read_cursor(cursor, "children", str) or [""]
        rows = self._read_children(parent.id, after=after, most=limit + 1)
        return _make_page(
            rows,
            limit,
            lambda rows: make_nodes(
                self.connection, self.epoch, [(row, place / Name(row.name, row.key)) for row in rows]
            ),
            lambda row: write_cursor("children", row.key),
        )

    def _read_children(self, parent: int, **bounds: Any) -> list[Row]:
        if not self.sight.is_way(parent):
            return list(map(Row._make, _CHILDREN.rows(self.connection, parent=parent, **bounds)))
        ways = format_ids(self.sight.list_ways(parent))
        rows = _WAYS.rows(self.connection, parent=parent, ways=ways, **bounds)
        return [self.sight.reduce(Row(*row)) for row in rows]

    def find_version(self, path: DrivePath, number: VersionId | None) -> tuple[File, Version] | None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_version`."""
        chain = find_seen(self.connection, path, self.sight)
        row = chain.row
        if row is None or not row.is_file:
            return None
        file = make_file(self.connection, self.epoch, row, chain.path)
        if number is None:
            return file, file.version
        found = _VERSION.row(self.connection, node=row.id, number=number)
        return None if found is None else (file, self._make_version(found))

    def versions(self, path: DrivePath, limit: int, cursor: str | None) -> Page[Version]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_versions`."""
        row = find_seen(self.connection, path, self.sight).row
        if row is None or not row.is_file:
            raise file_not_found(path)
        [before] = read_cursor(cursor, "versions", int) or [_EVER]
        rows = list(_VERSIONS.rows(self.connection, node=row.id, before=before, most=limit + 1))
        return _make_page(
            rows, limit, lambda rows: list(map(self._make_version, rows)), lambda row: write_cursor("versions", row[0])
        )

    def trash(self, limit: int, cursor: str | None) -> Page[Trashed]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_trash`."""
        [before] = read_cursor(cursor, "trash", int) or [_EVER]
        if self.sight.sees_all:
            rows = list(_TRASH.rows(self.connection, before=before, most=limit + 1))
        else:
            granted = format_ids(self.sight.granted)
            rows = list(_SEEN_TRASH.rows(self.connection, before=before, most=limit + 1, granted=granted))
        return _make_page(rows, limit, self._make_trashed, lambda row: write_cursor("trash", row[0]))

    def _make_version(self, row: tuple[Any, ...]) -> Version:
        number, media_type, created_at, modified_at, *content = row
        return make_version(
            self.epoch, number, _make_blob(content), media_type, created_at=created_at, modified_at=modified_at
        )

    def _make_trashed(self, entries: Sequence[tuple[Any, ...]]) -> list[Trashed]:
        rows = load_rows(self.connection, [entry[-1] for entry in entries])
        placed = [
            (rows[node_id], self.sight.tell(read_path(former), read_chain(chain)))
            for _, former, chain, _, _, node_id in entries
        ]
        return [
            Trashed(id=TrashId(number), node=trashed, deleted_at=deleted_at, actor=actor)
            for (number, _, _, deleted_at, actor, _), trashed in zip(
                entries, make_nodes(self.connection, self.epoch, placed), strict=True
            )
        ]


def list_blobs(connection: Connection, limit: int, cursor: str | None) -> Page[Blob]:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_blobs`."""
    [after] = read_cursor(cursor, "blobs", str) or [""]
    rows = list(_BLOBS.rows(connection, after=after, most=limit + 1))
    return _make_page(rows, limit, lambda rows: list(map(_make_blob, rows)), lambda row: write_cursor("blobs", row[0]))


def _make_page(
    rows: Sequence[R], limit: int, make: Callable[[Sequence[R]], Sequence[T]], write: Callable[[R], str]
) -> Page[T]:
    """A page of ``rows``, of which there is one more than ``limit`` where another page follows."""
    shown = rows[:limit]
    return Page(items=make(shown), cursor=write(shown[-1]) if len(rows) > limit else None)


def _make_blob(row: Sequence[Any]) -> Blob:
    blob_id, size, digest, crc32 = row
    return Blob(id=BlobId(blob_id), size=size, digest=digest, crc32=crc32)
