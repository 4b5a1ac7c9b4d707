"""Watchdog of connections: where a server does not answer, nobody waits for ever."""

from __future__ import annotations

from typing import Final, Protocol

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

_log = Logger("cloudsvc.storage")

_EVERY: Final = 1.0
"""Seconds between two looks."""


class Watched(Protocol):
    """
    What may be waited for in vain.

    :ivar patience: seconds for which to wait.
    :ivar begun_at: since when somebody does, if anybody.
    """

    patience: float
    begun_at: float | None

    def give_up(self) -> None:
        """End the waiting, from the thread of the reactor."""
        ...


@define(eq=False)
class Watchdog:
    """
    Gives up those that are waited for longer than they have patience.

    Connections are added and forgotten in their threads, and looked at in that of the reactor. There are as many as
    threads use.
    """

    _clock: IReactorTime
    _watched: set[Watched] = field(factory=set)
    _looking: LoopingCall = field(init=False)
    _ended: Deferred[LoopingCall] | None = None

    def __attrs_post_init__(self) -> None:
        self._looking = LoopingCall(self.look)
        self._looking.clock = self._clock

    def start(self) -> None:
        """Look now and then, until :meth:`stop`."""
        self._ended = self._looking.start(_EVERY, now=False)

    def stop(self) -> None:
        """Look no more."""
        if self._looking.running:
            self._looking.stop()

    def read_clock(self) -> float:
        """The moment by which patience is measured. From any thread."""
        return self._clock.seconds()

    def add(self, watched: Watched) -> None:
        """Look at this one too."""
        self._watched.add(watched)

    def forget(self, watched: Watched) -> None:
        """Look at this one no more."""
        self._watched.discard(watched)

    def look(self) -> None:
        """Give up those that have been waited for long enough."""
        now = self._clock.seconds()
        for each in [*self._watched]:
            begun_at = each.begun_at
            if begun_at is not None and now - begun_at > each.patience:
                _log.error("the database has not answered for {seconds} s", seconds=round(now - begun_at))
                each.give_up()
