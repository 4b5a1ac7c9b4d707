"""Reactor lag: the one figure that tells whether something blocks the reactor."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import Final

from twisted.application.service import Service
from twisted.internet.interfaces import IDelayedCall, IReactorTime

SAMPLE_SECONDS: Final = 0.25
RECENT_SAMPLES: Final = 240


class LagSampler(Service):
    """
    Asks to be called every quarter of a second, and sees how much later it is.

    :param observe: is called with each lateness, in seconds.
    """

    def __init__(self, clock: IReactorTime, observe: Callable[[float], object]) -> None:
        self._clock = clock
        self._observe = observe
        self._recent: deque[float] = deque(maxlen=RECENT_SAMPLES)
        self._due = 0.0
        self._call: IDelayedCall | None = None

    @property
    def worst(self) -> float:
        """The greatest lateness of the last 240 samples, about a minute, in seconds."""
        return max(self._recent, default=0.0)

    def startService(self) -> None:
        """Begin to sample."""
        super().startService()
        self._schedule()

    def stopService(self) -> None:
        """Stop sampling."""
        super().stopService()
        if self._call is not None:
            self._call.cancel()
            self._call = None

    def _schedule(self) -> None:
        self._due = self._clock.seconds() + SAMPLE_SECONDS
        self._call = self._clock.callLater(SAMPLE_SECONDS, self._sample)

    def _sample(self) -> None:
        late = self._clock.seconds() - self._due
        self._recent.append(late)
        self._observe(late)
        self._schedule()
