"""Lock for coroutines whose waiters may all finish without waiting for anything else."""

from __future__ import annotations

from collections import deque

from attrs import define, field
from twisted.internet.defer import Deferred


@define(eq=False)
class Lock:
    """
    A lock that coroutines get in the order in which they ask for it.

    Twisted's ``DeferredLock`` runs the next holder inside the release by the one before. Where holders do not wait for
    anything else, a hundred of them are deeper than Python's stack. Here they run one after the other.

    Whoever acquires it releases it. There are as many waiters as callers; the lock has no bound of its own.
    """

    _held: bool = False
    _passing_on: bool = False
    _waiting: deque[Deferred[None]] = field(factory=deque)

    @property
    def is_wanted(self) -> bool:
        """Whether somebody waits for it."""
        return bool(self._waiting)

    async def acquire(self) -> None:
        """Wait for the lock, and hold it. Cancelling gives the wish up."""
        if self._held or self._waiting:
            turn: Deferred[None] = Deferred(self._waiting.remove)
            self._waiting.append(turn)
            await turn
        self._held = True

    def release(self) -> None:
        """Let the next one have it."""
        self._held = False
        if self._passing_on:
            return
        self._passing_on = True
        try:
            while self._waiting and not self._held:
                self._held = True
                self._waiting.popleft().callback(None)
        finally:
            self._passing_on = False
