"""The store of users, groups and keys in a file."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from attrs import define
from twisted.internet.interfaces import IReactorTime

from cloudsvc.core.coroutines import shield
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.changes import ChangeSignal
from cloudsvc.storage.database.group_commit import Writer
from cloudsvc.storage.database.polling import Lookout
from cloudsvc.storage.database.reading import Readers
from cloudsvc.storage.database.sqlite.connections import SQLiteConnection
from cloudsvc.storage.database.sqlite.presence import let_go, open_database
from cloudsvc.storage.database.sqlite.sessions import SQLiteSessions
from cloudsvc.storage.database.sqlite.transactions import SQLiteTransactions
from cloudsvc.storage.identity.migration import HISTORY
from cloudsvc.storage.identity.revisions import find_revision as find_last_change
from cloudsvc.storage.identity.store import DatabaseIdentity

NAME: Final = "accounts.sqlite3"
"""What the file is called, beside the folder of the drive."""

LOOK_SECONDS: Final = 0.4
"""Between two looks for changes of other processes, of which nobody tells. A look is one row."""


@define(eq=False, kw_only=True)
class SQLiteIdentity(DatabaseIdentity[SQLiteConnection]):
    """A :class:`cloudsvc.identity.store.IdentityStore` in a file. Whoever opens it closes it."""

    _lookout: Lookout
    _lock: int

    async def close(self) -> None:
        """Finish what was asked for, and let go of the file."""
        try:
            await self._lookout.stop()
            await super().close()
        finally:
            os.close(self._lock)


async def open_sqlite_identity(
    path: Path,
    *,
    writer: ThreadRunner,
    readers: ThreadRunner,
    clock: IReactorTime,
    monotonic: Callable[[], float] = time.monotonic,
) -> SQLiteIdentity:
    """
    The store in a file, which is made where it is missing, and migrated where it is older.

    :param path: in a directory that is made where it is missing.
    :param writer: exactly one thread.
    :param readers: at least :data:`~cloudsvc.storage.database.lanes.READER_THREADS` of them.
    :param clock: tells when to look for changes of other processes.
    :param monotonic: a clock in seconds, by which reads take too long.
    :raises DatabaseInUse: others have it open, and one of them or this one wants to be alone.
    :raises NewerSchema: a newer program has written it.
    :raises OSError: it cannot be opened.
    :raises sqlite3.Error: likewise.
    """
    lock, connection = await shield(writer.run(open_database, path, HISTORY), let_go)
    signal = ChangeSignal()
    reading = Readers(sessions=SQLiteSessions(path), threads=readers, monotonic=monotonic)
    transactions = SQLiteTransactions(connection=connection)
    lookout = Lookout(find_last=lambda: reading.run(find_last_change), signal=signal, clock=clock, every=LOOK_SECONDS)
    store = SQLiteIdentity(
        writer=Writer(transactions=transactions, threads=writer, on_commit=signal.wake),
        readers=reading,
        signal=signal,
        lookout=lookout,
        lock=lock,
    )
    lookout.start()
    return store
