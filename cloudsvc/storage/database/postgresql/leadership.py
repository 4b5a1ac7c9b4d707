"""Leadership by a lock of the database, which the server takes from a process whose connection ends."""

from __future__ import annotations

from contextlib import suppress
from typing import Final

import psycopg
from attrs import define
from twisted.internet.interfaces import IReactorTime

from cloudsvc.core.secrets import Secret
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.storage.database.postgresql.connections import PostgreSQLConnection, Unreachable, translate
from cloudsvc.storage.database.postgresql.databases import Database
from cloudsvc.storage.database.postgresql.locks import LEADING
from cloudsvc.storage.database.postgresql.watchdog import Watchdog
from cloudsvc.storage.meters import UNMETERED, DatabaseMeter, Use

_PATIENCE: Final = 10.0
"""Seconds after which a server that does not answer has taken the lock away, as far as anybody can tell."""


@define(eq=False, kw_only=True)
class DatabaseLeadership:
    """
    A :class:`cloudsvc.drive.leadership.Leadership` over all processes that use a database, on whatever machine.

    A leader that is cut off from the server finds out when it campaigns again, and meanwhile may do what its successor
    does as well. The server finds out by its keep-alives.
    """

    _database: Database
    _threads: ThreadRunner
    _watchdog: Watchdog
    _connection: PostgreSQLConnection | None = None
    _leads: bool = False
    _is_watched: bool = False

    @classmethod
    def of(
        cls, url: Secret, threads: ThreadRunner, clock: IReactorTime, meter: DatabaseMeter = UNMETERED
    ) -> DatabaseLeadership:
        """
        For the processes that use the database at ``url``.

        :param threads: where the database is asked.
        :raises OperatorError: it is no URL of a database.
        """
        watchdog = Watchdog(clock)
        return cls(database=Database.of(url, watchdog, meter), threads=threads, watchdog=watchdog)

    async def campaign(self) -> bool:
        """As :meth:`cloudsvc.drive.leadership.Leadership.campaign`."""
        if not self._is_watched:
            self._is_watched = True
            self._watchdog.start()
        return await self._threads.run(self._campaign)

    async def resign(self) -> None:
        """As :meth:`cloudsvc.drive.leadership.Leadership.resign`."""
        await self._threads.run(self._resign)
        if self._is_watched:
            self._is_watched = False
            self._watchdog.stop()

    def _campaign(self) -> bool:
        try:
            if self._connection is None:
                self._connection = self._database.connect(Use.LEADING)
                self._connection.patience = _PATIENCE
            if self._leads:
                self._connection.execute("SELECT 1").fetchall()
            else:
                [(self._leads,)] = self._connection.execute(f"SELECT pg_try_advisory_lock({LEADING})").fetchall()
        except (Unreachable, psycopg.Error) as problem:
            self._let_go()
            raise translate(problem) from None
        return self._leads

    def _resign(self) -> None:
        # Who campaigns at once should win: the server takes a while to notice that a connection has ended.
        if self._connection is not None and self._leads:
            with suppress(psycopg.Error):
                self._connection.execute(f"SELECT pg_advisory_unlock({LEADING})")
        self._let_go()

    def _let_go(self) -> None:
        """The lock goes with the connection."""
        self._leads = False
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
