"""
Listening for the changes of other processes, and presence in a database: one connection for both.

What the server sends only wakes: what has happened stands in the tables. So nothing is missed while there is no
connection, as long as everybody is woken when there is one again.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from typing import Final

import psycopg
from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IDelayedCall, IReadDescriptor
from twisted.logger import Logger
from twisted.python.failure import Failure
from zope.interface import implementer

from cloudsvc.core.reactors import IListeningReactor
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.storage.database.postgresql.connections import PostgreSQLConnection, Unreachable
from cloudsvc.storage.database.postgresql.databases import Database
from cloudsvc.storage.meters import Use

_log = Logger("cloudsvc.storage")

_FIRST_PAUSE: Final = 0.5
"""Seconds before a lost connection is made anew; twice as many each time, up to the next."""

_LONGEST_PAUSE: Final = 30.0

_LISTEN: Final = "SELECT pg_advisory_lock_shared({lock}); LISTEN {channel}"


@implementer(IReadDescriptor)
@define(eq=False, kw_only=True)
class Listener:
    """
    A connection that is told what others have changed.

    :ivar lock: the number of that which says who is present.
    :ivar channel: the name under which all tell of their changes.
    :ivar look: sees, on a new connection, that the tables are what they were, and gives the name of their history; it
        raises :class:`Unreachable` where they are not.
    :ivar threads: where it is made, which blocks.
    :ivar on_wake: is called when others may have changed something.
    :ivar on_epoch: is called with the name of the history, whenever there is a connection again.
    """

    _database: Database
    _lock: int
    _channel: str
    _look: Callable[[PostgreSQLConnection], str]
    _threads: ThreadRunner
    _reactor: IListeningReactor
    _on_wake: Callable[[], None]
    on_epoch: Callable[[str], None] = lambda _: None
    _own: str = field(factory=lambda: secrets.token_hex(8))
    _connection: PostgreSQLConnection | None = None
    _pause: float = _FIRST_PAUSE
    _waiting: IDelayedCall | None = None
    _connecting: Deferred[None] | None = None
    _is_closed: bool = False
    _descriptor: int = -1

    async def open(self) -> str:
        """
        Begin to listen; the name of the history.

        :raises Unreachable: there is no connection to be had, or the database is not what it was.
        :raises psycopg.Error: the database fails.
        """
        connection, epoch = await self._threads.run(self._connect)
        if self._is_closed:
            connection.close()
            return epoch
        self._connection, self._pause = connection, _FIRST_PAUSE
        # One of our own: libpq closes its own by itself, and the reactor would not find it any more.
        self._descriptor = os.dup(connection.session.fileno())
        self._reactor.addReader(self)
        return epoch

    async def close(self) -> None:
        """Listen no more."""
        self._is_closed = True
        if self._waiting is not None:
            self._waiting.cancel()
            self._waiting = None
        if self._connecting is not None:
            await self._connecting
        self._let_go()

    def write_wake(self) -> str:
        """What is to be run before a commit, so that the others are woken."""
        return f"NOTIFY {self._channel}, '{self._own}';"

    def fileno(self) -> int:
        """As :class:`IReadDescriptor`."""
        return self._descriptor

    def logPrefix(self) -> str:
        """As :class:`IReadDescriptor`."""
        return "listener"

    def doRead(self) -> None:
        """Something has come from the server, or it has gone."""
        if self._connection is None:
            return
        wire = self._connection.session.pgconn
        is_woken = False
        try:
            wire.consume_input()
            while notification := wire.notifies():
                is_woken = is_woken or notification.extra != self._own.encode()
        except psycopg.Error:
            self._retry("it has gone")
            return
        if is_woken:
            self._on_wake()

    def connectionLost(self, reason: Failure) -> None:
        """The reactor has seen that the server has gone."""
        self._retry(reason.getErrorMessage())

    def _let_go(self, *, is_lost: bool = False) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            self._reactor.removeReader(self)
            os.close(self._descriptor)
            self._descriptor = -1
            connection.close(is_lost=is_lost)

    def _retry(self, reason: str) -> None:
        self._let_go(is_lost=True)
        if self._is_closed or self._waiting is not None:
            return
        _log.warn("the changes of others are not heard of: {reason}", reason=reason)
        self._waiting = self._reactor.callLater(self._pause, self._reconnect)
        self._pause = min(2 * self._pause, _LONGEST_PAUSE)

    def _reconnect(self) -> None:
        self._waiting = None
        self._connecting = Deferred.fromCoroutine(self._try_to_open())

    async def _try_to_open(self) -> None:
        try:
            epoch = await self.open()
        except (Unreachable, psycopg.Error) as problem:
            self._connecting = None
            self._retry(" ".join(str(problem).split()))
            return
        self._connecting = None
        if not self._is_closed:
            self.on_epoch(epoch)
            # Whatever was done meanwhile, nobody was told.
            self._on_wake()

    def _connect(self) -> tuple[PostgreSQLConnection, str]:
        connection = self._database.connect(Use.LISTENING)
        try:
            connection.execute(_LISTEN.format(lock=self._lock, channel=self._channel))
            epoch = self._look(connection)
        except BaseException:
            connection.close()
            raise
        return connection, epoch
