"""
Search among the files that an actor sees, for those who do not see everything.

The search of those who do passes files by the thousand, and where it has to stop its cursor names one that it has
passed. Here that file might be hidden, and so might all on a page. So the database goes down from the folders that are
seen, sorts what matches there, and every page is full: it costs what the actor sees, whatever else there is.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from attrs import frozen
from sqlalchemy import BindParameter, Select, and_, bindparam, func, literal_column, or_, select

from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import File
from cloudsvc.drive.pages import FileQuery, Order, Page
from cloudsvc.storage.catalogue.cursors import read_cursor, write_cursor
from cloudsvc.storage.catalogue.matching import KEYS, Position, make_values, match_files
from cloudsvc.storage.catalogue.nodes import MOST_TEXT, Ancestry, Row, load_rows, make_files
from cloudsvc.storage.catalogue.schema import node
from cloudsvc.storage.catalogue.sight import Sight, find_seen, format_ids
from cloudsvc.storage.database.constructs import is_among
from cloudsvc.storage.database.statements import Connection, Statement, compile_statement

_below = select(node.c.id).where(is_among(node.c.id, bindparam("tops"))).cte("below", recursive=True)
_below = _below.union_all(select(node.c.id).where(node.c.parent == _below.c.id, node.c.kind == literal_column("0")))
"""Some folders, none of which is in another, and all folders below them."""


@frozen(kw_only=True)
class SeenSearch:
    """One search among the files in ``sight``, at one moment."""

    connection: Connection
    epoch: str
    query: FileQuery
    sight: Sight

    def run(self, limit: int, cursor: str | None) -> Page[File]:
        """As :meth:`cloudsvc.drive.catalogue.Catalogue.list_files`, in any order but :attr:`Order.PATH`."""
        position = self._read(cursor)
        tops = self._find_tops()
        places = self._find_places(tops, position, limit + 1) if tops else []
        shown = self._place([node_id for _, node_id in places[:limit]])
        follows = len(shown) < len(places)
        return Page(
            items=make_files(self.connection, self.epoch, shown),
            cursor=write_cursor(self._cursor_kind, *places[len(shown) - 1]) if follows else None,
        )

    def _find_tops(self) -> frozenset[int]:
        """The folders in which all files are seen and asked for, none of them in another."""
        top = find_seen(self.connection, self.query.folder, self.sight).row
        if top is None or top.is_file:
            return frozenset()
        return self.sight.list_tops(top.id) if self.sight.is_way(top.id) else frozenset({top.id})

    def _find_places(self, tops: frozenset[int], position: Position | None, most: int) -> list[Position]:
        values = make_values(self.query)
        statement = _make_statement(self.query.order, self.query.descending, position is not None, frozenset(values))
        if position is not None:
            values |= {"after": position[0], "after_id": position[1]}
        return [*statement.rows(self.connection, tops=format_ids(tops), most=most, **values)]

    def _place(self, ids: list[int]) -> list[tuple[Row, DrivePath]]:
        """The rows of ``ids`` with their paths, fewer where the paths are so long that they would fill the memory."""
        rows = load_rows(self.connection, ids)
        ancestry = Ancestry(self.connection)
        ancestry.load(row.parent for row in rows.values())
        placed: list[tuple[Row, DrivePath]] = []
        room = MOST_TEXT
        for node_id in ids:
            path = ancestry.find(rows[node_id]) or DrivePath()
            placed.append((rows[node_id], path))
            room -= len(str(path))
            if room <= 0:
                break
        return placed

    def _read(self, cursor: str | None) -> Position | None:
        kind = KEYS[self.query.order].kind
        found = read_cursor(cursor, self._cursor_kind, kind, int)
        return None if found is None else (found[0], int(found[1]))

    @property
    def _cursor_kind(self) -> str:
        return f"{self.query.order.value} {self.query.descending}"


@cache
def _make_statement(
    order: Order,
    descending: bool,  # noqa: FBT001 - a key of the cache
    follows: bool,  # noqa: FBT001 - likewise
    values: frozenset[str],
) -> Statement:
    column = KEYS[order].column
    # An expression, and not the column: its index would lead through all files of the drive.
    value = func.coalesce(column, column)
    files: Select[Any] = select(value, node.c.id).where(
        node.c.parent == _below.c.id, node.c.kind == literal_column("1")
    )
    statement = match_files(files, values)
    if follows:
        after: BindParameter[Any] = bindparam("after")
        after_id: BindParameter[int] = bindparam("after_id")
        further = (value < after, node.c.id < after_id) if descending else (value > after, node.c.id > after_id)
        statement = statement.where(or_(further[0], and_(value == after, further[1])))
    ends = (value.desc(), node.c.id.desc()) if descending else (value, node.c.id)
    return compile_statement(statement.order_by(*ends).limit(bindparam("most")))
