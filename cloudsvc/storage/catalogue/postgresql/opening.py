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
from cloudsvc.storage.catalogue.postgresql.footprint import DatabaseFootprint
from cloudsvc.storage.catalogue.postgresql.interchange import write_database
from cloudsvc.storage.catalogue.postgresql.migration import TABLES
from cloudsvc.storage.catalogue.sqlite.opening import open_catalogue
from cloudsvc.storage.catalogue.sqlite.snapshots import Copier
from cloudsvc.storage.database.lanes import Lane
from cloudsvc.storage.database.polling import LOOK_SECONDS, Lookout
from cloudsvc.storage.database.postgresql.clocks import measure_clock
from cloudsvc.storage.database.postgresql.connections import PostgreSQLConnection
from cloudsvc.storage.database.postgresql.opening import OpenTables, open_tables
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
    signal = ChangeSignal()
    tables = await open_tables(
        url,
        TABLES,
        channel=_CHANNEL,
        signal=signal,
        writer=writer,
        readers=readers,
        reactor=reactor,
        find_epoch=_find_epoch,
        monotonic=monotonic,
        meter=meter,
    )
    reading, writing = tables.readers, tables.writer
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
        epoch=tables.epoch,
        now=now,
        signal=signal,
        footprint=DatabaseFootprint(monotonic=monotonic),
        lookout=lookout,
        tables=tables,
        ask_clock=lambda: reading.run(lambda connection: measure_clock(connection, now)),
    )
    tables.listener.on_epoch = catalogue.begin_epoch
    lookout.start()
    return catalogue


@define(eq=False, kw_only=True)
class PostgreSQLCatalogue(DatabaseCatalogue[PostgreSQLConnection]):
    """
    A catalogue in a PostgreSQL database.

    Faults of the database are ``UNAVAILABLE`` within a bounded time. A change whose commit was not answered is
    ``commit_unknown``: it may have been done, and :meth:`find_unknown` tells, once the database is there again.
    """

    _tables: OpenTables
    _ask_clock: Callable[[], Awaitable[float]]

    @property
    def lacks_space(self) -> bool:
        """As :attr:`cloudsvc.storage.opened.OpenStorage.lacks_space`."""
        return self._tables.transactions.lacks_space

    async def close(self) -> None:
        """Finish what was asked for, and let go of the database."""
        await self._tables.close(super().close)

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
    [epoch] = connection.execute("SELECT epoch FROM state").fetchall()[0]
    return str(epoch)
