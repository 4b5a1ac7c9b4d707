"""Transactions of SQLite: many works in one, each undone alone, and what has to be seen to between two of them."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final

from attrs import define, field

from cloudsvc.core.errors import CloudError
from cloudsvc.storage.ballast import Ballast
from cloudsvc.storage.database.group_commit import LONG_SECONDS, Outcome, Task
from cloudsvc.storage.database.sqlite.connections import SQLiteConnection, translate
from cloudsvc.storage.database.sqlite.maintenance import WriteAheadLog, free_pages

_ROWS: Final = 2_000
"""Rows that a transaction changes before it ends: some milliseconds, and some megabytes of the log."""

_BEHIND: Final = 1_000
"""Rows by which what is derived from others may lag behind before it catches up after a commit."""


@define(eq=False, kw_only=True)
class SQLiteTransactions:
    """
    A :class:`~cloudsvc.storage.database.group_commit.Transactions` on one connection.

    :ivar ballast: is given up for what frees space.
    :ivar monotonic: a clock in seconds, by which a transaction is long enough.
    :ivar catch_up: does some of what lags behind commits, in a transaction of its own, where that is as much as it is
        given; whether it was.
    :ivar is_uncertain: as there.
    """

    connection: SQLiteConnection
    ballast: Ballast | None = None
    _monotonic: Callable[[], float] = time.monotonic
    _catch_up: Callable[[SQLiteConnection, int], bool] = lambda _, least: False  # named as it is given
    _log: WriteAheadLog = field(init=False)
    is_uncertain: bool = False

    def __attrs_post_init__(self) -> None:
        self._log = WriteAheadLog.of(self.connection)

    def commit(self, tasks: Sequence[Task[SQLiteConnection]]) -> list[Outcome]:
        """As :meth:`~cloudsvc.storage.database.group_commit.Transactions.commit`."""
        outcomes = self._transact(tasks)
        refused = [
            number for number, outcome in enumerate(outcomes) if tasks[number].frees and outcome.is_for_want_of_space
        ]
        if refused:
            self._free()
        while refused:
            again = self._transact([tasks[number] for number in refused])
            for number, outcome in zip(refused, again, strict=False):
                outcomes[number] = outcome
            del refused[: len(again)]
        self._log.check()
        if not self.is_uncertain:
            self._try_to_catch_up(_BEHIND)
        return outcomes

    def tidy(self) -> bool:
        """
        Give pages that nothing uses back to the disk, take in what lags behind, and empty the log: one bit of it.

        :raises CloudError: the database fails.
        """
        try:
            self._begin()
            is_more = free_pages(self.connection)
            self._end()
        except sqlite3.Error as problem:
            self._undo()
            raise translate(problem) from problem
        if is_more or self._try_to_catch_up(1):
            return True
        self._log.cut()
        return False

    def close(self) -> None:
        """Close the connection."""
        self.connection.close()

    def _try_to_catch_up(self, least: int) -> bool:
        # What lags behind is derived from what is there: as long as that cannot be written, it may lag.
        with suppress(sqlite3.Error):
            return self._catch_up(self.connection, least)
        return False

    def _free(self) -> None:
        if self.ballast is not None:
            self.ballast.give_up()
        # The log need not grow then either: it begins again from its start.
        with suppress(sqlite3.Error):
            self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def _transact(self, tasks: Sequence[Task[SQLiteConnection]]) -> list[Outcome]:
        try:
            self._begin()
            outcomes = self._attempt_some(tasks)
            self._end()
        except sqlite3.Error as problem:
            self._undo()
            failure = translate(problem)
            # Each gets an error of its own: one that several raise would gather all their tracebacks.
            return [Outcome(problem=CloudError(failure.kind, failure.code, failure.message)) for _ in tasks]
        return outcomes

    def _begin(self) -> None:
        self.connection.execute("BEGIN IMMEDIATE")
        if self.is_uncertain:
            _overwrite(self.connection)

    def _end(self) -> None:
        self.is_uncertain = True
        self.connection.execute("COMMIT")
        self.is_uncertain = False

    def _undo(self) -> None:
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")

    def _attempt_some(self, tasks: Sequence[Task[SQLiteConnection]]) -> list[Outcome]:
        """Do the first of ``tasks``, and those after it until that is enough for one transaction."""
        begun_at, rows = self._monotonic(), self.connection.total_changes
        outcomes: list[Outcome] = []
        for task in tasks:
            outcomes.append(self._attempt(task))
            if self.connection.total_changes - rows >= _ROWS or self._monotonic() - begun_at >= LONG_SECONDS:
                break
        return outcomes

    def _attempt(self, task: Task[SQLiteConnection]) -> Outcome:
        """
        Do one work, or nothing of it.

        :raises sqlite3.Error: the database has undone the whole transaction.
        """
        connection = self.connection
        connection.execute("SAVEPOINT work")
        try:
            value = task.work(connection)
        except Exception as problem:
            if not connection.in_transaction:
                raise
            connection.execute("ROLLBACK TO work")
            outcome = Outcome(problem=translate(problem) if isinstance(problem, sqlite3.Error) else problem)
        else:
            outcome = Outcome(value=value)
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
