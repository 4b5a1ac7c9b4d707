"""Files in the order of their paths: a walk through the tree."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from hashlib import sha256
from sqlite3 import Connection
from typing import Any, Final

from attrs import frozen
from sqlalchemy import bindparam

from cloudsvc.drive.errors import bad_cursor
from cloudsvc.drive.media_types import essence_of
from cloudsvc.drive.names import Name, Path, fold_case
from cloudsvc.drive.nodes import File
from cloudsvc.drive.pages import FileQuery, Page
from cloudsvc.storage.catalogue.cursors import read_cursor, write_cursor
from cloudsvc.storage.catalogue.nodes import (
    MOST_TEXT,
    WITH_VERSION,
    Ancestry,
    Row,
    find_child,
    find_former_path,
    find_row,
    load_row,
    make_file,
)
from cloudsvc.storage.catalogue.schema import node
from cloudsvc.storage.catalogue.statements import compile_statement

_STEPS: Final = 200_000
"""Files and folders that are passed for one page, which may be empty then, and have a cursor all the same."""

_FORWARDS: Final = compile_statement(
    WITH_VERSION.where(node.c.parent == bindparam("parent"), node.c.key > bindparam("after")).order_by(node.c.key)
)
_BACKWARDS: Final = compile_statement(
    WITH_VERSION.where(node.c.parent == bindparam("parent"), node.c.key < bindparam("after")).order_by(
        node.c.key.desc()
    )
)
_LAST: Final = chr(0x10FFFF) * 256
"""After every key: keys are shorter."""

_LONGEST: Final = 6000
"""Characters of a cursor, which has to fit into a URL: it names a longer path by its node."""


@frozen
class _Place:
    """A folder on the way down. Nobody asks for the name of the first, which has none above it."""

    id: int
    name: Name
    above: _Place | None

    def spell(self, *below: Name) -> tuple[Name, ...]:
        """The names from the first folder down to ``below``, which is in this one."""
        names, place = [*reversed(below)], self
        while place.above is not None:
            names.append(place.name)
            place = place.above
        return tuple(reversed(names))


@frozen(kw_only=True)
class Walk:
    """One walk, at one moment."""

    connection: Connection
    epoch: str
    query: FileQuery

    def run(self, limit: int, cursor: str | None) -> Page[File]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_files`, in the order of paths."""
        found: list[File] = []
        room = MOST_TEXT
        position: tuple[Row, _Place] | None = None
        for steps, (row, place) in enumerate(self._walk(self._read(cursor))):
            if len(found) == limit or room <= 0 or steps > _STEPS:
                return Page(items=found, cursor=position and self._write(*position))
            position = row, place
            if row.is_file and self._may_match(row):
                path = Path((*self.query.folder.names, *place.spell(Name(row.name, row.key))))
                file = make_file(self.connection, self.epoch, row, path)
                if self.query.tag is None or self.query.tag in file.tags:
                    found.append(file)
                    room -= len(str(path))
        return Page(items=found, cursor=None)

    def _walk(self, after: Sequence[str]) -> Iterator[tuple[Row, _Place]]:
        """Everything below the folder of the query, each folder before what is in it, after what has these keys."""
        top = find_row(self.connection, self.query.folder)
        if top is None or top.is_file:
            return
        place, last = self._find_start(_Place(top.id, Name("", ""), None), after)
        while True:
            # One folder is open at a time, however deep it is; the one above is gone on with where it was left.
            for row in self._open(place.id, last):
                yield row, place
                if not row.is_file:
                    place, last = _Place(row.id, Name(row.name, row.key), place), None
                    break
            else:
                if place.above is None:
                    return
                place, last = place.above, place.name.key

    def _find_start(self, place: _Place, after: Sequence[str]) -> tuple[_Place, str | None]:
        """The folder to go on in, and after which key there; ``None`` for the beginning."""
        for key in after:
            child = find_child(self.connection, place.id, Name(key, key))
            if child is None or child.is_file:
                return place, key
            place = _Place(child.id, Name(child.name, child.key), place)
        return place, None

    def _open(self, folder: int, after: str | None) -> Iterator[Row]:
        if self.query.descending:
            rows = _BACKWARDS.rows(self.connection, parent=folder, after=_LAST if after is None else after)
        else:
            rows = _FORWARDS.rows(self.connection, parent=folder, after=after or "")
        return map(Row._make, rows)

    def _may_match(self, row: Row) -> bool:
        text, wanted = self.query.text, self.query.media_type
        if text is not None and fold_case(text) not in fold_case(row.name):
            return False
        if wanted is None:
            return True
        essence = essence_of(row.media_type)
        return essence == wanted if "/" in wanted else essence.startswith(f"{wanted}/")

    def _read(self, cursor: str | None) -> Sequence[str]:
        """The keys of what was passed last."""
        found: Any = read_cursor(cursor, self._cursor_kind, str, int)
        if found is None:
            return []
        keys, node_id = str(found[0]), int(found[1])
        if node_id:
            digest, keys = keys, self._find_keys(node_id)
            # Whoever has moved is no mark any more: between its two places others would be left out.
            if _digest(keys) != digest:
                raise bad_cursor()
        return keys.split("/")

    def _write(self, row: Row, place: _Place) -> str:
        keys = "/".join(name.key for name in place.spell(Name(row.name, row.key)))
        cursor = write_cursor(self._cursor_kind, keys, 0)
        return cursor if len(cursor) <= _LONGEST else write_cursor(self._cursor_kind, _digest(keys), row.id)

    def _find_keys(self, node_id: int) -> str:
        """The keys of a node that is below the folder of the query, or was when it was thrown away."""
        row = load_row(self.connection, node_id)
        path = row and (Ancestry(self.connection).find(row) or find_former_path(self.connection, row))
        if not path:
            raise bad_cursor()
        return "/".join(name.key for name in path.names[len(self.query.folder.names) :])

    @property
    def _cursor_kind(self) -> str:
        return f"path {self.query.descending}"


def _digest(keys: str) -> str:
    return sha256(keys.encode()).hexdigest()
