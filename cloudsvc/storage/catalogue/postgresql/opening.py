"""Opening of a catalogue in PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Final

from attrs import define

from cloudsvc.core.reactors import IListeningReactor
from cloudsvc.core.secrets import Secret
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.changes import ChangeSignal
from cloudsvc.drive.nodes import Instant
from cloudsvc.storage.catalogue import history
from cloudsvc.storage.catalogue.catalogue import DatabaseCatalogue
from cloudsvc.storage.catalogue.migration import HEAD, HISTORY
from cloudsvc.storage.catalogue.postgresql.footprint import DatabaseFootprint
from cloudsvc.storage.catalogue.postgresql.interchange import write_database
from cloudsvc.storage.catalogue.sqlite.opening import open_catalogue
from cloudsvc.storage.catalogue.sqlite.snapshots import Copier
from cloudsvc.storage.database.group_commit import Writer
from cloudsvc.storage.database.lanes import Lane
from cloudsvc.storage.database.polling import LOOK_SECONDS, Lookout
from cloudsvc.storage.database.postgresql.clocks import measure_clock
from cloudsvc.storage.database.postgresql.connections import PostgreSQLConnection, Unreachable
from cloudsvc.storage.database.postgresql.databases import Database
from cloudsvc.storage.database.postgresql.listening import Listener
from cloudsvc.storage.database.postgresql.locks import CATALOGUE
from cloudsvc.storage.database.postgresql.migration import find_revision, telling_operators
from cloudsvc.storage.database.postgresql.sessions import PostgreSQLSessions
from cloudsvc.storage.database.postgresql.transactions import PostgreSQLTransactions
from cloudsvc.storage.database.postgresql.watchdog import Watchdog
from cloudsvc.storage.database.reading import Readers
from cloudsvc.storage.faults import translated
from cloudsvc.storage.meters import UNMETERED, DatabaseMeter, Use

_CHANNEL: Final = "cloudsvc_changes"


async def open_postgresql(
    url: Secret,
    *,
    work: Path,
    writer: ThreadRunner,
    readers: ThreadRunner,
    now: Callable[[], Instant],
    reactor: IListeningReactor,
    monotonic: Callable[[], float] = time.monotonic,
    meter: DatabaseMeter = UNMETERED,
    look_seconds: float = LOOK_SECONDS,
) -> PostgreSQLCatalogue:
    """
    The catalogue in a database that is migrated. Whoever opens it closes it.

    :param url: of the database, with the password of its user.
    :param work: a directory of this machine, which is made, for copies that come and go.
    :param writer: exactly one thread.
    :param readers: at least :data:`~cloudsvc.storage.database.lanes.READER_THREADS` of them, and two more for copies
        that are read while it is in use.
    :param monotonic: a clock in seconds, by which reads take too long.
    :param meter: is told how the database is used.
    :param look_seconds: between two looks for changes of which no notification has come.
    :raises OperatorError: it cannot be opened, and what to do.
    """
    watchdog, signal = Watchdog(reactor), ChangeSignal()
    database = Database.of(url, watchdog, meter)
    listener = Listener(
        database=database,
        lock=CATALOGUE.presence,
        channel=_CHANNEL,
        look=_find_epoch,
        threads=readers,
        reactor=reactor,
        on_wake=signal.wake_all,
    )
    with telling_operators():
        epoch = await listener.open()
    watchdog.start()
    transactions = PostgreSQLTransactions(
        database=database,
        lock=CATALOGUE.writing,
        wake=lambda: listener.write_wake() if signal.is_due else "",
        monotonic=monotonic,
    )
    reading = Readers(
        sessions=PostgreSQLSessions(database, monotonic),
        threads=readers,
        monotonic=monotonic,
        on_repeat=partial(meter.note_repeated, Use.READING),
    )
    writing = Writer(transactions=transactions, threads=writer, on_commit=signal.wake)
    lookout = Lookout(
        find_last=lambda: reading.run(history.find_last_change), signal=signal, clock=reactor, every=look_seconds
    )
    for lane in Lane:
        meter.watch(lane.name.lower(), partial(reading.count_running, lane), partial(reading.count_waiting, lane))
    meter.watch(Use.WRITING, lambda: writing.is_writing, lambda: writing.waiting)
    catalogue = PostgreSQLCatalogue(
        writer=writing,
        readers=reading,
        copier=Copier(
            directory=work,
            write=partial(_write_copy, reading),
            threads=readers,
            open_copy=partial(open_catalogue, writer=writer, readers=readers, now=now, monotonic=monotonic),
        ),
        epoch=epoch,
        now=now,
        signal=signal,
        footprint=DatabaseFootprint(monotonic=monotonic),
        listener=listener,
        lookout=lookout,
        watchdog=watchdog,
        ask_clock=lambda: reading.run(lambda connection: measure_clock(connection, now)),
        is_full=lambda: transactions.lacks_space,
    )
    listener.on_epoch = catalogue.begin_epoch
    lookout.start()
    return catalogue


@define(eq=False, kw_only=True)
class PostgreSQLCatalogue(DatabaseCatalogue[PostgreSQLConnection]):
    """
    A catalogue in a PostgreSQL database.

    Faults of the database are ``UNAVAILABLE`` within a bounded time. A change whose commit was not answered is
    ``commit_unknown``: it may have been done, and :meth:`find_unknown` tells, once the database is there again.
    """

    _listener: Listener
    _watchdog: Watchdog
    _ask_clock: Callable[[], Awaitable[float]]
    _is_full: Callable[[], bool]

    @property
    def lacks_space(self) -> bool:
        """As :attr:`cloudsvc.storage.opened.OpenStorage.lacks_space`."""
        return self._is_full()

    async def close(self) -> None:
        """Finish what was asked for, and let go of the database."""
        try:
            await self._listener.close()
        finally:
            try:
                await super().close()
            finally:
                self._watchdog.stop()

    async def measure_clock(self) -> float:
        """As :meth:`cloudsvc.storage.opened.OpenStorage.measure_clock`."""
        return await self._ask_clock()

    def begin_epoch(self, epoch: str) -> None:
        """The history is this one from now on: a backup may have been restored while there was no connection."""
        self._epoch = epoch


async def _write_copy(readers: Readers[PostgreSQLConnection], destination: Path) -> None:
    with translated():
        await readers.run(lambda connection: write_database(connection, destination), Lane.COPIES)


def _find_epoch(connection: PostgreSQLConnection) -> str:
    found = find_revision(connection, HISTORY)
    if found != HEAD:
        raise Unreachable(f"the database has the schema {found}, not {HEAD}; the same cloudsvc has to migrate it")
    [epoch] = connection.execute("SELECT epoch FROM state").fetchall()[0]
    return str(epoch)
