"""What is done again and again, beside the requests."""

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
class Chore:
    """
    Work that comes back.

    :ivar name: for the log, as in "could not NAME".
    :ivar every: seconds between two rounds.
    """

    name: str
    every: float
    work: Callable[[], Awaitable[Any]]


@define(eq=False, kw_only=True)
class Housekeeping:
    """Does chores, one at a time. One that fails is logged and done again in its next round."""

    _clock: IReactorTime
    _chores: Sequence[Chore]
    _loops: list[LoopingCall] = field(factory=list)
    _lock: DeferredLock = field(factory=DeferredLock)

    def start(self) -> None:
        """Begin with the first round of each."""
        for chore in self._chores:
            loop = LoopingCall(self._do, chore)
            loop.clock = self._clock
            loop.start(chore.every)
            self._loops.append(loop)

    async def stop(self) -> None:
        """Begin no more; what runs is finished first."""
        for loop in self._loops:
            loop.stop()
        self._loops.clear()
        await self._lock.run(lambda: None)

    def hurry(self, name: str) -> None:
        """Do the chore called ``name`` now, or as soon as the running one is done."""
        [chore] = (chore for chore in self._chores if chore.name == name)
        self._do(chore)

    def _do(self, chore: Chore) -> Deferred[None]:
        return self._lock.run(_attempt, chore)


async def _attempt(chore: Chore) -> None:
    try:
        await chore.work()
    except Exception:  # noqa: BLE001  # whatever it was, the other chores go on
        _log.failure("could not {chore}", chore=chore.name)
