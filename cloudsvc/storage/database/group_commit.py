"""
Group commit: one thread takes what waits into one transaction, while that stays small, and one commit makes all
of it durable.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import Enum, auto
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred

from cloudsvc.core.coroutines import shield
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.errors import too_many_changes
from cloudsvc.storage.database.statements import Connection

C = TypeVar("C", bound=Connection)
T = TypeVar("T")

MOST_TOGETHER: Final = 64
"""So many callers share a transaction at most."""

LONG_SECONDS: Final = 0.05
"""For which a transaction goes on taking works that wait."""

_HEAVY: Final = 128
"""So many heavy works wait at most. Light ones are bounded by the connections of clients: each waits for its answer."""

Work: TypeAlias = Callable[[C], T]


class Weight(Enum):
    """How much a work changes."""

    LIGHT = auto()
    """Some rows."""
    HEAVY = auto()
    """Perhaps thousands. Those who wait for light works wait for one of these at most."""
    UPKEEP = auto()
    """As heavy, and never refused: of those who ask there are few."""


@define(eq=False)
class Task(Generic[C]):
    """
    One work that waits to be written.

    :ivar frees: whether it is for giving space back, so that a full disk must not stand in its way.
    """

    work: Work[C, Any]
    done: Deferred[Any]
    frees: bool


@define(eq=False)
class Outcome:
    """What became of one work."""

    value: Any = None
    problem: BaseException | None = None

    @property
    def is_for_want_of_space(self) -> bool:
        """Whether there was no room for it."""
        return isinstance(self.problem, CloudError) and self.problem.kind is Kind.NO_SPACE


class Transactions(Protocol[C]):
    """What an engine makes of works that are written together. Its methods block, in the thread that writes."""

    @property
    def is_uncertain(self) -> bool:
        """Whether a commit that failed may still come true."""
        ...

    def commit(self, tasks: Sequence[Task[C]]) -> list[Outcome]:
        """
        Do the first of ``tasks``, of one at least, durably and each by itself: one that fails undoes nothing of others.

        Whatever was uncertain before is certain afterwards, unless all of them have failed.

        :return: what became of them. The others were not begun, as the transaction was long enough without.
        """
        ...

    def tidy(self) -> bool:
        """
        Do a bit of what can wait until nobody writes; whether there is more.

        :raises CloudError: the database fails.
        """
        ...

    def close(self) -> None:
        """Let go of the database."""
        ...


@define(eq=False, kw_only=True)
class Writer(Generic[C]):
    """
    Writes for many callers.

    Each has a savepoint of its own: one that fails undoes nothing of the others. Nobody is answered before the commit.
    Heavy works have transactions of their own; where both wait, light ones and heavy ones take turns.

    :ivar transactions: are used in the thread of ``threads``, of which there is one, and nowhere else.
    :ivar on_commit: is called after each transaction, before anybody is answered, in the thread of the reactor.
    """

    transactions: Transactions[C]
    _threads: ThreadRunner
    _on_commit: Callable[[], None] = lambda: None
    _light: deque[Task[C]] = field(factory=deque)
    _heavy: deque[Task[C]] = field(factory=deque)
    _is_turn_of_heavy: bool = False
    _is_writing: bool = False
    _ended: Deferred[None] | None = None

    async def run(self, work: Work[C, T], *, weight: Weight = Weight.LIGHT, frees: bool = False) -> T:
        """
        What ``work`` returns, once it is durable. Cancelling takes it away until it has begun; later it changes
        nothing. It may be begun anew, so that it must not change anything but the database.

        :param frees: whether it is for giving space back, so that a full disk must not stand in its way.
        :raises CloudError: its own, too many heavy works wait, or the database fails; nothing was done.
        """
        if weight is Weight.HEAVY and len(self._heavy) >= _HEAVY:
            raise too_many_changes()
        queue = self._light if weight is Weight.LIGHT else self._heavy
        done: Deferred[T] = Deferred(lambda _: _drop(task, queue))
        task = Task(work, done, frees)
        queue.append(task)
        if not self._is_writing:
            self._is_writing = True
            Deferred.fromCoroutine(self._write())
        return await done

    @property
    def is_writing(self) -> bool:
        """Whether a transaction is under way."""
        return self._is_writing

    @property
    def waiting(self) -> int:
        """How many works wait for one."""
        return len(self._light) + len(self._heavy)

    async def settle(self) -> None:
        """
        See that no commit that failed can still come true after a crash.

        :raises CloudError: the database fails.
        """
        if self.transactions.is_uncertain:
            await self.run(lambda _: None)

    async def tidy(self) -> None:
        """
        Do what can wait until nobody writes, bit by bit, if nobody writes just now.

        :raises CloudError: the database fails.
        """
        # There is one thread, so that this comes between two transactions.
        while not self._is_wanted and await self._threads.run(self.transactions.tidy):
            pass

    async def close(self) -> None:
        """Finish what waits, and let go of the database, also when it fails."""
        # Whoever waited has been told what became of it.
        try:
            with suppress(CloudError):
                await self.run(lambda _: None)
            if self._is_writing:
                self._ended = Deferred()
                await self._ended
        finally:
            await shield(self._threads.run(self.transactions.close))

    @property
    def _is_wanted(self) -> bool:
        """Whether anybody waits."""
        return bool(self._light or self._heavy)

    async def _write(self) -> None:
        while queue := self._choose():
            tasks = [queue.popleft() for _ in range(min(MOST_TOGETHER, len(queue)))]
            try:
                outcomes = await self._threads.run(self.transactions.commit, tasks)
            except BaseException as problem:  # noqa: BLE001  # whatever it is, each caller has to know
                outcomes = [Outcome(problem=problem) for _ in tasks]
            # Those that the transaction was long enough without come first next time, unless their callers have left.
            queue.extendleft(task for task in reversed(tasks[len(outcomes) :]) if not task.done.called)
            self._on_commit()
            for task, outcome in zip(tasks, outcomes, strict=False):
                _answer(task, outcome)
        self._is_writing = False
        if self._ended is not None:
            self._ended.callback(None)

    def _choose(self) -> deque[Task[C]]:
        """Whose turn it is."""
        is_heavy = bool(self._heavy) and (self._is_turn_of_heavy or not self._light)
        self._is_turn_of_heavy = not is_heavy
        return self._heavy if is_heavy else self._light


def _drop(task: Task[C], queue: deque[Task[C]]) -> None:
    if task in queue:
        queue.remove(task)


def _answer(task: Task[C], outcome: Outcome) -> None:
    if task.done.called:
        return
    if outcome.problem is None:
        task.done.callback(outcome.value)
    else:
        task.done.errback(outcome.problem)
