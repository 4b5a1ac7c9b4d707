"""The audit in a file."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final

from attrs import define

from cloudsvc.core.coroutines import shield
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.storage.audit.migration import HISTORY
from cloudsvc.storage.audit.store import DatabaseAudit
from cloudsvc.storage.ballast import Ballast
from cloudsvc.storage.database.group_commit import Writer
from cloudsvc.storage.database.reading import Readers
from cloudsvc.storage.database.sqlite.connections import SQLiteConnection
from cloudsvc.storage.database.sqlite.presence import let_go, open_database
from cloudsvc.storage.database.sqlite.sessions import SQLiteSessions
from cloudsvc.storage.database.sqlite.transactions import SQLiteTransactions

NAME: Final = "audit.sqlite3"
"""What the file is called, beside the folder of the drive."""


@define(eq=False, kw_only=True)
class SQLiteAudit(DatabaseAudit[SQLiteConnection]):
    """A :class:`cloudsvc.audit.log.AuditLog` in a file. Whoever opens it closes it."""

    _lock: int
    _ballast: Ballast
    _threads: ThreadRunner

    async def tidy(self) -> None:
        """As :meth:`cloudsvc.audit.log.AuditLog.tidy`."""
        await self._threads.run(_fill, self._ballast)

    async def close(self) -> None:
        """Finish what was asked for, and let go of the file."""
        try:
            await super().close()
        finally:
            os.close(self._lock)


async def open_sqlite_audit(
    path: Path, *, writer: ThreadRunner, readers: ThreadRunner, monotonic: Callable[[], float] = time.monotonic
) -> SQLiteAudit:
    """
    The audit in a file, which is made where it is missing, and migrated where it is older. Beside it some room is
    reserved, so that there can be entries of what is deleted on a full disk.

    :param path: in a directory that is made where it is missing.
    :param writer: exactly one thread.
    :param readers: at least :data:`~cloudsvc.storage.database.lanes.READER_THREADS` of them.
    :param monotonic: a clock in seconds, by which reads take too long.
    :raises DatabaseInUse: others have it open, and one of them or this one wants to be alone.
    :raises NewerSchema: a newer program has written it.
    :raises OSError: it cannot be opened.
    :raises sqlite3.Error: likewise.
    """
    ballast = Ballast(path.with_suffix(".reserve"))
    lock, connection = await shield(writer.run(_open, path, ballast), let_go)
    return SQLiteAudit(
        writer=Writer(transactions=SQLiteTransactions(connection=connection, ballast=ballast), threads=writer),
        readers=Readers(sessions=SQLiteSessions(path), threads=readers, monotonic=monotonic),
        lock=lock,
        ballast=ballast,
        threads=writer,
    )


def _open(path: Path, ballast: Ballast) -> tuple[int, SQLiteConnection]:
    opened = open_database(path, HISTORY)
    _fill(ballast)
    return opened


def _fill(ballast: Ballast) -> None:
    # Without room for it there is none to be given up, and entries are appended all the same.
    with suppress(OSError):
        ballast.fill()
