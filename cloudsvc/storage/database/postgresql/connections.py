"""
Connections to PostgreSQL: how long they wait, and the translation of their errors.

Nothing waits for ever. The server ends statements that take too long. Where it does not answer at all, a watchdog of
our own cuts the connection (:mod:`~cloudsvc.storage.database.postgresql.watchdog`), and where nobody waits any more,
so does whoever has left: the server looks every half second whether its client is still there.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from threading import Lock
from typing import Any, ClassVar, Final, TypeAlias

import psycopg
from attrs import define, field
from psycopg import errors
from twisted.logger import Logger

from cloudsvc.core.errors import CloudError
from cloudsvc.drive.errors import no_space, query_too_slow, storage_failed
from cloudsvc.storage.database.postgresql.watchdog import Watchdog
from cloudsvc.storage.database.statements import Engine, Statement
from cloudsvc.storage.meters import DatabaseMeter, Use

_log = Logger("cloudsvc.storage")

Session: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"

LOCK_SECONDS: Final = 30
"""For so long other processes may hold what is waited for, as with SQLite."""

STATEMENT_SECONDS: Final = 60
"""For which a statement may run, unless a lane says something else."""

_RETRY_AFTER: Final = 5
"""Seconds after which another server may have taken the place of one that is lost."""

GRACE_SECONDS: Final = 10.0
"""After the server should have ended a statement, the connection is cut: it does not answer."""


class Unreachable(Exception):  # noqa: N818  # a state of affairs, which is told as a failure of the storage
    """There is no connection to be had. The text says why, without secrets."""


class _Stopped(Exception):  # noqa: N818  # its turn knows why
    """A read was stopped between two statements."""


@define(eq=False, kw_only=True)
class PostgreSQLConnection:
    """
    A :class:`~cloudsvc.storage.database.reading.ReadingConnection` to PostgreSQL.

    It is used by one thread at a time. What other threads do with it, which is to cut it, the lock keeps from meeting
    another file that has got its descriptor.

    :ivar use: what it is for.
    :ivar patience: seconds after which a statement that was not answered never will be.
    :ivar begun_at: when the statement began that runs, if one does, by the clock of the watchdog.
    """

    engine: ClassVar[Engine] = Engine.POSTGRESQL
    session: Session
    use: Use
    _watchdog: Watchdog
    _meter: DatabaseMeter
    patience: float = STATEMENT_SECONDS + GRACE_SECONDS
    begun_at: float | None = None
    _lock: Lock = field(factory=Lock)
    _look: Callable[[], bool] | None = None
    _has_gone: bool = False
    _is_dropped: bool = False
    _is_closed: bool = False

    def __attrs_post_init__(self) -> None:
        self._watchdog.add(self)
        self._meter.note_connected(self.use)

    @property
    def is_lost(self) -> bool:
        """Whether it is of no use any more."""
        return self.session.closed

    @property
    def is_in_transaction(self) -> bool:
        """Whether one is open, failed or not."""
        return self.session.info.transaction_status != psycopg.pq.TransactionStatus.IDLE

    def run(self, statement: Statement, values: dict[str, Any]) -> psycopg.Cursor[tuple[Any, ...]]:
        """As :meth:`~cloudsvc.storage.database.statements.Connection.run`."""
        text, always = statement.postgresql
        return self.execute(text, {**always, **values} if always else values)

    def run_for_each(self, statement: Statement, rows: Sequence[dict[str, Any]]) -> None:
        """As :meth:`~cloudsvc.storage.database.statements.Connection.run_for_each`."""
        text, always = statement.postgresql
        if len(rows) == 1:
            self.execute(text, {**always, **rows[0]})
            return
        with self._waiting(), self.session.cursor() as cursor:
            cursor.executemany(text, [{**always, **row} for row in rows])

    def execute(self, text: str, values: dict[str, Any] | None = None) -> psycopg.Cursor[tuple[Any, ...]]:
        """
        Run a statement that has no other form, or several, with no parameters, in one go.

        :raises psycopg.Error: the database fails.
        """
        if self._look is not None and self._look():
            raise _Stopped
        with self._waiting():
            # The text is of this program; several statements cannot be prepared.
            return self.session.execute(text.encode(), values, prepare=None if values else False)

    def watch(self, look: Callable[[], bool] | None) -> None:
        """As :meth:`~cloudsvc.storage.database.reading.ReadingConnection.watch`."""
        self._look = look

    def interrupt(self) -> None:
        """
        Cut the connection, whatever it does, since nobody waits for it. The server ends what ran on it within a second.
        From any thread.
        """
        self._is_dropped = True
        self.give_up()

    def give_up(self) -> None:
        """Cut the connection, since the server does not answer. From any thread."""
        with self._lock, suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(self.session.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)

    def close(self, *, is_lost: bool = False) -> None:
        """
        Let go of it. May be called more than once.

        :param is_lost: whether the server is known to have gone, which the connection itself may not have noticed.
        """
        self._watchdog.forget(self)
        with self._lock:
            if not self._is_closed:
                self._is_closed = True
                has_gone = is_lost or self._has_gone or self.session.closed
                self._meter.note_disconnected(self.use, is_lost=has_gone and not self._is_dropped)
            self.session.close()

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        """Meanwhile the server is waited for."""
        self.begun_at = self._watchdog.read_clock()
        try:
            yield
        except psycopg.Error as problem:
            self._has_gone = self._has_gone or is_lost(problem)
            raise
        finally:
            self.begun_at = None


def is_lost(problem: BaseException) -> bool:
    """Whether ``problem`` is that a connection has gone, or the server is going down, so that another may do better."""
    if isinstance(problem, (errors.AdminShutdown, errors.CrashShutdown, errors.IdleInTransactionSessionTimeout)):
        return True
    # What libpq notices by itself has no state of SQL.
    return isinstance(problem, (psycopg.OperationalError, psycopg.InterfaceError)) and problem.sqlstate is None


def translate(problem: Unreachable | psycopg.Error) -> CloudError:
    """The error that a client is told. What an administrator has to look at is logged."""
    if isinstance(problem, errors.DiskFull):
        return no_space()
    if isinstance(problem, errors.QueryCanceled):
        return query_too_slow()
    code = getattr(problem, "sqlstate", None) or type(problem).__name__
    _log.error("the database fails: {code} {reason}", code=code, reason=" ".join(str(problem).split()))
    failure = storage_failed()
    return CloudError(failure.kind, failure.code, failure.message, retry_after=_RETRY_AFTER)
