"""Waking of many who wait, some in each turn of the reactor."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice
from typing import Final, Protocol

from attrs import define, field
from twisted.internet.interfaces import IReactorTime

_TOGETHER: Final = 64
"""Of those who are woken, before everybody else has a turn: some milliseconds."""


class Waiter(Protocol):
    """Whoever waits."""

    def wake(self) -> None:
        """Let it look; where it does not wait any more, nothing happens."""


@define(eq=False)
class Waking:
    """
    Those who are about to be woken, each once, whoever asks for it and however often.

    There are no more than wait.
    """

    _clock: IReactorTime
    _due: dict[Waiter, None] = field(factory=dict)
    _is_scheduled: bool = False

    def add(self, waiters: Iterable[Waiter]) -> None:
        """Wake ``waiters`` soon."""
        self._due.update(dict.fromkeys(waiters))
        self._schedule()

    def remove(self, waiter: Waiter) -> None:
        """``waiter`` is awake."""
        self._due.pop(waiter, None)

    def _schedule(self) -> None:
        if self._due and not self._is_scheduled:
            self._is_scheduled = True
            self._clock.callLater(0, self._run)

    def _run(self) -> None:
        self._is_scheduled = False
        for waiter in [*islice(self._due, _TOGETHER)]:
            self._due.pop(waiter, None)
            waiter.wake()
        self._schedule()
