"""Opening of tables in PostgreSQL: who writes and reads them, who listens, and what sees that nobody waits for ever."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from functools import partial

from attrs import frozen

from cloudsvc.core.reactors import IListeningReactor
from cloudsvc.core.secrets import Secret
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.changes import ChangeSignal
from cloudsvc.storage.database.group_commit import Writer
from cloudsvc.storage.database.postgresql.connections import PostgreSQLConnection, Unreachable
from cloudsvc.storage.database.postgresql.databases import Database
from cloudsvc.storage.database.postgresql.listening import Listener
from cloudsvc.storage.database.postgresql.migration import Tables, find_revision, telling_operators
from cloudsvc.storage.database.postgresql.sessions import PostgreSQLSessions
from cloudsvc.storage.database.postgresql.transactions import PostgreSQLTransactions
from cloudsvc.storage.database.postgresql.watchdog import Watchdog
from cloudsvc.storage.database.reading import Readers
from cloudsvc.storage.meters import UNMETERED, DatabaseMeter, Use


@frozen(kw_only=True)
class OpenTables:
    """
    Tables in use. Whoever opened them closes them.

    :ivar epoch: the name of their history, as it was found.
    """

    transactions: PostgreSQLTransactions
    writer: Writer[PostgreSQLConnection]
    readers: Readers[PostgreSQLConnection]
    listener: Listener
    epoch: str
    _watchdog: Watchdog

    async def close(self, finish: Callable[[], Awaitable[None]]) -> None:
        """
        Let go of the database.

        :param finish: finishes what was asked for, and closes the writer and the readers.
        """
        try:
            await self.listener.close()
        finally:
            try:
                await finish()
            finally:
                self._watchdog.stop()


async def open_tables(
    url: Secret,
    tables: Tables,
    *,
    channel: str,
    signal: ChangeSignal,
    writer: ThreadRunner,
    readers: ThreadRunner,
    reactor: IListeningReactor,
    find_epoch: Callable[[PostgreSQLConnection], str] = lambda _: "",
    monotonic: Callable[[], float] = time.monotonic,
    meter: DatabaseMeter = UNMETERED,
) -> OpenTables:
    """
    Tables that are migrated.

    :param url: of the database, with the password of its user.
    :param channel: the name under which processes tell each other of changes.
    :param signal: is woken by changes, whoever made them.
    :param writer: exactly one thread.
    :param readers: at least :data:`~cloudsvc.storage.database.lanes.READER_THREADS` of them.
    :param find_epoch: the name of their history.
    :param monotonic: a clock in seconds, by which reads take too long.
    :param meter: is told how the database is used.
    :raises OperatorError: they cannot be opened, and what to do.
    """
    watchdog = Watchdog(reactor)
    database = Database.of(url, watchdog, meter)
    listener = Listener(
        database=database,
        lock=tables.locks.presence,
        channel=channel,
        look=partial(_look, tables, find_epoch),
        threads=readers,
        reactor=reactor,
        on_wake=signal.wake_all,
    )
    with telling_operators():
        epoch = await listener.open()
    watchdog.start()
    transactions = PostgreSQLTransactions(
        database=database,
        lock=tables.locks.writing,
        wake=lambda: listener.write_wake() if signal.is_due else "",
        monotonic=monotonic,
    )
    return OpenTables(
        transactions=transactions,
        writer=Writer(transactions=transactions, threads=writer, on_commit=signal.wake),
        readers=Readers(
            sessions=PostgreSQLSessions(database, monotonic),
            threads=readers,
            monotonic=monotonic,
            on_repeat=partial(meter.note_repeated, Use.READING),
        ),
        listener=listener,
        epoch=epoch,
        watchdog=watchdog,
    )


def _look(tables: Tables, find_epoch: Callable[[PostgreSQLConnection], str], connection: PostgreSQLConnection) -> str:
    found, wanted = find_revision(connection, tables.history), tables.history.head
    if found != wanted:
        table = tables.history.version_table
        raise Unreachable(
            f"the database has the schema {found}, not {wanted} ({table}); the same cloudsvc has to migrate it"
        )
    return find_epoch(connection)
