"""Database connections, and the translation of their errors."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar, Final

from twisted.logger import Logger

from cloudsvc.core.errors import CloudError
from cloudsvc.drive.errors import no_space, storage_failed
from cloudsvc.storage.database.statements import Engine, Statement

_log = Logger("cloudsvc.storage")

BUSY_SECONDS: Final = 30.0
"""For so long another process may hold the database."""

_LOG_PAGES: Final = 8000
"""
Pages of the log after which they are written into the database: 32 MB, eight times what SQLite does by itself.

Blobs have random ids and digests, so that each file that is stored changes other pages of a large catalogue; with more
of them at once, fewer are written twice, and the disk is waited for less often.
"""

_PAGE_BYTES: Final = 4096

LOG_BYTES: Final = _LOG_PAGES * _PAGE_BYTES
"""To which the file of the log is cut whenever it begins anew."""

_CACHE_KIB: Final = 16 * 1024
"""KiB of pages that a connection remembers, unless it is told another number."""

OWNER_ONLY: Final = 0o600

_STEPS: Final = 100_000
"""Instructions of SQLite's machine, some milliseconds, between two looks at the time."""


class SQLiteConnection(sqlite3.Connection):
    """A :class:`~cloudsvc.storage.database.reading.ReadingConnection` to SQLite."""

    engine: ClassVar[Engine] = Engine.SQLITE

    def run(self, statement: Statement, values: dict[str, Any]) -> sqlite3.Cursor:
        """As :meth:`~cloudsvc.storage.database.statements.Connection.run`."""
        text, always = statement.sqlite
        return self.execute(text, {**always, **values} if always else values)

    def run_for_each(self, statement: Statement, rows: Sequence[dict[str, Any]]) -> None:
        """As :meth:`~cloudsvc.storage.database.statements.Connection.run_for_each`."""
        text, always = statement.sqlite
        self.executemany(text, [{**always, **row} for row in rows])

    def watch(self, look: Callable[[], bool] | None) -> None:
        """As :meth:`~cloudsvc.storage.database.reading.ReadingConnection.watch`."""
        self.set_progress_handler(look, _STEPS if look else 0)


def connect(path: Path, *, cache_kib: int = _CACHE_KIB) -> SQLiteConnection:
    """
    A connection that commits durably, and only when told to. Blocks.

    :param cache_kib: KiB of pages that it remembers.
    :raises sqlite3.Error: it is no database, or cannot be opened.
    """
    _make(path)
    # Which thread uses it is seen to by who owns it.
    connection = sqlite3.connect(
        path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, factory=SQLiteConnection
    )
    try:
        if path.stat().st_size == 0:
            # Pages of what was deleted can be given back to the disk. Later, that can be decided by copying everything.
            connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA cache_size = -{cache_kib}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
        connection.execute(f"PRAGMA journal_size_limit = {LOG_BYTES}")
    except BaseException:
        connection.close()
        raise
    return connection


def _make(path: Path) -> None:
    # A database that is there must not be opened here: closing it would take away the locks that other connections of
    # this process have on it (fcntl_locking(2)), and the next program to close it would clear its log away under them.
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, OWNER_ONLY))
    except FileExistsError:
        if path.is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path) from None


def translate(problem: sqlite3.Error) -> CloudError:
    """The error that a client is told. What an administrator has to look at is logged."""
    if problem.sqlite_errorcode == sqlite3.SQLITE_FULL:
        return no_space()
    _log.error("the database fails: {code} {reason}", code=problem.sqlite_errorname, reason=str(problem))
    return storage_failed()
