"""Opening of a catalogue in SQLite."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

from twisted.internet.interfaces import IReactorTime

from cloudsvc.core.coroutines import shield
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.changes import ChangeSignal
from cloudsvc.drive.nodes import Instant
from cloudsvc.storage.ballast import Ballast
from cloudsvc.storage.catalogue import history
from cloudsvc.storage.catalogue.catalogue import DatabaseCatalogue
from cloudsvc.storage.catalogue.name_index.full_text import catch_up
from cloudsvc.storage.catalogue.sqlite.copying import copy_database
from cloudsvc.storage.catalogue.sqlite.footprint import FileFootprint
from cloudsvc.storage.catalogue.sqlite.snapshots import Copier
from cloudsvc.storage.database.group_commit import Writer
from cloudsvc.storage.database.polling import QUICK_LOOK_SECONDS, Lookout
from cloudsvc.storage.database.reading import Readers
from cloudsvc.storage.database.sqlite.connections import SQLiteConnection, connect
from cloudsvc.storage.database.sqlite.sessions import SQLiteSessions
from cloudsvc.storage.database.sqlite.transactions import SQLiteTransactions
from cloudsvc.storage.work_directories import WORK_NAME

SQLiteCatalogue: TypeAlias = DatabaseCatalogue[SQLiteConnection]
"""A catalogue in a file."""


async def open_catalogue(
    path: Path,
    *,
    writer: ThreadRunner,
    readers: ThreadRunner,
    now: Callable[[], Instant],
    ballast: Ballast | None = None,
    monotonic: Callable[[], float] = time.monotonic,
    beside: Sequence[Path] = (),
    clock: IReactorTime | None = None,
) -> SQLiteCatalogue:
    """
    The catalogue in a file that is migrated. Whoever opens it closes it.

    :param writer: exactly one thread.
    :param readers: at least :data:`~cloudsvc.storage.database.lanes.READER_THREADS` of them.
    :param ballast: is given up for deleting on a full disk.
    :param monotonic: a clock in seconds, by which reads take too long.
    :param beside: directories with copies of it, which count as what it takes.
    :param clock: for looks at what other processes have changed, while anybody waits for it; without one, there are
        none.
    :raises sqlite3.Error: it cannot be opened.
    """
    signal = ChangeSignal()
    connection, epoch = await shield(writer.run(_open, path), lambda opened: opened[0].close())
    reading = Readers(sessions=SQLiteSessions(path), threads=readers, monotonic=monotonic)
    transactions = SQLiteTransactions(connection=connection, ballast=ballast, catch_up=catch_up)
    lookout: Lookout | None = None
    if clock is not None:
        lookout = Lookout(
            find_last=lambda: reading.run(history.find_last_change),
            signal=signal,
            clock=clock,
            every=QUICK_LOOK_SECONDS,
        )
        lookout.start()
    return SQLiteCatalogue(
        writer=Writer(transactions=transactions, threads=writer, on_commit=signal.wake),
        readers=reading,
        copier=Copier(
            directory=path.with_name(WORK_NAME),
            write=partial(copy_database, reading, path),
            threads=readers,
            open_copy=partial(open_catalogue, writer=writer, readers=readers, now=now, monotonic=monotonic),
        ),
        epoch=epoch,
        now=now,
        signal=signal,
        lookout=lookout,
        footprint=FileFootprint(database=path, beside=beside, monotonic=monotonic),
    )


def _open(path: Path) -> tuple[SQLiteConnection, str]:
    """A connection for writing, and the epoch of what is there."""
    connection = connect(path)
    try:
        [epoch] = connection.execute("SELECT epoch FROM state").fetchone()
    except BaseException:
        connection.close()
        raise
    return connection, str(epoch)
