"""Reads in threads: each from one snapshot, each in its lane, none of them for a caller who has left."""

from __future__ import annotations

import time
from collections.abc import Callable
from threading import Lock
from typing import Final, Generic, Protocol, TypeVar

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from cloudsvc.core.errors import CloudError
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.errors import query_too_slow
from cloudsvc.storage.database.lanes import Lane, LaneQueue
from cloudsvc.storage.database.statements import Connection

T = TypeVar("T")

_PAGE_SECONDS: Final = 0.5
"""After which a page that passes many files ends with what it has, and a cursor."""


class ReadingConnection(Connection, Protocol):
    """A connection that reads for somebody who may leave."""

    def watch(self, look: Callable[[], bool] | None) -> None:
        """From now on ask ``look`` now and then whether to stop, and do so; ``None`` ends that."""
        ...

    def interrupt(self) -> None:
        """Stop the statement that runs, if one does. From any thread. Does not block."""
        ...


C = TypeVar("C", bound=ReadingConnection)


class Sessions(Protocol[C]):
    """The connections of an engine for reading. Its methods block, in as many threads as there are reads at once."""

    def begin(self, lane: Lane) -> C:
        """
        A connection for one read in ``lane``, which sees one moment.

        :raises Exception: the driver's own, where the database fails.
        """
        ...

    def end(self, connection: C) -> None:
        """The read has ended; whatever it ran, nothing of it runs any more."""
        ...

    def close(self) -> None:
        """Close all connections."""
        ...

    def translate(self, problem: BaseException) -> CloudError | None:
        """The error that a client is told when the database fails; ``None`` for what is no failure of it."""
        ...

    def is_worth_repeating(self, problem: BaseException) -> bool:
        """Whether ``problem`` is that a connection was lost, so that another one may answer."""
        ...


class Interruptible(Protocol):
    """What a turn needs of a connection: as :class:`ReadingConnection` has it."""

    def watch(self, look: Callable[[], bool] | None) -> None: ...

    def interrupt(self) -> None: ...


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
    _connection: Interruptible | None = None
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

    def begin(self, connection: Interruptible) -> None:
        """
        From now on ``connection`` works for it.

        :raises CancelledError: nobody waits for it any more.
        """
        with self._lock:
            if self._is_dropped:
                raise CancelledError
            self._connection = connection
        self._begun_at = self._monotonic()
        connection.watch(self._look)

    def end(self) -> None:
        """``connection`` works for it no longer."""
        with self._lock:
            connection, self._connection = self._connection, None
        if connection is not None:
            connection.watch(None)

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
class Readers(Generic[C]):
    """
    Reads in threads, each reading from a moment at which nothing is half done.

    Cancelling a read that waits takes it away; one that runs is interrupted, and its place is free when it has ended.

    :ivar threads: :data:`~cloudsvc.storage.database.lanes.READER_THREADS` of them; with fewer, lanes wait for each
        other.
    :ivar on_repeat: is called, in a thread, when a read begins anew, since it has lost its connection.
    """

    sessions: Sessions[C]
    _threads: ThreadRunner
    _monotonic: Callable[[], float] = time.monotonic
    _on_repeat: Callable[[], None] = lambda: None
    _lanes: dict[Lane, LaneQueue] = field(factory=lambda: {lane: LaneQueue(lane) for lane in Lane})
    _running: int = 0
    _quiet: Deferred[None] | None = None

    async def run(
        self,
        work: Callable[[C], T],
        lane: Lane = Lane.LOOKUPS,
        *,
        caller: str = "",
        goes_on: bool = False,
        turn: Turn | None = None,
    ) -> T:
        """
        What ``work`` returns. It may be begun anew.

        :param caller: for whom; callers of a lane come in turns.
        :param goes_on: whether it is for an answer that has begun: then it waits, whoever else does.
        :param turn: from :meth:`make_turn`, where ``work`` looks at it.
        :raises CloudError: its own; too many reads wait; it took too long; or the database fails.
        """
        turn = turn or self.make_turn(lane)
        return await self.occupy(lambda: self._run(work, turn, lane), lane, turn, caller=caller, goes_on=goes_on)

    def count_running(self, lane: Lane) -> int:
        """How many reads run in ``lane``."""
        return self._lanes[lane].running

    def count_waiting(self, lane: Lane) -> int:
        """How many wait for a place there."""
        return self._lanes[lane].waiting

    def make_turn(self, lane: Lane) -> Turn:
        """The time that a read has in ``lane``."""
        return Turn(page_seconds=_PAGE_SECONDS, seconds=lane.value.seconds, monotonic=self._monotonic)

    async def close(self) -> None:
        """Close all connections, once the reads have ended that nobody waits for. Nobody reads any more."""
        if self._running:
            self._quiet = Deferred()
            await self._quiet
        await self._threads.run(self.sessions.close)

    async def occupy(
        self, call: Callable[[], T], lane: Lane, turn: Turn, *, caller: str = "", goes_on: bool = False
    ) -> T:
        """
        What ``call`` returns, in a thread, when there is a place in ``lane``.

        :param turn: is dropped when nobody waits any more.
        :raises CloudError: as :meth:`run`.
        """
        queue = self._lanes[lane]
        if not queue.admit(caller):
            await queue.wait(caller, goes_on=goes_on)
        done: Deferred[T] = Deferred(lambda _: turn.drop())
        self._running += 1
        Deferred.fromCoroutine(self._threads.run(call)).addBoth(self._finish, queue, caller, done)
        try:
            return await done
        except Exception as problem:
            told = self.sessions.translate(problem)
            if told is None:
                raise
            raise told from problem

    def _finish(self, result: T | Failure, queue: LaneQueue, caller: str, done: Deferred[T]) -> None:
        self._running -= 1
        queue.leave(caller)
        if not done.called:
            done.callback(result)
        if not self._running and self._quiet is not None:
            self._quiet.callback(None)

    def _run(self, work: Callable[[C], T], turn: Turn, lane: Lane) -> T:
        try:
            return self._attempt(work, turn, lane)
        except Exception as problem:
            if turn.is_stopped or not self.sessions.is_worth_repeating(problem):
                raise
        self._on_repeat()
        # Nothing was answered yet. Once: where that fails as well, it is not the connection's fault.
        return self._attempt(work, turn, lane)

    def _attempt(self, work: Callable[[C], T], turn: Turn, lane: Lane) -> T:
        connection = self.sessions.begin(lane)
        try:
            turn.begin(connection)
            try:
                return work(connection)
            except BaseException:
                if not turn.is_stopped:
                    raise
            finally:
                turn.end()
        finally:
            # What was stopped has let go of its statements by now, with the exception that ended it.
            self.sessions.end(connection)
        raise turn.explain()
