"""Thread runner: the one narrow interface by which blocking work leaves the reactor's thread."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from queue import SimpleQueue
from threading import Thread
from typing import Any, Generic, ParamSpec, Protocol, TypeVar

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorFromThreads
from twisted.python.failure import Failure
from twisted.python.threadpool import ThreadPool

P = ParamSpec("P")
T = TypeVar("T")


class ThreadRunner(Protocol):
    """Runs blocking functions in threads it owns."""

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``function`` returns or raises, run outside the calling thread."""
        ...


@define(eq=False)
class _Job(Generic[T]):
    """
    A call that waits for its turn, or runs.

    :ivar is_dropped: nobody waits for it any more. Setting one attribute is atomic, so that no lock is needed.
    """

    work: Callable[[], T]
    done: Deferred[T] = field(init=False)
    is_dropped: bool = False

    def __attrs_post_init__(self) -> None:
        self.done = Deferred(lambda _: self._drop())

    def _drop(self) -> None:
        self.is_dropped = True


@define(eq=False, kw_only=True)
class WorkerThreads:
    """
    A :class:`ThreadRunner` on threads of its own. Whoever made it starts and stops it, in the reactor's thread.

    As on Twisted's ``ThreadPool``, a thread is made when all others have something to do. What differs is the cost of a
    trip: a queue in C, and one wake-up of the reactor for all results that are ready by then, take a sixth of the
    processor's time under load (docs/performance.md), and a request of the drive makes one to three trips.

    Cancelling a call stops waiting for it. A function that has not begun by then never runs; one that has runs on to
    its end. So what lets go of something is not to be cancelled (:func:`cloudsvc.core.coroutines.shield`).

    :ivar most: threads.
    :ivar name: of the threads.
    """

    _reactor: IReactorFromThreads
    most: int
    name: str
    _jobs: SimpleQueue[_Job[Any] | None] = field(factory=SimpleQueue, init=False)
    _threads: list[Thread] = field(factory=list, init=False)
    _outcomes: deque[tuple[_Job[Any], Any]] = field(factory=deque, init=False)
    _unfinished: int = field(default=0, init=False)
    _is_running: bool = field(default=False, init=False)
    _is_woken: bool = field(default=False, init=False)

    def start(self) -> None:
        """Run what waits already, and what will come."""
        self._is_running = True
        for _ in range(min(self._unfinished, self.most)):
            self._add_thread()

    def stop(self) -> None:
        """Wait until all that was asked for is done, and end the threads. Blocks."""
        self._is_running = False
        for _ in self._threads:
            self._jobs.put(None)
        for thread in self._threads:
            thread.join()
        self._threads.clear()
        # The reactor may turn no more.
        self._deliver()

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """
        What ``function`` returns or raises, run in one of the threads.

        :raises RuntimeError: there is no thread, and the system gives none. The function will not run.
        """
        job: _Job[T] = _Job(partial(function, *args, **kwargs))
        self._unfinished += 1
        self._jobs.put(job)
        if self._is_running and len(self._threads) < min(self._unfinished, self.most):
            try:
                self._add_thread()
            except RuntimeError:
                # The system gives no more threads. Those that there are do it in their turn.
                if not self._threads:
                    job.is_dropped = True
                    raise
        return await job.done

    def _add_thread(self) -> None:
        thread = Thread(target=self._work, name=f"{self.name}-{len(self._threads)}", daemon=True)
        thread.start()
        self._threads.append(thread)

    def _work(self) -> None:
        """Do one job after the other, in a thread."""
        while (job := self._jobs.get()) is not None:
            outcome: Any = None
            if not job.is_dropped:
                try:
                    outcome = job.work()
                except BaseException:  # noqa: BLE001  # whatever it is, it is the caller's
                    outcome = Failure()
            self._outcomes.append((job, outcome))
            del job, outcome  # the next may be long in coming
            # The reactor takes the mark away before it looks: what was added before that it finds.
            if not self._is_woken:
                self._is_woken = True
                self._reactor.callFromThread(self._deliver)

    def _deliver(self) -> None:
        """Hand over the results that are there, in the reactor's thread."""
        self._is_woken = False
        for _ in range(len(self._outcomes)):
            if not self._outcomes:
                break  # Whoever got one of them has stopped everything, which hands over the rest.
            job, outcome = self._outcomes.popleft()
            self._unfinished -= 1
            if not job.done.called:
                job.done.callback(outcome)


@frozen
class PoolRunner:
    """
    A :class:`ThreadRunner` on a pool of Twisted's, such as the reactor's own, which whoever made it starts and stops.

    Cancelling works as with :class:`WorkerThreads`.
    """

    reactor: IReactorFromThreads
    pool: ThreadPool

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``function`` returns or raises, run in a thread of the pool."""
        call = _Call()

        def begin() -> T:
            if call.is_dropped:
                raise CancelledError
            return function(*args, **kwargs)

        def hand_over(_succeeded: bool, result: T | Failure) -> None:  # noqa: FBT001  # Twisted's signature
            self.reactor.callFromThread(_deliver, result, done)

        done: Deferred[T] = Deferred(lambda _: call.drop())
        self.pool.callInThreadWithCallback(hand_over, begin)
        return await done


@define(eq=False)
class _Call:
    """A call that may be dropped before it begins. Setting one attribute is atomic, so that no lock is needed."""

    is_dropped: bool = False

    def drop(self) -> None:
        self.is_dropped = True


def _deliver(result: T | Failure, done: Deferred[T]) -> None:
    if not done.called:
        done.callback(result)
