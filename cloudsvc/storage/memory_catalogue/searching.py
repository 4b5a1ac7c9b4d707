"""Search for files anywhere in what is in sight."""

from __future__ import annotations

from typing import Any

from attrs import frozen

from cloudsvc.drive.media_types import essence_of
from cloudsvc.drive.names import DrivePath, fold_case
from cloudsvc.drive.nodes import File
from cloudsvc.drive.pages import FileQuery, Order, Page
from cloudsvc.storage.catalogue.cursors import read_cursor, write_cursor
from cloudsvc.storage.memory_catalogue.lists import make_page
from cloudsvc.storage.memory_catalogue.sight import Sight, find_seen


@frozen(kw_only=True)
class Search:
    """One search, at one moment."""

    sight: Sight
    query: FileQuery

    def run(self, limit: int, cursor: str | None) -> Page[File]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_files`."""
        given = read_cursor(cursor, self._cursor_kind, *self._types)
        position = None if given is None else self._read(given)
        descending = self.query.descending
        files = sorted(self._find_files(), key=self._find_position, reverse=descending)
        if position is not None:
            files = [file for file in files if _is_after(self._find_position(file), position, descending=descending)]
        return make_page(files, limit, self._write)

    def _find_files(self) -> list[File]:
        trail = find_seen(self.query.folder, self.sight)
        if trail.found is None or trail.found.is_file:
            return []
        tables = self.sight.tables
        below = (entry for entry in self.sight.walk(trail.found.id) if entry.is_file)
        return [file for entry in below if self._matches(file := tables.make_file(entry, tables.find_path(entry.id)))]

    def _matches(self, file: File) -> bool:
        query, kind = self.query, self.query.media_type
        essence = essence_of(file.version.media_type)
        return (
            (query.tag is None or query.tag in file.tags)
            and (query.text is None or fold_case(query.text) in fold_case(file.path.name.text))
            and (kind is None or (essence == kind if "/" in kind else essence.startswith(f"{kind}/")))
        )

    def _find_position(self, file: File) -> tuple[Any, ...]:
        """By what files are sorted; no two have the same."""
        match self.query.order:
            case Order.PATH:
                return self._list_keys(file.path)
            case Order.NAME:
                return file.path.name.key, file.id
            case Order.CREATED:
                return file.created_at, file.id
            case Order.UPDATED:
                return file.updated_at, file.id
            case Order.SIZE:
                return file.version.blob.size, file.id

    def _list_keys(self, path: DrivePath) -> tuple[str, ...]:
        """Those of the names from the folder of the query down."""
        return tuple(name.key for name in path.names[len(self.query.folder.names) :])

    @property
    def _types(self) -> tuple[type[str] | type[int], ...]:
        """Those of the values in a cursor."""
        if self.query.order is Order.PATH:
            return (str,)
        return (str if self.query.order is Order.NAME else int), int

    def _write(self, file: File) -> str:
        position = self._find_position(file)
        values = ("/".join(position),) if self.query.order is Order.PATH else position
        return write_cursor(self._cursor_kind, *values)

    def _read(self, given: Any) -> tuple[Any, ...]:
        return tuple(given[0].split("/")) if self.query.order is Order.PATH else tuple(given)

    @property
    def _cursor_kind(self) -> str:
        return f"{self.query.order.value} {self.query.descending}"


def _is_after(position: tuple[Any, ...], other: tuple[Any, ...], *, descending: bool) -> bool:
    return position < other if descending else position > other
