"""Lists in pages, of what is in sight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from attrs import frozen

from cloudsvc.drive.errors import file_not_found, folder_not_found
from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import Blob, File, Node, Trashed, Version, VersionId
from cloudsvc.drive.pages import Page
from cloudsvc.storage.catalogue.cursors import read_cursor, write_cursor
from cloudsvc.storage.memory_catalogue.sight import Sight, find_seen
from cloudsvc.storage.memory_catalogue.tables import Tables
from cloudsvc.storage.memory_catalogue.trash import make_trashed

T = TypeVar("T")


@frozen(kw_only=True)
class Lists:
    """Lists of one moment."""

    sight: Sight

    def find(self, path: DrivePath) -> Node | None:
        """What is at ``path``."""
        trail = find_seen(path, self.sight)
        return None if trail.found is None else self.sight.tables.make_node(trail.found, trail.kept)

    def children(self, folder: DrivePath, limit: int, cursor: str | None) -> Page[Node]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_children`."""
        trail = find_seen(folder, self.sight)
        if trail.found is None or trail.found.is_file:
            raise folder_not_found(folder)
        given = read_cursor(cursor, "children", str)
        nodes = [
            self.sight.tables.make_node(child, trail.kept / child.name)
            for child in self.sight.list_children(trail.found.id)
            if given is None or child.name.key > str(given[0])
        ]
        return make_page(nodes, limit, lambda node: write_cursor("children", node.path.name.key))

    def find_version(self, path: DrivePath, number: VersionId | None) -> tuple[File, Version] | None:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.find_version`."""
        file = self.find(path)
        if not isinstance(file, File):
            return None
        versions = [file.version] if number is None else self._list_versions(file)
        return next(((file, version) for version in versions if number in {None, version.id}), None)

    def versions(self, path: DrivePath, limit: int, cursor: str | None) -> Page[Version]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_versions`."""
        file = self.find(path)
        if not isinstance(file, File):
            raise file_not_found(path)
        given = read_cursor(cursor, "versions", int)
        versions = [each for each in self._list_versions(file) if given is None or each.id < int(given[0])]
        return make_page(versions, limit, lambda version: write_cursor("versions", version.id))

    def trash(self, limit: int, cursor: str | None) -> Page[Trashed]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_trash`."""
        given = read_cursor(cursor, "trash", int)
        entries = [
            make_trashed(thrown, self.sight)
            for number, thrown in sorted(self.sight.tables.trash.items(), reverse=True)
            if self.sight.sees(thrown.chain) and (given is None or number < int(given[0]))
        ]
        return make_page(entries, limit, lambda entry: write_cursor("trash", entry.id))

    def _list_versions(self, file: File) -> list[Version]:
        contents = self.sight.tables.nodes[file.id].contents
        return [self.sight.tables.make_version(content) for content in reversed(contents)]


def list_blobs(tables: Tables, limit: int, cursor: str | None) -> Page[Blob]:
    """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_blobs`."""
    given = read_cursor(cursor, "blobs", str)
    used = sorted({content.blob for _, content in tables.list_contents()})
    blobs = [tables.blobs[each].blob for each in used if given is None or each > str(given[0])]
    return make_page(blobs, limit, lambda blob: write_cursor("blobs", blob.id))


def make_page(items: Sequence[T], limit: int, write: Callable[[T], str]) -> Page[T]:
    """The first ``limit`` of ``items``, and a cursor where there are more."""
    shown = items[:limit]
    return Page(items=shown, cursor=write(shown[-1]) if len(items) > limit else None)
