"""Files in the order of their paths: a walk through the tree."""

from __future__ import annotations

from collections.abc import Iterator
from sqlite3 import Connection
from typing import Any, Final

from attrs import frozen
from sqlalchemy import bindparam

from cloudsvc.drive.names import Name, Path
from cloudsvc.drive.nodes import File
from cloudsvc.drive.pages import FileQuery, Page
from cloudsvc.storage.catalogue.cursors import read_cursor, write_cursor
from cloudsvc.storage.catalogue.nodes import WITH_VERSION, Row, find_child, find_row, make_file
from cloudsvc.storage.catalogue.schema import node
from cloudsvc.storage.catalogue.statements import compile_statement
from cloudsvc.storage.catalogue.tree import fold

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


@frozen(kw_only=True)
class Walk:
    """One walk, at one moment."""

    connection: Connection
    epoch: str
    query: FileQuery

    def run(self, limit: int, cursor: str | None) -> Page[File]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_files`, in the order of paths."""
        found: list[File] = []
        position: Path | None = None
        for steps, (row, path) in enumerate(self._walk(self._read(cursor))):
            if len(found) == limit or steps > _STEPS:
                return Page(items=found, cursor=self._write(position))
            position = path
            if row.is_file and self._may_match(row):
                file = make_file(self.connection, self.epoch, row, path)
                if self.query.tag is None or self.query.tag in file.tags:
                    found.append(file)
        return Page(items=found, cursor=None)

    def _walk(self, after: list[str]) -> Iterator[tuple[Row, Path]]:
        """Everything below the folder of the query, each folder before what is in it, after what has these keys."""
        top = find_row(self.connection, self.query.folder)
        if top is None or top.is_file:
            return
        levels = [self._open(top.id, self.query.folder, after[0] if after else None)]
        folder, path = top, self.query.folder
        for depth, key in enumerate(after):
            child = find_child(self.connection, folder.id, Name(key, key))
            if child is None or child.is_file:
                break
            folder, path = child, path / Name(child.name, child.key)
            levels.append(self._open(folder.id, path, after[depth + 1] if depth + 1 < len(after) else None))
        while levels:
            rows, path = levels[-1]
            row = next(rows, None)
            if row is None:
                levels.pop()
                continue
            here = path / Name(row.name, row.key)
            yield row, here
            if not row.is_file:
                levels.append(self._open(row.id, here, None))

    def _open(self, folder: int, path: Path, after: str | None) -> tuple[Iterator[Row], Path]:
        if self.query.descending:
            rows = _BACKWARDS.rows(self.connection, parent=folder, after=_LAST if after is None else after)
        else:
            rows = _FORWARDS.rows(self.connection, parent=folder, after=after or "")
        return map(Row._make, rows), path

    def _may_match(self, row: Row) -> bool:
        text, wanted = self.query.text, self.query.media_type
        if text is not None and fold(text) not in fold(row.name):
            return False
        if wanted is None:
            return True
        return row.media_type == wanted if "/" in wanted else row.media_type.startswith(f"{wanted}/")

    def _read(self, cursor: str | None) -> list[str]:
        found: Any = read_cursor(cursor, self._cursor_kind, str)
        return found[0].split("/") if found else []

    def _write(self, position: Path | None) -> str | None:
        if position is None:
            return None
        below = position.names[len(self.query.folder.names) :]
        return write_cursor(self._cursor_kind, "/".join(name.key for name in below))

    @property
    def _cursor_kind(self) -> str:
        return f"path {self.query.descending}"
