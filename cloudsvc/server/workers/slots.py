"""Slots: the places of workers, and when the next one takes the place of one that has died."""

from __future__ import annotations

from typing import Final

from attrs import define
from twisted.internet.interfaces import IDelayedCall

from cloudsvc.server.workers.process import Worker

QUICK_SECONDS: Final = 10.0
"""A worker that ends within so many seconds after its start has died quickly."""

GIVE_UP: Final = 5
"""Quick deaths in one slot, one after the other, after which the server ends if no worker answers."""

LONGEST_PAUSE: Final = 30.0
"""Seconds between two attempts to start a worker, which begin with none and one."""


@define(eq=False)
class Slot:
    """
    The place of one worker.

    :ivar number: of the worker, from 1.
    :ivar current: who answers there, or is about to; ``None`` between a death and the next attempt.
    :ivar candidate: who is to replace the current one once it is ready.
    :ivar deaths: quick ones, one after the other.
    :ivar again: the next attempt, if one is to come.
    """

    number: int
    current: Worker | None = None
    candidate: Worker | None = None
    deaths: int = 0
    again: IDelayedCall | None = None

    @property
    def is_ready(self) -> bool:
        """Whether somebody answers there."""
        return self.current is not None and self.current.is_ready

    def note_death(self, lived: float) -> float:
        """
        Seconds until the next attempt.

        :param lived: seconds between the start and the end of whom it had.
        """
        self.current = None
        self.deaths = self.deaths + 1 if lived < QUICK_SECONDS else 0
        return min(2.0 ** (self.deaths - 2), LONGEST_PAUSE) if self.deaths > 1 else 0.0

    def cancel(self) -> None:
        """Make no further attempt."""
        if self.again is not None:
            self.again.cancel()
            self.again = None
