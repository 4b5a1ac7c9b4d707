"""
An index of the names of files by trigrams in SQLite's FTS5 (https://www.sqlite.org/fts5.html#the_trigram_tokenizer).

It is derived from the table ``node``, and lags behind it: FTS5 writes a segment for each savepoint, which would cost
an upload more than all its other rows together. So names are taken in many at a time, after a commit; files with ids
beyond ``state.indexed`` are not in it yet, and whoever searches looks at these one by one. A catalogue that is new, or
a copy, has no index: ``indexed`` is 0 then.
"""

from __future__ import annotations

from typing import Any, Final, Protocol

from sqlalchemy import bindparam, func, select, update

from cloudsvc.storage.catalogue.schema import node, state
from cloudsvc.storage.database.statements import Connection, compile_statement

_STEP: Final = 2_000
"""Rows that are taken in at once: some ten milliseconds."""

_CREATE: Final = """
    CREATE VIRTUAL TABLE IF NOT EXISTS node_text
    USING fts5(
        folded,
        content='node', content_rowid='id', tokenize='trigram case_sensitive 1', detail=none, columnsize=0
    )
"""
"""Which names have a trigram, not where, and no copy of them: whoever finds one compares it with the text."""

_TAKE_IN: Final = """
    INSERT INTO node_text (rowid, folded)
    SELECT id, folded FROM node WHERE kind = 1 AND id > :indexed AND id <= :last ORDER BY id
"""
_ADD: Final = "INSERT INTO node_text (rowid, folded) SELECT id, folded FROM node WHERE id = :node AND kind = 1"
_REMOVE: Final = """
    INSERT INTO node_text (node_text, rowid, folded) SELECT 'delete', id, folded FROM node WHERE id = :node AND kind = 1
"""

_INDEXED: Final = compile_statement(select(state.c.indexed))
_LAST: Final = compile_statement(
    select(node.c.id).where(node.c.id > bindparam("indexed")).order_by(node.c.id.desc()).limit(1)
)
_some = (
    select(node.c.id).where(node.c.id > bindparam("indexed")).order_by(node.c.id).limit(bindparam("most")).subquery()
)
_NEXT: Final = compile_statement(select(func.count(), func.max(_some.c.id)))
_SET_INDEXED: Final = compile_statement(update(state).values(indexed=bindparam("last")))


class _FullTextConnection(Connection, Protocol):
    """One to SQLite."""

    @property
    def in_transaction(self) -> bool: ...

    def execute(self, text: str, values: dict[str, Any] = ..., /) -> Any:
        """As that of :mod:`sqlite3`."""
        ...


def find_indexed(connection: Connection) -> int:
    """The id up to which files are in it."""
    return int(_INDEXED.value(connection))


class FullTextNames:
    """A :class:`~cloudsvc.storage.catalogue.name_index.NameIndex` that somebody else has to see to."""

    def find_indexed(self, connection: Connection) -> int:
        """As :meth:`~cloudsvc.storage.catalogue.name_index.NameIndex.find_indexed`."""
        return find_indexed(connection)

    def add(self, connection: _FullTextConnection, node_id: int) -> None:
        """As :meth:`~cloudsvc.storage.catalogue.name_index.NameIndex.add`."""
        if node_id <= find_indexed(connection):
            connection.execute(_ADD, {"node": node_id})

    def remove(self, connection: _FullTextConnection, node_id: int) -> None:
        """As :meth:`~cloudsvc.storage.catalogue.name_index.NameIndex.remove`."""
        if node_id <= find_indexed(connection):
            connection.execute(_REMOVE, {"node": node_id})


def catch_up(connection: _FullTextConnection, least: int) -> bool:
    """
    Take some names in, in a transaction of its own, where so many rows at least are not in it; whether they were.

    :raises sqlite3.Error: the database fails; nothing was done.
    """
    indexed = find_indexed(connection)
    newest = _LAST.value(connection, indexed=indexed) or 0
    # Rows are counted where there may be so many. Ids have gaps, a very large one where a backup was restored.
    if newest - indexed < least or _find_step(connection, indexed)[0] < least:
        return False
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Another process may have been here.
        indexed = find_indexed(connection)
        last = _find_step(connection, indexed)[1]
        connection.execute(_CREATE)
        connection.execute(_TAKE_IN, {"indexed": indexed, "last": last})
        _SET_INDEXED.run(connection, last=last)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return True


def _find_step(connection: Connection, indexed: int) -> tuple[int, int]:
    """How many rows are taken in next, and the id of the last of them."""
    count, last = _NEXT.row(connection, indexed=indexed, most=_STEP) or (0, None)
    return count, indexed if last is None else last


def remove_index(connection: _FullTextConnection) -> None:
    """Leave nothing of it, in a copy of which nobody knows what will be made."""
    connection.execute("DROP TABLE IF EXISTS node_text")
    _SET_INDEXED.run(connection, last=0)
