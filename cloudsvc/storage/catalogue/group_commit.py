"""
Group commit: one thread takes what waits into one transaction, while that stays small, and one commit makes all
of it durable.
"""

from __future__ import annotations

import sqlite3
import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import Enum, auto
from typing import Any, Final, Generic, TypeAlias, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred

from cloudsvc.core.coroutines import shield
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.errors import too_many_changes
from cloudsvc.storage.ballast import Ballast
from cloudsvc.storage.catalogue.connections import translate
from cloudsvc.storage.catalogue.maintenance import WriteAheadLog, free_pages

T = TypeVar("T")

_TOGETHER: Final = 64
"""So many callers share a transaction at most."""

_ROWS: Final = 2_000
"""Rows that a transaction changes before it ends: some milliseconds, and some megabytes of the log."""

_SECONDS: Final = 0.05
"""For which a transaction goes on taking works that wait."""

_BEHIND: Final = 1_000
"""Rows by which what is derived from others may lag behind before it catches up after a commit."""

_HEAVY: Final = 128
"""So many heavy works wait at most. Light ones are bounded by the connections of clients: each waits for its answer."""

Work: TypeAlias = Callable[[sqlite3.Connection], T]


class Weight(Enum):
    """How much a work changes."""

    LIGHT = auto()
    """Some rows."""
    HEAVY = auto()
    """Perhaps thousands. Those who wait for light works wait for one of these at most."""
    UPKEEP = auto()
    """As heavy, and never refused: of those who ask there are few."""


@define(eq=False)
class _Job(Generic[T]):
    work: Work[T]
    done: Deferred[T]
    frees: bool


@define(eq=False)
class _Outcome:
    """What became of one work."""

    value: Any = None
    problem: BaseException | None = None

    @property
    def is_for_want_of_space(self) -> bool:
        return isinstance(self.problem, CloudError) and self.problem.kind is Kind.NO_SPACE


@define(eq=False, kw_only=True)
class Writer:
    """
    Writes for many callers.

    Each has a savepoint of its own: one that fails undoes nothing of the others. Nobody is answered before the commit.
    Heavy works have transactions of their own; where both wait, light ones and heavy ones take turns.

    :ivar connection: is used in the thread of ``threads``, of which there is one, and nowhere else.
    :ivar ballast: is given up for what frees space.
    :ivar monotonic: a clock in seconds, by which a transaction is long enough.
    :ivar on_commit: is called after each transaction, before anybody is answered, in the thread of the reactor.
    :ivar catch_up: does some of what lags behind commits, in a transaction of its own, where that is as much as it is
        given; whether it was.
    """

    connection: sqlite3.Connection
    _threads: ThreadRunner
    _ballast: Ballast | None = None
    _monotonic: Callable[[], float] = time.monotonic
    _catch_up: Callable[[sqlite3.Connection, int], bool] = lambda _, least: False  # named as it is given
    _on_commit: Callable[[], None] = lambda: None
    _light: deque[_Job[Any]] = field(factory=deque)
    _heavy: deque[_Job[Any]] = field(factory=deque)
    _log: WriteAheadLog = field(init=False)
    _is_turn_of_heavy: bool = False
    _is_writing: bool = False
    _is_uncertain: bool = False
    _ended: Deferred[None] | None = None

    def __attrs_post_init__(self) -> None:
        self._log = WriteAheadLog.of(self.connection)

    async def run(self, work: Work[T], *, weight: Weight = Weight.LIGHT, frees: bool = False) -> T:
        """
        What ``work`` returns, once what it did is durable.

        Cancelling the caller before its turn undoes the wish; later it changes nothing.

        :param frees: whether it is for giving space back, so that a full disk must not stand in its way.
        :raises CloudError: its own, too many heavy works wait, or the database fails; nothing was done.
        """
        if weight is Weight.HEAVY and len(self._heavy) >= _HEAVY:
            raise too_many_changes()
        queue = self._light if weight is Weight.LIGHT else self._heavy
        job: _Job[T] = _Job(work, Deferred(lambda _: _drop(job, queue)), frees)
        queue.append(job)
        if not self._is_writing:
            self._is_writing = True
            Deferred.fromCoroutine(self._write())
        return await job.done

    async def settle(self) -> None:
        """
        See that no commit that failed can still come true after a crash.

        :raises CloudError: the database fails.
        """
        if self._is_uncertain:
            await self.run(lambda _: None)

    async def tidy(self) -> None:
        """
        Empty the log, and give pages that nothing uses back to the disk, bit by bit, if nobody writes just now.

        :raises CloudError: the database fails.
        """
        while not self._is_wanted and await self.run(free_pages, weight=Weight.UPKEEP):
            pass
        # There is one thread, so that this comes between two transactions.
        while not self._is_wanted and await self._threads.run(self._try_to_catch_up, 1):
            pass
        if not self._is_wanted:
            await self._threads.run(self._log.cut)

    async def close(self) -> None:
        """Finish what waits, and close the connection, also when the database fails."""
        # Whoever waited has been told what became of it.
        try:
            with suppress(CloudError):
                await self.run(lambda _: None)
            if self._is_writing:
                self._ended = Deferred()
                await self._ended
        finally:
            await shield(self._threads.run(self.connection.close))

    @property
    def _is_wanted(self) -> bool:
        """Whether anybody waits."""
        return bool(self._light or self._heavy)

    async def _write(self) -> None:
        while queue := self._choose():
            jobs = [queue.popleft() for _ in range(min(_TOGETHER, len(queue)))]
            try:
                outcomes = await self._threads.run(self._commit, jobs)
            except BaseException as problem:  # noqa: BLE001  # whatever it is, each caller has to know
                outcomes = [_Outcome(problem=problem) for _ in jobs]
            # Those that the transaction was long enough without come first next time, unless their callers have left.
            queue.extendleft(job for job in reversed(jobs[len(outcomes) :]) if not job.done.called)
            self._on_commit()
            for job, outcome in zip(jobs, outcomes, strict=False):
                _answer(job, outcome)
        self._is_writing = False
        if self._ended is not None:
            self._ended.callback(None)

    def _choose(self) -> deque[_Job[Any]]:
        """Whose turn it is."""
        is_heavy = bool(self._heavy) and (self._is_turn_of_heavy or not self._light)
        self._is_turn_of_heavy = not is_heavy
        return self._heavy if is_heavy else self._light

    def _commit(self, jobs: Sequence[_Job[Any]]) -> list[_Outcome]:
        """What became of the first jobs, of one at least."""
        outcomes = self._transact([job.work for job in jobs])
        refused = [
            number for number, outcome in enumerate(outcomes) if jobs[number].frees and outcome.is_for_want_of_space
        ]
        if refused:
            self._free()
        while refused:
            again = self._transact([jobs[number].work for number in refused])
            for number, outcome in zip(refused, again, strict=False):
                outcomes[number] = outcome
            del refused[: len(again)]
        self._log.check()
        if not self._is_uncertain:
            self._try_to_catch_up(_BEHIND)
        return outcomes

    def _try_to_catch_up(self, least: int) -> bool:
        # What lags behind is derived from what is there: as long as that cannot be written, it may lag.
        with suppress(sqlite3.Error):
            return self._catch_up(self.connection, least)
        return False

    def _free(self) -> None:
        if self._ballast is not None:
            self._ballast.give_up()
        # The log need not grow then either: it begins again from its start.
        with suppress(sqlite3.Error):
            self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _transact(self, works: Sequence[Work[Any]]) -> list[_Outcome]:
        connection = self.connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            if self._is_uncertain:
                _overwrite(connection)
            outcomes = self._attempt_some(works)
            self._is_uncertain = True
            connection.execute("COMMIT")
            self._is_uncertain = False
        except sqlite3.Error as problem:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            failure = translate(problem)
            # Each gets an error of its own: one that several raise would gather all their tracebacks.
            return [_Outcome(problem=CloudError(failure.kind, failure.code, failure.message)) for _ in works]
        return outcomes

    def _attempt_some(self, works: Sequence[Work[Any]]) -> list[_Outcome]:
        """Do the first of ``works``, and those after it until that is enough for one transaction."""
        begun_at, rows = self._monotonic(), self.connection.total_changes
        outcomes: list[_Outcome] = []
        for work in works:
            outcomes.append(self._attempt(work))
            if self.connection.total_changes - rows >= _ROWS or self._monotonic() - begun_at >= _SECONDS:
                break
        return outcomes

    def _attempt(self, work: Work[Any]) -> _Outcome:
        """
        Do one work, or nothing of it.

        :raises sqlite3.Error: the database has undone the whole transaction.
        """
        connection = self.connection
        connection.execute("SAVEPOINT work")
        try:
            value = work(connection)
        except Exception as problem:
            if not connection.in_transaction:
                raise
            connection.execute("ROLLBACK TO work")
            outcome = _Outcome(problem=translate(problem) if isinstance(problem, sqlite3.Error) else problem)
        else:
            outcome = _Outcome(value=value)
        connection.execute("RELEASE work")
        return outcome


def _overwrite(connection: sqlite3.Connection) -> None:
    """
    Write something, in the place of a commit that failed.

    When its fsync fails, all of a commit is in the log already, and whoever opens the database after a crash believes
    it.
    """
    [number] = connection.execute("PRAGMA user_version").fetchone()
    connection.execute(f"PRAGMA user_version = {(number + 1) % 2**31}")


def _drop(job: _Job[Any], queue: deque[_Job[Any]]) -> None:
    if job in queue:
        queue.remove(job)


def _answer(job: _Job[Any], outcome: _Outcome) -> None:
    if job.done.called:
        return
    if outcome.problem is None:
        job.done.callback(outcome.value)
    else:
        job.done.errback(outcome.problem)
