"""
Interchange of a PostgreSQL catalogue with SQLite, the format in which every catalogue is handed on: all rows of all
tables, from one moment, a bounded number at a time.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from sqlalchemy import Table

from cloudsvc.storage.catalogue.postgresql.migration import find_last_ids, set_last_ids
from cloudsvc.storage.catalogue.schema import metadata, state
from cloudsvc.storage.catalogue.sqlite.migration import migrate
from cloudsvc.storage.database.postgresql.connections import PostgreSQLConnection
from cloudsvc.storage.database.sqlite.connections import connect

_TOGETHER: Final = 2_000
"""Rows that are in memory at once."""

_TABLES: Final = tuple(table for table in metadata.sorted_tables if table is not state)

_REFERENCES: Final = f"""
    SELECT conrelid::regclass::text, quote_ident(conname), pg_get_constraintdef(oid) FROM pg_constraint
    WHERE contype = 'f' AND connamespace = current_schema()::regnamespace
    AND conrelid::regclass::text IN ({", ".join(f"'{table.name}'" for table in _TABLES)}) ORDER BY oid
"""  # noqa: S608  # constants
"""What refers to what: the tables, and their constraints. There may be others' in the same database."""

_OF_STATE: Final = tuple(column.name for column in state.columns if column.name not in {"id", "indexed"})
"""What there is an index of is each engine's own."""


def write_database(connection: PostgreSQLConnection, destination: Path) -> None:
    """
    Write all that a catalogue holds to a new file, durably. Blocks.

    :param connection: reads from one moment.
    :raises OSError: it is there already, or cannot be written.
    :raises sqlite3.Error: likewise.
    :raises psycopg.Error: the database fails.
    """
    descriptor = os.open(destination, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        migrate(destination)
        with closing(connect(destination)) as copy:
            # Nobody else has it, and it is of no use until it is whole.
            copy.execute("PRAGMA journal_mode = MEMORY")
            copy.execute("PRAGMA synchronous = OFF")
            # A folder may be younger than what is in it.
            copy.execute("PRAGMA foreign_keys = OFF")
            copy.execute("BEGIN")
            _fill(copy, connection)
            copy.execute("COMMIT")
        os.fsync(descriptor)
    except BaseException:
        destination.unlink()
        raise
    finally:
        os.close(descriptor)


def replace_all(connection: PostgreSQLConnection, source: Path) -> None:
    """
    Let a catalogue hold what is in an SQLite database of the newest schema, and nothing else. Blocks.

    :param connection: in a transaction, which nobody sees anything of until it is committed.
    :raises sqlite3.Error: the source cannot be read.
    :raises psycopg.Error: the database fails.
    """
    references = connection.execute(_REFERENCES).fetchall()
    # Looked at row by row they would take the server's memory, and most of the time.
    for table, name, _ in references:
        connection.execute(f"ALTER TABLE {table} DROP CONSTRAINT {name}")
    connection.execute(f"TRUNCATE {', '.join(table.name for table in _TABLES)}")
    with closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as content:
        for table in _TABLES:
            _copy_in(connection, table, content)
        sequences = dict(content.execute("SELECT name, seq FROM sqlite_sequence"))
        found = content.execute(f"SELECT {', '.join(_OF_STATE)} FROM state").fetchone()  # noqa: S608  # constants
    assignments = ", ".join(f"{name} = %({name})s" for name in _OF_STATE)
    connection.execute(f"UPDATE state SET {assignments}", dict(zip(_OF_STATE, found, strict=True)))  # noqa: S608  # constants
    set_last_ids(connection, sequences)
    for table, name, definition in references:
        connection.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
    # The planner knows nothing of what is new, and the server would look at it in its own time.
    connection.execute("ANALYZE")


def _fill(copy: sqlite3.Connection, connection: PostgreSQLConnection) -> None:
    for table in _TABLES:
        names = [column.name for column in table.columns]
        # What a new database has by itself is in the other as well.
        copy.execute(f"DELETE FROM {table.name}")  # noqa: S608  # constants
        places = ", ".join("?" * len(names))
        insertion = f"INSERT INTO {table.name} ({', '.join(names)}) VALUES ({places})"  # noqa: S608  # constants
        for rows in _read(connection, f"SELECT {', '.join(names)} FROM {table.name}"):  # noqa: S608  # constants
            copy.executemany(insertion, rows)
    found = connection.execute(f"SELECT {', '.join(_OF_STATE)} FROM state").fetchall()[0]  # noqa: S608  # constants
    copy.execute(f"UPDATE state SET {', '.join(f'{name} = ?' for name in _OF_STATE)}", found)  # noqa: S608  # constants
    last = {**find_last_ids(connection), "change": found[_OF_STATE.index("last_change")]}
    for name, number in last.items():
        copy.execute("DELETE FROM sqlite_sequence WHERE name = ?", (name,))
        copy.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", (name, number))


def _read(connection: PostgreSQLConnection, query: str) -> Iterator[Sequence[tuple[Any, ...]]]:
    """The rows of a query, some at a time."""
    connection.execute(f"DECLARE interchange NO SCROLL CURSOR FOR {query}")
    try:
        while rows := connection.execute(f"FETCH {_TOGETHER} FROM interchange").fetchall():
            yield rows
    finally:
        if not connection.is_lost:
            connection.execute("CLOSE interchange")


def _copy_in(connection: PostgreSQLConnection, table: Table, content: sqlite3.Connection) -> None:
    names = ", ".join(column.name for column in table.columns)
    rows = content.execute(f"SELECT {names} FROM {table.name} ORDER BY 1")  # noqa: S608  # constants
    with (
        connection.session.cursor() as cursor,
        cursor.copy(f"COPY {table.name} ({names}) FROM STDIN".encode()) as copy,
    ):
        for row in rows:
            copy.write_row(row)
