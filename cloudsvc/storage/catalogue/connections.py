"""Connections to the database file, and what becomes of its errors."""

from __future__ import annotations

import errno
import os
import sqlite3
from collections.abc import Callable
from pathlib import Path
from queue import Empty, LifoQueue
from typing import Final, TypeVar

from attrs import define, field
from twisted.logger import Logger

from cloudsvc.core.errors import CloudError
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.errors import no_space, storage_failed
from cloudsvc.storage.faults import translated

T = TypeVar("T")

_log = Logger("cloudsvc.storage")

_BUSY_SECONDS: Final = 30.0
"""For so long another process may hold the database."""

_LOG_PAGES: Final = 8000
"""
Pages of the log after which they are written into the database: 32 MB, eight times what SQLite does by itself.

Blobs have random ids and digests, so that each file that is stored changes other pages of a large catalogue; with more
of them at once, fewer are written twice, and the disk is waited for less often.
"""

_OWNER_ONLY: Final = 0o600


def connect(path: Path) -> sqlite3.Connection:
    """
    A connection that commits durably, and only when told to. Blocks.

    :raises sqlite3.Error: it is no database, or cannot be opened.
    """
    _make(path)
    # Which thread uses it is seen to by who owns it.
    connection = sqlite3.connect(path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA cache_size = -16384")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LOG_PAGES}")
    except BaseException:
        connection.close()
        raise
    return connection


def _make(path: Path) -> None:
    # A database that is there must not be opened here: closing it would take away the locks that other connections of
    # this process have on it (fcntl_locking(2)), and the next program to close it would clear its log away under them.
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL, _OWNER_ONLY))
    except FileExistsError:
        if path.is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path) from None


def translate(problem: sqlite3.Error) -> CloudError:
    """The error that a client is told. What an administrator has to look at is logged."""
    if problem.sqlite_errorcode == sqlite3.SQLITE_FULL:
        return no_space()
    _log.error("the catalogue fails: {code} {reason}", code=problem.sqlite_errorname, reason=str(problem))
    return storage_failed()


@define(eq=False, kw_only=True)
class Readers:
    """Reads in threads, each reading from a moment at which nothing is half done."""

    _path: Path
    _threads: ThreadRunner
    _idle: LifoQueue[sqlite3.Connection] = field(factory=LifoQueue)

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """
        What ``work`` returns.

        :raises CloudError: its own, or the database fails.
        """
        try:
            return await self._threads.run(self._run, work)
        except sqlite3.Error as problem:
            raise translate(problem) from problem

    async def copy_all(self, destination: Path) -> None:
        """
        Write the whole database, as it is at one moment, to a new file, durably.

        :raises CloudError: the file is there already, or cannot be written.
        """
        try:
            with translated():
                await self._threads.run(_copy_all, self._path, destination)
        except sqlite3.Error as problem:
            raise translate(problem) from problem

    async def close(self) -> None:
        """Close all connections. Nobody reads any more."""
        await self._threads.run(self._close)

    def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        connection = self._take()
        try:
            connection.execute("BEGIN")
            try:
                return work(connection)
            finally:
                connection.execute("ROLLBACK")
        finally:
            self._idle.put(connection)

    def _take(self) -> sqlite3.Connection:
        try:
            return self._idle.get_nowait()
        except Empty:
            connection = connect(self._path)
            connection.execute("PRAGMA query_only = ON")
            return connection

    def _close(self) -> None:
        while not self._idle.empty():
            self._idle.get_nowait().close()


def _copy_all(source: Path, destination: Path) -> None:
    descriptor = os.open(destination, os.O_RDWR | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    try:
        connection = connect(source)
        try:
            connection.execute("VACUUM INTO ?", (str(destination),))
        finally:
            connection.close()
        os.fsync(descriptor)
    except BaseException:
        destination.unlink()
        raise
    finally:
        os.close(descriptor)
