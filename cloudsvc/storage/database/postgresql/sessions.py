"""Sessions of PostgreSQL: connections that read, each read from one moment, kept for the next who reads."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, LifoQueue
from typing import Final

import psycopg
from attrs import define, field

from cloudsvc.core.errors import CloudError
from cloudsvc.storage.database.lanes import Lane
from cloudsvc.storage.database.postgresql.connections import (
    GRACE_SECONDS,
    STATEMENT_SECONDS,
    PostgreSQLConnection,
    Unreachable,
    is_lost,
    translate,
)
from cloudsvc.storage.database.postgresql.databases import Database
from cloudsvc.storage.meters import Use

_SECONDS: Final = {
    Lane.LOOKUPS: 10.0,
    Lane.PAGES: 20.0,
    # Through a whole table, however long that takes, but not for ever.
    Lane.COUNTS: 600.0,
}
"""For which a statement of a lane may run, where neither the lane itself nor all statements have a bound."""

_WHOLE: Final = " ".join(
    f"SET LOCAL {name} = on;" for name in ("enable_seqscan", "enable_hashjoin", "enable_mergejoin")
)
"""For what goes through whole tables, the planner may join them as it likes."""


@define(eq=False)
class PostgreSQLSessions:
    """
    A :class:`~cloudsvc.storage.database.reading.Sessions` of a database.

    There is a connection for each thread that reads at once, made when it is first needed. A pool of its own threads
    would do the same once more.
    """

    _database: Database
    _monotonic: Callable[[], float] = time.monotonic
    _begun: dict[PostgreSQLConnection, tuple[Lane, float]] = field(factory=dict)
    idle: LifoQueue[PostgreSQLConnection] = field(factory=LifoQueue)

    def begin(self, lane: Lane) -> PostgreSQLConnection:
        """
        As :meth:`~cloudsvc.storage.database.reading.Sessions.begin`.

        :raises Unreachable: there is no connection to be had.
        :raises psycopg.Error: the database fails.
        """
        begun_at = self._monotonic()
        connection = self._find(lane)
        self._begun[connection] = (lane, begun_at)
        return connection

    def end(self, connection: PostgreSQLConnection) -> None:
        """As :meth:`~cloudsvc.storage.database.reading.Sessions.end`."""
        lane, begun_at = self._begun.pop(connection)
        self._database.meter.note_read(lane.name.lower(), self._monotonic() - begun_at)
        try:
            if connection.is_in_transaction:
                connection.execute("ROLLBACK")
        except psycopg.Error:
            # Nothing was changed that could be kept: what was read has been read.
            connection.close()
        else:
            if connection.is_lost:
                connection.close()
            else:
                self.idle.put(connection)

    def close(self) -> None:
        """As :meth:`~cloudsvc.storage.database.reading.Sessions.close`."""
        with suppress(Empty):
            while True:
                self.idle.get_nowait().close()

    def translate(self, problem: BaseException) -> CloudError | None:
        """As :meth:`~cloudsvc.storage.database.reading.Sessions.translate`."""
        return translate(problem) if isinstance(problem, (Unreachable, psycopg.Error)) else None

    def is_worth_repeating(self, problem: BaseException) -> bool:
        """As :meth:`~cloudsvc.storage.database.reading.Sessions.is_worth_repeating`."""
        return is_lost(problem)

    def _find(self, lane: Lane) -> PostgreSQLConnection:
        while True:
            try:
                connection = self.idle.get_nowait()
            except Empty:
                return _begin(self._database.connect(Use.READING), lane)
            try:
                return _begin(connection, lane)
            except psycopg.Error as problem:
                if not is_lost(problem):
                    raise
                # It went while nobody used it, as others may have.


def _begin(connection: PostgreSQLConnection, lane: Lane) -> PostgreSQLConnection:
    seconds = lane.value.seconds or _SECONDS.get(lane, STATEMENT_SECONDS)
    connection.patience = seconds + GRACE_SECONDS
    try:
        connection.execute(
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY;"
            f" {_WHOLE if lane in {Lane.COUNTS, Lane.COPIES} else ''}"
            f" SET LOCAL statement_timeout = '{round(seconds * 1000)}ms'"
        )
    except BaseException:
        connection.close()
        raise
    return connection
