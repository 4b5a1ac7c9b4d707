"""Background jobs, run beside the requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from attrs import define, field, frozen
from twisted.internet.defer import Deferred, DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

_log = Logger("cloudsvc.drive")


@frozen(kw_only=True)
class Job:
    """
    Work that comes back.

    :ivar name: for the log, as in "could not NAME".
    :ivar every: seconds between two rounds.
    :ivar at_once: whether the first round comes at the start, and not after that time.
    :ivar everywhere: whether each process does it, and not the leader alone (:mod:`cloudsvc.drive.leadership`).
    """

    name: str
    every: float
    work: Callable[[], Awaitable[Any]]
    at_once: bool = True
    everywhere: bool = False


@define(eq=False, kw_only=True)
class Scheduler:
    """Does jobs, one at a time. One that fails is logged and done again in its next round."""

    _clock: IReactorTime
    _jobs: Sequence[Job]
    _loops: list[LoopingCall] = field(factory=list)
    _leading: list[LoopingCall] = field(factory=list)
    _lock: DeferredLock = field(factory=DeferredLock)
    _waiting: dict[str, Deferred[None]] = field(factory=dict)
    _stopped: bool = False

    def start(self) -> None:
        """Begin with the first round of each that every process does."""
        for job in self._jobs:
            if job.everywhere:
                self._begin(job, self._loops)

    def lead(self) -> None:
        """Begin with the first round of each that only the leader does."""
        for job in self._jobs:
            if not job.everywhere and not self._stopped:
                self._begin(job, self._leading)

    def follow(self) -> None:
        """Another process leads: begin none of those any more. What runs is finished."""
        _stop(self._leading)

    async def stop(self) -> None:
        """Begin no more, not even what waits for its turn; what runs is finished first."""
        self._stopped = True
        _stop(self._loops)
        _stop(self._leading)
        await self._lock.run(lambda: None)

    def trigger(self, name: str) -> None:
        """Do the job called ``name`` now, or as soon as those before it are done: here, whoever leads."""
        [job] = (job for job in self._jobs if job.name == name)
        self._do(job)

    def _begin(self, job: Job, loops: list[LoopingCall]) -> None:
        loop = LoopingCall(self._do, job)
        loop.clock = self._clock
        loops.append(loop)
        loop.start(job.every, now=job.at_once)

    def _do(self, job: Job) -> Deferred[None]:
        if job.name not in self._waiting:
            # Whoever asks while it waits for its turn has its wish with that turn.
            done: Deferred[None] = Deferred()
            self._waiting[job.name] = done
            self._lock.run(self._attempt, job).chainDeferred(done)
            return done
        return self._waiting[job.name]

    async def _attempt(self, job: Job) -> None:
        del self._waiting[job.name]
        if self._stopped:
            return
        try:
            await job.work()
        except Exception:  # noqa: BLE001  # whatever it was, the other jobs go on
            _log.failure("could not {job}", job=job.name)


def _stop(loops: list[LoopingCall]) -> None:
    for loop in loops:
        loop.stop()
    loops.clear()
