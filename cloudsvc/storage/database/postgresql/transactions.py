"""
Transactions of PostgreSQL: many works in one, each undone alone, and one writer at a time among all processes.

A lock of the database (an advisory one, which ends with the transaction) lets one process write at a time, as SQLite
does. So each statement sees all that was committed before, and what holds for one writer holds for many: what is at a
path, how much is stored, which blobs are still wanted, who may do what. Nothing is refused to be tried again, and
nobody waits in a circle. It costs little: every change counts on the numbers in the row of the state, which would keep
others waiting until the commit all the same; and what waits meanwhile in each process is written together.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from secrets import SystemRandom
from typing import Final

import psycopg
from attrs import define
from psycopg import errors
from twisted.logger import Logger

from cloudsvc.core.errors import CloudError
from cloudsvc.drive.errors import NO_SPACE, commit_unknown
from cloudsvc.storage.database.group_commit import LONG_SECONDS, Outcome, Task
from cloudsvc.storage.database.postgresql.connections import PostgreSQLConnection, Unreachable, is_lost, translate
from cloudsvc.storage.database.postgresql.databases import Database
from cloudsvc.storage.meters import Ending, Use

_log = Logger("cloudsvc.storage")

_ATTEMPTS: Final = 4
"""So often a transaction is tried that was given up for the sake of another one, or whose connection was lost."""

_RANDOM: Final = SystemRandom()
"""So that those who were in each other's way are not so again."""

_PAUSE_SECONDS: Final = 0.05
"""Before the second attempt, about; twice as long before each after it."""

_FULL_SECONDS: Final = 60.0
"""For so long after a refusal for want of space the database counts as full: what needs less may succeed meanwhile."""

_BEGIN: Final = "BEGIN; SELECT pg_advisory_xact_lock({lock}); SAVEPOINT work"

_COMMIT: Final = "SET LOCAL statement_timeout = 0; {wake} COMMIT"
"""
The time is not bounded here: a server that waits for its standby would give up waiting, and say that all is well.
The watchdog cuts the connection then, and the outcome is unknown, as it is.
"""


class _Uncertain(Exception):  # noqa: N818  # a state of affairs
    """A commit was not answered."""

    def __init__(self, outcomes: list[Outcome]) -> None:
        super().__init__()
        self.outcomes = outcomes


@define(eq=False, kw_only=True)
class PostgreSQLTransactions:
    """
    A :class:`~cloudsvc.storage.database.group_commit.Transactions` of a database.

    A commit that was not answered may have happened, or may yet. The lock tells: whoever has it next knows that all
    that was begun before has ended, one way or the other.

    :ivar lock: the number of that lock.
    :ivar is_uncertain: as there.
    :ivar wake: gives what is to be run before a commit, so that other processes look for changes; or nothing.
    :ivar pause: waits for so many seconds.
    """

    _database: Database
    _lock: int
    wake: Callable[[], str] = lambda: ""
    _monotonic: Callable[[], float] = time.monotonic
    _pause: Callable[[float], None] = time.sleep
    is_uncertain: bool = False
    _connection: PostgreSQLConnection | None = None
    _refused_at: float | None = None

    @property
    def lacks_space(self) -> bool:
        """Whether the disk of the database had no room for something within the last minute. From any thread."""
        refused_at = self._refused_at
        return refused_at is not None and self._monotonic() - refused_at < _FULL_SECONDS

    def commit(self, tasks: Sequence[Task[PostgreSQLConnection]]) -> list[Outcome]:
        """As :meth:`~cloudsvc.storage.database.group_commit.Transactions.commit`."""
        outcomes = self._commit(tasks)
        if any(isinstance(each.problem, CloudError) and each.problem.code == NO_SPACE for each in outcomes):
            if not self.lacks_space:
                _log.error("the disk of the database is full, and takes nothing new")
            self._refused_at = self._monotonic()
        return outcomes

    def _commit(self, tasks: Sequence[Task[PostgreSQLConnection]]) -> list[Outcome]:
        begun_at, ending = self._monotonic(), Ending.FAILED
        try:
            outcomes = self._insist(tasks)
            ending = Ending.COMMITTED
        except _Uncertain as unknown:
            ending = Ending.UNKNOWN
            # Those that were refused had been already.
            return [each if each.problem else Outcome(problem=commit_unknown()) for each in unknown.outcomes]
        except (Unreachable, psycopg.Error) as problem:
            failure = translate(problem)
            # Each gets an error of its own: one that several raise would gather all their tracebacks.
            return [Outcome(problem=_copy(failure)) for _ in tasks]
        finally:
            self._database.meter.note_written(ending, self._monotonic() - begun_at)
        return outcomes

    def tidy(self) -> bool:
        """Nothing is to be done: the server sees to itself."""
        return False

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _insist(self, tasks: Sequence[Task[PostgreSQLConnection]]) -> list[Outcome]:
        """
        Try as often as it makes sense.

        :raises _Uncertain: nobody knows whether it has happened.
        :raises psycopg.Error: the database fails; nothing was done.
        :raises Unreachable: so does the way there.
        """
        for attempt in range(1, _ATTEMPTS):
            try:
                return self._transact(tasks)
            except psycopg.Error as problem:
                if not _is_worth_repeating(problem):
                    raise
            self._database.meter.note_repeated(Use.WRITING)
            self._pause(_RANDOM.uniform(0.5, 1.5) * _PAUSE_SECONDS * 2**attempt)
        return self._transact(tasks)

    def _transact(self, tasks: Sequence[Task[PostgreSQLConnection]]) -> list[Outcome]:
        connection = self._take()
        outcomes: list[Outcome] = []
        is_ending = False
        try:
            connection.execute(_BEGIN.format(lock=self._lock))
            # Whatever another connection of ours had begun has ended by now.
            self.is_uncertain = False
            outcomes = self._attempt_some(connection, tasks)
            text = _COMMIT.format(wake=self.wake())
            is_ending = True
            _commit(connection, text)
        except psycopg.Error as problem:
            if connection.is_lost or is_lost(problem):
                self.close()
                if is_ending:
                    self.is_uncertain = True
                    raise _Uncertain(outcomes) from problem
            else:
                # The server has answered, so that it is certain that nothing was committed.
                self._undo(connection)
            raise
        except BaseException:
            # Of a work that breaks the rules nobody knows what it has left.
            self.close()
            raise
        return outcomes

    def _take(self) -> PostgreSQLConnection:
        if self._connection is None:
            self._connection = self._database.connect(Use.WRITING)
        return self._connection

    def _undo(self, connection: PostgreSQLConnection) -> None:
        try:
            connection.execute("ROLLBACK")
        except psycopg.Error:
            self.close()

    def _attempt_some(
        self, connection: PostgreSQLConnection, tasks: Sequence[Task[PostgreSQLConnection]]
    ) -> list[Outcome]:
        """Do the first of ``tasks``, and those after it until that is enough for one transaction."""
        begun_at = self._monotonic()
        outcomes: list[Outcome] = []
        for task in tasks:
            if outcomes:
                connection.execute("RELEASE work; SAVEPOINT work")
            outcomes.append(_attempt(connection, task))
            if self._monotonic() - begun_at >= LONG_SECONDS:
                break
        return outcomes


def _copy(failure: CloudError) -> CloudError:
    return CloudError(failure.kind, failure.code, failure.message, retry_after=failure.retry_after)


def _attempt(connection: PostgreSQLConnection, task: Task[PostgreSQLConnection]) -> Outcome:
    """
    Do one work, or nothing of it.

    :raises psycopg.Error: the whole transaction is of no use any more.
    """
    try:
        return Outcome(value=task.work(connection))
    except psycopg.Error as problem:
        if connection.is_lost or is_lost(problem) or _is_worth_repeating(problem):
            raise
        outcome = Outcome(problem=translate(problem))
    except Exception as problem:  # noqa: BLE001  # whatever it is, its caller has to know, and nobody else
        outcome = Outcome(problem=problem)
    connection.execute("ROLLBACK TO work")
    return outcome


def _commit(connection: PostgreSQLConnection, text: str) -> None:
    connection.execute(text)
    if connection.is_in_transaction:
        with suppress(psycopg.Error):
            connection.execute("ROLLBACK")
        raise errors.InvalidTransactionState("the transaction did not end")


def _is_worth_repeating(problem: psycopg.Error) -> bool:
    """Whether what was not done may be done if it is tried again at once."""
    return is_lost(problem) or isinstance(problem, (errors.SerializationFailure, errors.DeadlockDetected))
