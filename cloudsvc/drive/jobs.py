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
    """

    name: str
    every: float
    work: Callable[[], Awaitable[Any]]
    at_once: bool = True


@define(eq=False, kw_only=True)
class Scheduler:
    """Does jobs, one at a time. One that fails is logged and done again in its next round."""

    _clock: IReactorTime
    _jobs: Sequence[Job]
    _loops: list[LoopingCall] = field(factory=list)
    _lock: DeferredLock = field(factory=DeferredLock)
    _waiting: dict[str, Deferred[None]] = field(factory=dict)
    _stopped: bool = False

    def start(self) -> None:
        """Begin with the first round of each."""
        for job in self._jobs:
            loop = LoopingCall(self._do, job)
            loop.clock = self._clock
            loop.start(job.every, now=job.at_once)
            self._loops.append(loop)

    async def stop(self) -> None:
        """Begin no more, not even what waits for its turn; what runs is finished first."""
        self._stopped = True
        for loop in self._loops:
            loop.stop()
        self._loops.clear()
        await self._lock.run(lambda: None)

    def trigger(self, name: str) -> None:
        """Do the job called ``name`` now, or as soon as those before it are done."""
        [job] = (job for job in self._jobs if job.name == name)
        self._do(job)

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
