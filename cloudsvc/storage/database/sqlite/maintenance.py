"""Maintenance of the database files: checkpoints of the write-ahead log, and pages that nothing uses any more."""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path
from typing import Final

from attrs import define

from cloudsvc.storage.database.sqlite.connections import BUSY_SECONDS, LOG_BYTES

_LARGE: Final = LOG_BYTES + 2**24
"""Bytes of the log from which on it is cut: beyond what SQLite keeps it to by itself, and the largest commit."""

_STEP: Final = 2**24
"""Bytes by which it grows between two attempts, where somebody who reads stands in the way."""

_PATIENCE: Final = 1.0
"""Seconds for which whoever reads is waited for; nobody can write meanwhile."""

_UNUSED: Final = 4_096
"""Pages, 16 MiB, that may be unused: whoever writes next needs them again."""

_FREED: Final = 500
"""Pages that are given back in one go."""

_INCREMENTAL: Final = 2
"""What SQLite calls the way in which pages are given back when it is told to."""


@define(eq=False)
class WriteAheadLog:
    """
    The log of a database. Its methods block, in the thread that writes, outside of transactions.

    SQLite writes the log into the database again and again, and begins it anew, unless somebody who reads is in the way
    just then. Where readers come one after the other, it would grow for ever.
    """

    _connection: sqlite3.Connection
    _file: Path
    _tried_at: int = 0

    @classmethod
    def of(cls, connection: sqlite3.Connection) -> WriteAheadLog:
        """That of the database to which ``connection`` leads."""
        [_, _, file] = connection.execute("PRAGMA database_list").fetchone()
        return cls(connection, Path(f"{file}-wal"))

    def measure(self) -> int:
        """Its size in bytes."""
        try:
            return self._file.stat().st_size
        except OSError:
            return 0

    def check(self) -> None:
        """Cut it, if it is large."""
        size = self.measure()
        if size < _LARGE:
            self._tried_at = 0
        elif size >= self._tried_at + _STEP:
            self.cut()
            self._tried_at = self.measure()

    def cut(self) -> None:
        """Write all of it into the database and make it empty, unless somebody reads from it for long."""
        # The disk may fail or be full: then it is as it was, and every commit says so.
        with suppress(sqlite3.Error):
            self._connection.execute(f"PRAGMA busy_timeout = {int(_PATIENCE * 1000)}")
            try:
                self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            finally:
                self._connection.execute(f"PRAGMA busy_timeout = {int(BUSY_SECONDS * 1000)}")


def free_pages(connection: sqlite3.Connection) -> bool:
    """Give some unused pages back to the disk, where they are many; whether there are still more."""
    [unused] = connection.execute("PRAGMA freelist_count").fetchone()
    [automatic] = connection.execute("PRAGMA auto_vacuum").fetchone()
    # Catalogues that were made before pages could be given back use them again, and never shrink.
    if unused <= _UNUSED or automatic != _INCREMENTAL:
        return False
    connection.execute(f"PRAGMA incremental_vacuum({_FREED})").fetchall()
    return True
