"""Sessions of SQLite: connections that read, kept for the next who reads."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Final

from attrs import define, field

from cloudsvc.core.errors import CloudError
from cloudsvc.storage.database.lanes import Lane
from cloudsvc.storage.database.sqlite.connections import SQLiteConnection, connect, translate

_CACHE_KIB: Final = 4096
"""Of each connection, of which there are as many as reads at once."""


@define(eq=False)
class SQLiteSessions:
    """A :class:`~cloudsvc.storage.database.reading.Sessions` of the database in a file."""

    _path: Path
    idle: LifoQueue[SQLiteConnection] = field(factory=LifoQueue)

    def begin(self, lane: Lane) -> SQLiteConnection:
        """As :meth:`~cloudsvc.storage.database.reading.Sessions.begin`."""
        del lane
        connection = self._take()
        try:
            connection.execute("BEGIN")
        except BaseException:
            connection.close()
            raise
        return connection

    def end(self, connection: SQLiteConnection) -> None:
        """As :meth:`~cloudsvc.storage.database.reading.Sessions.end`."""
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except BaseException:
            connection.close()
            raise
        self.idle.put(connection)

    def close(self) -> None:
        """As :meth:`~cloudsvc.storage.database.reading.Sessions.close`."""
        while not self.idle.empty():
            self.idle.get_nowait().close()

    def translate(self, problem: BaseException) -> CloudError | None:
        """As :meth:`~cloudsvc.storage.database.reading.Sessions.translate`."""
        return translate(problem) if isinstance(problem, sqlite3.Error) else None

    def is_worth_repeating(self, problem: BaseException) -> bool:
        """A file is not lost: what fails once fails again."""
        del problem
        return False

    def _take(self) -> SQLiteConnection:
        try:
            return self.idle.get_nowait()
        except Empty:
            connection = connect(self._path, cache_kib=_CACHE_KIB)
            try:
                connection.execute("PRAGMA query_only = ON")
            except BaseException:
                connection.close()
                raise
            return connection
