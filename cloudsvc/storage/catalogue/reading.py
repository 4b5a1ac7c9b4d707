"""Reads in threads: each from one snapshot, each in its lane, none of them for a caller who has left."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from queue import Empty, LifoQueue
from threading import Lock
from typing import Final, TypeVar

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.errors import query_too_slow
from cloudsvc.storage.catalogue.connections import OWNER_ONLY, connect, translate
from cloudsvc.storage.catalogue.lanes import Lane, LaneQueue
from cloudsvc.storage.catalogue.name_index import find_indexed, remove_index
from cloudsvc.storage.faults import translated

T = TypeVar("T")

_PAGE_SECONDS: Final = 0.5
"""After which a page that passes many files ends with what it has, and a cursor."""

_CACHE_KIB: Final = 4096
"""Of each connection, of which there are as many as reads at once."""

_STEPS: Final = 100_000
"""Instructions of SQLite's machine, some milliseconds, between two looks at the time."""


@define(eq=False, kw_only=True)
class Turn:
    """
    One read: how long it may take, and whether anybody waits for it still.

    It begins and ends in a thread and is dropped in that of the reactor; the lock sees to it that nothing is
    interrupted but what was begun for it.

    :ivar page_seconds: after which it should end by itself.
    :ivar seconds: after which it is stopped; ``None`` for never.
    """

    page_seconds: float
    seconds: float | None
    _monotonic: Callable[[], float]
    _lock: Lock = field(factory=Lock)
    _connection: sqlite3.Connection | None = None
    _begun_at: float = 0.0
    _is_dropped: bool = False
    _is_spent: bool = False

    @property
    def is_stopped(self) -> bool:
        """Whether it was dropped, or used up its time."""
        return self._is_dropped or self._is_spent

    def explain(self) -> BaseException:
        """Why it was stopped."""
        return query_too_slow() if self._is_spent else CancelledError()

    def begin(self, connection: sqlite3.Connection) -> None:
        """
        From now on ``connection`` works for it.

        :raises CancelledError: nobody waits for it any more.
        """
        with self._lock:
            if self._is_dropped:
                raise CancelledError
            self._connection = connection
        self._begun_at = self._monotonic()
        connection.set_progress_handler(self._look, _STEPS)

    def end(self) -> None:
        """``connection`` works for it no longer."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.set_progress_handler(None, 0)

    def drop(self) -> None:
        """Nobody waits for it any more: what runs for it ends at once."""
        with self._lock:
            self._is_dropped = True
            if self._connection is not None:
                self._connection.interrupt()

    def is_over(self) -> bool:
        """Whether it should end by itself now."""
        return self._is_dropped or self._monotonic() - self._begun_at >= self.page_seconds

    def _look(self) -> bool:
        if self.seconds is not None and self._monotonic() - self._begun_at >= self.seconds:
            self._is_spent = True
        # An interruption between two statements is lost: SQLite knows it only while one runs.
        return self.is_stopped


@define(eq=False, kw_only=True)
class Readers:
    """
    Reads in threads, each reading from a moment at which nothing is half done.

    Cancelling a read that waits takes it away; one that runs is interrupted, and its place is free when it has ended.

    :ivar threads: :data:`~cloudsvc.storage.catalogue.lanes.READER_THREADS` of them; with fewer, lanes wait for each
        other.
    """

    _path: Path
    _threads: ThreadRunner
    _monotonic: Callable[[], float] = time.monotonic
    _lanes: dict[Lane, LaneQueue] = field(factory=lambda: {lane: LaneQueue(lane) for lane in Lane})
    _idle: LifoQueue[sqlite3.Connection] = field(factory=LifoQueue)
    _running: int = 0
    _quiet: Deferred[None] | None = None

    async def run(
        self,
        work: Callable[[sqlite3.Connection], T],
        lane: Lane = Lane.LOOKUPS,
        *,
        caller: str = "",
        goes_on: bool = False,
        turn: Turn | None = None,
    ) -> T:
        """
        What ``work`` returns.

        :param caller: for whom; callers of a lane come in turns.
        :param goes_on: whether it is for an answer that has begun: then it waits, whoever else does.
        :param turn: from :meth:`make_turn`, where ``work`` looks at it.
        :raises CloudError: its own; too many reads wait; it took too long; or the database fails.
        """
        turn = turn or self.make_turn(lane)
        return await self._start(lambda: self._run(work, turn), lane, turn, caller=caller, goes_on=goes_on)

    def make_turn(self, lane: Lane) -> Turn:
        """The time that a read has in ``lane``."""
        return Turn(page_seconds=_PAGE_SECONDS, seconds=lane.value.seconds, monotonic=self._monotonic)

    async def copy_all(self, destination: Path) -> None:
        """
        Write the whole database, as it is at one moment, to a new file, durably.

        :raises CloudError: the file is there already, or cannot be written.
        """
        turn = self.make_turn(Lane.COPIES)
        with translated():
            await self._start(lambda: _copy_all(self._path, destination, turn), Lane.COPIES, turn)

    async def close(self) -> None:
        """Close all connections, once the reads have ended that nobody waits for. Nobody reads any more."""
        if self._running:
            self._quiet = Deferred()
            await self._quiet
        await self._threads.run(self._close)

    async def _start(
        self, call: Callable[[], T], lane: Lane, turn: Turn, *, caller: str = "", goes_on: bool = False
    ) -> T:
        queue = self._lanes[lane]
        if not queue.admit(caller):
            await queue.wait(caller, goes_on=goes_on)
        done: Deferred[T] = Deferred(lambda _: turn.drop())
        self._running += 1
        Deferred.fromCoroutine(self._threads.run(call)).addBoth(self._finish, queue, caller, done)
        try:
            return await done
        except sqlite3.Error as problem:
            raise translate(problem) from problem

    def _finish(self, result: T | Failure, queue: LaneQueue, caller: str, done: Deferred[T]) -> None:
        self._running -= 1
        queue.leave(caller)
        if not done.called:
            done.callback(result)
        if not self._running and self._quiet is not None:
            self._quiet.callback(None)

    def _run(self, work: Callable[[sqlite3.Connection], T], turn: Turn) -> T:
        connection = self._take()
        try:
            turn.begin(connection)
            try:
                connection.execute("BEGIN")
                return work(connection)
            except BaseException:
                if not turn.is_stopped:
                    raise
            finally:
                turn.end()
        finally:
            # What was stopped has let go of its statements by now, with the exception that ended it.
            self._give_back(connection)
        raise turn.explain()

    def _take(self) -> sqlite3.Connection:
        try:
            return self._idle.get_nowait()
        except Empty:
            connection = connect(self._path, cache_kib=_CACHE_KIB)
            try:
                connection.execute("PRAGMA query_only = ON")
            except BaseException:
                connection.close()
                raise
            return connection

    def _give_back(self, connection: sqlite3.Connection) -> None:
        try:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
        except BaseException:
            connection.close()
            raise
        self._idle.put(connection)

    def _close(self) -> None:
        while not self._idle.empty():
            self._idle.get_nowait().close()


def _strip(copy: Path) -> None:
    """Leave what everybody can read: tables, and nothing that one needs an extension of SQLite for."""
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        # Nobody else has it, and it is of no use until it is whole: it needs no journal on the disk.
        connection.execute("PRAGMA journal_mode = MEMORY")
        connection.execute("PRAGMA synchronous = OFF")
        if find_indexed(connection):
            remove_index(connection)
            connection.execute("PRAGMA incremental_vacuum").fetchall()


def _copy_all(source: Path, destination: Path, turn: Turn) -> None:
    descriptor = os.open(destination, os.O_RDWR | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    try:
        connection = connect(source)
        try:
            turn.begin(connection)
            connection.execute("VACUUM INTO ?", (str(destination),))
            _strip(destination)
        finally:
            turn.end()
            connection.close()
        os.fsync(descriptor)
    except BaseException:
        destination.unlink()
        raise
    finally:
        os.close(descriptor)
