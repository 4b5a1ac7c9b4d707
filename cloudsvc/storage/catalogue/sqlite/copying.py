"""Copies of the whole database, as it is at one moment, in a new file."""

from __future__ import annotations

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from cloudsvc.storage.catalogue.name_index.full_text import find_indexed, remove_index
from cloudsvc.storage.database.lanes import Lane
from cloudsvc.storage.database.reading import Readers, Turn
from cloudsvc.storage.database.sqlite.connections import OWNER_ONLY, SQLiteConnection, connect
from cloudsvc.storage.faults import translated


async def copy_database(readers: Readers[SQLiteConnection], source: Path, destination: Path) -> None:
    """
    Write the whole database, as it is at one moment, to a new file, durably.

    :raises CloudError: the file is there already, or cannot be written.
    """
    turn = readers.make_turn(Lane.COPIES)
    with translated():
        await readers.occupy(lambda: _copy(source, destination, turn), Lane.COPIES, turn)


def _copy(source: Path, destination: Path, turn: Turn) -> None:
    descriptor = os.open(destination, os.O_RDWR | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    try:
        connection = connect(source)
        try:
            turn.begin(connection)
            connection.execute("VACUUM INTO ?", (str(destination),))
            _strip(destination)
        finally:
            turn.end()
            connection.close()
        os.fsync(descriptor)
    except BaseException:
        destination.unlink()
        raise
    finally:
        os.close(descriptor)


def _strip(copy: Path) -> None:
    """Leave what everybody can read: tables, and nothing that one needs an extension of SQLite for."""
    with closing(sqlite3.connect(copy, isolation_level=None, factory=SQLiteConnection)) as connection:
        # Nobody else has it, and it is of no use until it is whole: it needs no journal on the disk.
        connection.execute("PRAGMA journal_mode = MEMORY")
        connection.execute("PRAGMA synchronous = OFF")
        if find_indexed(connection):
            remove_index(connection)
            connection.execute("PRAGMA incremental_vacuum").fetchall()
