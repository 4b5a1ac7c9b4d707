"""Lists of files anywhere in the tree, in any order, with any filter, each page in bounded time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from sqlite3 import Connection
from typing import Any, Final, TypeAlias

from attrs import frozen
from sqlalchemy import BindParameter, Column, ColumnElement, and_, bindparam, exists, func, literal_column, or_, select

from cloudsvc.drive.names import Path, fold_case
from cloudsvc.drive.nodes import File
from cloudsvc.drive.pages import FileQuery, Order, Page
from cloudsvc.storage.catalogue.cursors import read_cursor, write_cursor
from cloudsvc.storage.catalogue.nodes import MOST_TEXT, WITH_VERSION, Ancestry, Row, find_row, make_file
from cloudsvc.storage.catalogue.schema import node, tag
from cloudsvc.storage.catalogue.statements import Statement, compile_statement

_WINDOW: Final = 20_000
"""Files that are looked at in one go."""

_FIRST_WINDOW: Final = 1_000
"""The first time: mostly enough for a page, and finding its end costs less than the page."""

_WINDOWS: Final = 10
"""So many times that is done for one page, which may be empty then, and have a cursor all the same."""

_SORTED_BY: Final[dict[Order, tuple[Column[Any], Callable[[Row], Any], type]]] = {
    Order.NAME: (node.c.key, lambda row: row.key, str),
    Order.CREATED: (node.c.created_at, lambda row: row.created_at, int),
    Order.UPDATED: (node.c.updated_at, lambda row: row.updated_at, int),
    Order.SIZE: (node.c.size, lambda row: row.size, int),
}

_Position: TypeAlias = tuple[Any, int]
"""The value by which a file is sorted, and its id."""


@frozen(kw_only=True)
class Search:
    """One search, at one moment."""

    connection: Connection
    epoch: str
    query: FileQuery

    def run(self, limit: int, cursor: str | None) -> Page[File]:
        """
        As :meth:`cloudsvc.drive.catalogue.Catalogue.list_files`, in any order but :attr:`Order.PATH`.

        The list is gone through in windows of so many files, whether they match or not: that bounds the time.
        """
        position = self._read(cursor)
        top = find_row(self.connection, self.query.folder)
        if top is None or top.is_file:
            return Page(items=[], cursor=None)
        ancestry = Ancestry(self.connection, top.id)
        found: list[File] = []
        room = MOST_TEXT
        for number in range(_WINDOWS):
            edge = self._find_edge(position, min(_FIRST_WINDOW, _WINDOW) if number == 0 else _WINDOW)
            for row in self._find_matches(position, edge):
                if not ancestry.holds(row.parent):
                    continue
                if len(found) == limit or room <= 0:
                    return Page(items=found, cursor=self._write(position))
                path = ancestry.find(row) or Path()
                found.append(make_file(self.connection, self.epoch, row, path))
                room -= len(str(path))
                position = self._locate(row)
            if edge is None:
                return Page(items=found, cursor=None)
            position = edge
        return Page(items=found, cursor=self._write(position))

    def _locate(self, row: Row) -> _Position:
        _, read, _ = _SORTED_BY[self.query.order]
        return read(row), row.id

    def _find_edge(self, position: _Position | None, size: int) -> _Position | None:
        """Where the window of ``size`` files that begins at ``position`` ends; ``None`` where the list does."""
        for part in _split(position, None):
            statement = _make_edge(self.query.order, self.query.descending, frozenset(part))
            found = statement.row(self.connection, passed=size - 1, **part)
            if found is not None:
                return found[0], found[1]
        return None

    def _find_matches(self, position: _Position | None, edge: _Position | None) -> Iterator[Row]:
        query = self.query
        values: dict[str, Any] = {}
        if query.tag is not None:
            values["tag"] = query.tag
        if query.text is not None:
            values["text"] = fold_case(query.text)
        if query.media_type is not None:
            if "/" in query.media_type:
                values["media_type"] = query.media_type
                values["first_parameter"] = f"{query.media_type};"
                values["next_type"] = f"{query.media_type}<"
            else:
                values["media_kind"] = f"{query.media_type}/"
                values["next_kind"] = f"{query.media_type}0"
        for part in _split(position, edge):
            statement = _make_matches(query.order, query.descending, frozenset(part), frozenset(values))
            yield from map(Row._make, statement.rows(self.connection, **values, **part))

    def _read(self, cursor: str | None) -> _Position | None:
        _, _, kind = _SORTED_BY[self.query.order]
        found = read_cursor(cursor, self._cursor_kind, kind, int)
        return None if found is None else (found[0], int(found[1]))

    def _write(self, position: _Position | None) -> str | None:
        return None if position is None else write_cursor(self._cursor_kind, *position)

    @property
    def _cursor_kind(self) -> str:
        return f"{self.query.order.value} {self.query.descending}"


def _split(position: _Position | None, edge: _Position | None) -> Iterator[dict[str, Any]]:
    """
    What lies after ``position`` and not after ``edge``, in parts: their bounds, as :func:`_bound` names them.

    Each part is one range of an index. Compared as pairs, value and id would be looked up by the value alone, and all
    files that are alike in it would be passed again for every page.
    """
    if position and edge and position[0] == edge[0]:
        yield {"same": edge[0], "after_id": position[1], "last_id": edge[1]}
        return
    if position:
        yield {"same": position[0], "after_id": position[1]}
    yield {**({"after": position[0]} if position else {}), **({"before": edge[0]} if edge else {})}
    if edge:
        yield {"same": edge[0], "last_id": edge[1]}


def _bound(name: str, column: Column[Any], descending: bool) -> ColumnElement[bool]:  # noqa: FBT001 - as below
    value: BindParameter[Any] = bindparam(name)
    if name == "same":
        return column == value
    here: ColumnElement[Any] = node.c.id if name.endswith("_id") else column
    if name.startswith("after"):
        return here < value if descending else here > value
    if name == "before":
        return here > value if descending else here < value
    return here >= value if descending else here <= value


# The kind is written out, not a parameter: only so the indices of files alone can be used.
_IS_FILE = node.c.kind == literal_column("1")


@cache
def _make_edge(order: Order, descending: bool, bounds: frozenset[str]) -> Statement:  # noqa: FBT001 - a key of the cache
    column, _, _ = _SORTED_BY[order]
    statement = select(column, node.c.id).where(_IS_FILE, *(_bound(name, column, descending) for name in bounds))
    ends = (column.desc(), node.c.id.desc()) if descending else (column, node.c.id)
    return compile_statement(statement.order_by(*ends).limit(1).offset(bindparam("passed")))


@cache
def _make_matches(
    order: Order,
    descending: bool,  # noqa: FBT001 - a key of the cache
    bounds: frozenset[str],
    filters: frozenset[str],
) -> Statement:
    column, _, _ = _SORTED_BY[order]
    statement = WITH_VERSION.where(_IS_FILE, *(_bound(name, column, descending) for name in bounds))
    if "tag" in filters:
        statement = statement.where(exists().where(tag.c.node == node.c.id, tag.c.tag == bindparam("tag")))
    if "text" in filters:
        statement = statement.where(func.instr(node.c.folded, bindparam("text")) > 0)
    if "media_type" in filters:
        statement = statement.where(
            or_(
                node.c.media_type == bindparam("media_type"),
                and_(node.c.media_type >= bindparam("first_parameter"), node.c.media_type < bindparam("next_type")),
            )
        )
    if "media_kind" in filters:
        statement = statement.where(
            node.c.media_type >= bindparam("media_kind"), node.c.media_type < bindparam("next_kind")
        )
    return compile_statement(
        statement.order_by(*((column.desc(), node.c.id.desc()) if descending else (column, node.c.id)))
    )
