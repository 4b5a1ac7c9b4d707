"""One thread writes. It takes whatever waits into one transaction, and one commit makes all of it durable."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Final, Generic, TypeAlias, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.storage.catalogue.connections import translate
from cloudsvc.storage.reserve import Reserve

T = TypeVar("T")

_TOGETHER: Final = 64
"""So many callers share a transaction at most."""

Work: TypeAlias = Callable[[sqlite3.Connection], T]


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

    :ivar connection: is used in the thread of ``threads``, of which there is one, and nowhere else.
    :ivar reserve: is given up for what frees space.
    """

    connection: sqlite3.Connection
    _threads: ThreadRunner
    _reserve: Reserve | None = None
    _waiting: deque[_Job[Any]] = field(factory=deque)
    _is_writing: bool = False
    _is_uncertain: bool = False

    async def run(self, work: Work[T], *, frees: bool = False) -> T:
        """
        What ``work`` returns, once what it did is durable.

        Cancelling the caller before its turn undoes the wish; later it changes nothing.

        :param frees: whether it is for giving space back, so that a full disk must not stand in its way.
        :raises CloudError: its own, or the database fails; nothing was done.
        """
        job: _Job[T] = _Job(work, Deferred(lambda _: self._drop(job)), frees)
        self._waiting.append(job)
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

    async def close(self) -> None:
        """Finish what waits, and close the connection, also when the database fails."""
        # Whoever waited has been told what became of it.
        with suppress(CloudError):
            await self.run(lambda _: None)
        await self._threads.run(self.connection.close)

    def _drop(self, job: _Job[Any]) -> None:
        if job in self._waiting:
            self._waiting.remove(job)

    async def _write(self) -> None:
        while self._waiting:
            jobs = [self._waiting.popleft() for _ in range(min(_TOGETHER, len(self._waiting)))]
            try:
                outcomes = await self._threads.run(self._commit, jobs)
            except BaseException as problem:  # noqa: BLE001  # whatever it is, each caller has to know
                outcomes = [_Outcome(problem=problem) for _ in jobs]
            for job, outcome in zip(jobs, outcomes, strict=True):
                _answer(job, outcome)
        self._is_writing = False

    def _commit(self, jobs: Sequence[_Job[Any]]) -> list[_Outcome]:
        outcomes = self._transact([job.work for job in jobs])
        refused = [number for number, job in enumerate(jobs) if job.frees and outcomes[number].is_for_want_of_space]
        if refused:
            self._free()
            again = self._transact([jobs[number].work for number in refused])
            for number, outcome in zip(refused, again, strict=True):
                outcomes[number] = outcome
        return outcomes

    def _free(self) -> None:
        if self._reserve is not None:
            self._reserve.give_up()
        # The log need not grow then either: it begins again from its start.
        with suppress(sqlite3.Error):
            self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _transact(self, works: Sequence[Work[Any]]) -> list[_Outcome]:
        connection = self.connection
        try:
            connection.execute("BEGIN IMMEDIATE")
            if self._is_uncertain:
                _overwrite(connection)
            outcomes = [self._attempt(work) for work in works]
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


def _answer(job: _Job[Any], outcome: _Outcome) -> None:
    if job.done.called:
        return
    if outcome.problem is None:
        job.done.callback(outcome.value)
    else:
        job.done.errback(outcome.problem)
