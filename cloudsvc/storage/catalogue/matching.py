"""Statements that find the files of a query: in a window of a sorted list, or among few candidates."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from enum import Enum, auto
from functools import cache
from typing import Any, Final, NamedTuple, TypeAlias

from sqlalchemy import (
    BindParameter,
    Column,
    ColumnElement,
    Select,
    and_,
    bindparam,
    exists,
    literal_column,
    or_,
    select,
    union_all,
)

from cloudsvc.drive.names import fold_case
from cloudsvc.drive.pages import FileQuery, Order
from cloudsvc.storage.catalogue.name_index import choose_index
from cloudsvc.storage.catalogue.name_index.constructs import names_with
from cloudsvc.storage.catalogue.name_index.expressions import make_expression
from cloudsvc.storage.catalogue.nodes import WITH_VERSION, Row
from cloudsvc.storage.catalogue.schema import ROOT, node, tag
from cloudsvc.storage.database.constructs import contains, is_among
from cloudsvc.storage.database.statements import Connection, Statement, compile_statement

MOST_CANDIDATES: Final = 20_000
"""Files, and folders between them, that are sorted for one page rather than looked for in a longer list."""


class Key(NamedTuple):
    """What a list is sorted by."""

    column: Column[Any]
    read: Callable[[Row], Any]
    kind: type


KEYS: Final[dict[Order, Key]] = {
    # Between files in one folder. Others have no column to be sorted by.
    Order.PATH: Key(node.c.key, lambda row: row.key, str),
    Order.NAME: Key(node.c.key, lambda row: row.key, str),
    Order.CREATED: Key(node.c.created_at, lambda row: row.created_at, int),
    Order.UPDATED: Key(node.c.updated_at, lambda row: row.updated_at, int),
    Order.SIZE: Key(node.c.size, lambda row: row.size, int),
}

Position: TypeAlias = tuple[Any, int]
"""The value by which a file is sorted, and its id."""


class Candidate(NamedTuple):
    """A file that matches all of a query but its folder, and what it is sorted by."""

    id: int
    parent: int
    value: Any


class Narrow(Enum):
    """By what few files are found among many."""

    TEXT = auto()
    """The index of names, and what is not in it yet."""
    TAG = auto()
    FOLDER = auto()
    """Whatever is somewhere below a folder."""


# The kind is written out, not a parameter: only so the indices of files alone can be used.
_IS_FILE = node.c.kind == literal_column("1")

_below = select(node.c.id).where(node.c.parent == bindparam("top")).cte("below", recursive=True)
_below = _below.union_all(select(node.c.id).where(node.c.parent == _below.c.id))
_named = names_with(bindparam("text"), bindparam("expression")).table_valued("id").alias("named")

_SOURCES: Final[dict[Narrow, Any]] = {
    Narrow.TEXT: union_all(select(_named.c.id), select(node.c.id).where(node.c.id > bindparam("indexed"), _IS_FILE)),
    Narrow.TAG: select(tag.c.node).where(tag.c.tag == bindparam("tag")),
    Narrow.FOLDER: select(_below.c.id),
}


def make_values(query: FileQuery) -> dict[str, Any]:
    """The values of what ``query`` asks for, but for its folder, under the names that statements have for them."""
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
    return values


def find_edge(connection: Connection, query: FileQuery, position: Position | None, size: int) -> Position | None:
    """Where the window of ``size`` files that begins at ``position`` ends; ``None`` where the list does."""
    for part in split(position, None):
        statement = make_edge(query.order, query.descending, frozenset(part))
        found = statement.row(connection, passed=size - 1, **part)
        if found is not None:
            return found[0], found[1]
    return None


def find_matches(
    connection: Connection, query: FileQuery, position: Position | None, edge: Position | None
) -> Iterator[Row]:
    """The files between ``position`` and ``edge``, in order, that ``query`` asks for, in whatever folder they are."""
    values = make_values(query)
    for part in split(position, edge):
        statement = make_matches(query.order, query.descending, frozenset(part), frozenset(values))
        yield from map(Row._make, statement.rows(connection, **values, **part))


def find_candidates(connection: Connection, query: FileQuery, top: int) -> list[Candidate] | None:
    """
    The files that match all that ``query`` asks for, or all but its folder, in no order, where few can; else ``None``.

    :param top: the folder of the query.
    """
    for narrow, given in _list_ways(connection, query, top):
        ids = [node_id for (node_id,) in make_few(narrow).rows(connection, most=MOST_CANDIDATES + 1, **given)]
        if len(ids) <= MOST_CANDIDATES:
            values = make_values(query)
            statement = make_candidates(query.order, frozenset(values))
            return [Candidate(*row) for row in statement.rows(connection, ids=json.dumps(ids), **values)]
    return None


def _list_ways(connection: Connection, query: FileQuery, top: int) -> Iterator[tuple[Narrow, dict[str, Any]]]:
    """By what few files may be found, the quickest way first, and the values that it needs."""
    text = None if query.text is None else fold_case(query.text)
    expression = None if text is None else make_expression(text)
    if expression is not None and (indexed := choose_index(connection).find_indexed(connection)):
        yield Narrow.TEXT, {"text": text, "expression": expression, "indexed": indexed}
    if query.tag is not None:
        yield Narrow.TAG, {"tag": query.tag}
    # By path, a walk is as quick.
    if top != ROOT and query.order is not Order.PATH:
        yield Narrow.FOLDER, {"top": top}


def is_after(place: Position, position: Position, *, descending: bool) -> bool:
    """Whether ``place`` is behind ``position`` in the list."""
    return place < position if descending else place > position


def split(position: Position | None, edge: Position | None) -> Iterator[dict[str, Any]]:
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


def match_files(statement: Select[Any], filters: frozenset[str]) -> Select[Any]:
    """``statement``, of those files only that match what has these names in :func:`make_values`."""
    if "tag" in filters:
        statement = statement.where(exists().where(tag.c.node == node.c.id, tag.c.tag == bindparam("tag")))
    if "text" in filters:
        statement = statement.where(contains(node.c.folded, bindparam("text")))
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
    return statement


@cache
def make_edge(order: Order, descending: bool, bounds: frozenset[str]) -> Statement:  # noqa: FBT001 - a key of the cache
    """The file at the end of a window."""
    column = KEYS[order].column
    statement = select(column, node.c.id).where(_IS_FILE, *(_bound(name, column, descending) for name in bounds))
    ends = (column.desc(), node.c.id.desc()) if descending else (column, node.c.id)
    return compile_statement(statement.order_by(*ends).limit(1).offset(bindparam("passed")))


@cache
def make_matches(
    order: Order,
    descending: bool,  # noqa: FBT001 - a key of the cache
    bounds: frozenset[str],
    filters: frozenset[str],
) -> Statement:
    """The files of a window that match."""
    column = KEYS[order].column
    statement = WITH_VERSION.where(_IS_FILE, *(_bound(name, column, descending) for name in bounds))
    ends = (column.desc(), node.c.id.desc()) if descending else (column, node.c.id)
    return compile_statement(match_files(statement, filters).order_by(*ends))


@cache
def make_few(narrow: Narrow) -> Statement:
    """The nodes that are left."""
    return compile_statement(_SOURCES[narrow].limit(bindparam("most")))


@cache
def make_candidates(order: Order, filters: frozenset[str]) -> Statement:
    """Which of some nodes are files that match."""
    statement = select(node.c.id, node.c.parent, KEYS[order].column).where(
        is_among(node.c.id, bindparam("ids")), _IS_FILE
    )
    return compile_statement(match_files(statement, filters))
