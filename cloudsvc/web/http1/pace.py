"""Minimum data rates: how fast a client must send its body and take its answers."""

from __future__ import annotations

from collections import deque
from math import inf
from typing import Final

from attrs import define

from cloudsvc.web.http1.bounds import ConnectionBounds

_CHECKS: Final = 30
"""Checks of what a client has taken in ``stall_seconds``: by so much of them it may be cut off late."""


@define(eq=False)
class Pace:
    """
    The pace of one client, in bytes and in seconds of whatever clock the caller has.

    What a client takes is evaluated over the last ``stall_seconds``, wherever they began: the system takes some
    megabytes of every answer at once, and a window that begins with them would excuse whoever takes nothing after.

    :ivar checks_at: when to check next what the client has taken; infinite where nothing waits for it.
    """

    _bounds: ConnectionBounds
    checks_at: float = inf
    _received: int = 0
    _checks: deque[tuple[float, int]] | None = None  # no more than _CHECKS and the two at its ends
    _was_held: bool = False

    @property
    def is_waiting(self) -> bool:
        """Whether something waits for the client."""
        return self.checks_at < inf

    def begin_body(self) -> None:
        """Nothing of this body has arrived before the window that begins now."""
        self._received = 0

    def hold(self) -> None:
        """We keep the client waiting: the window in which that happens says nothing about the client."""
        self._was_held = True

    def end_window(self, received: int, *, held: bool) -> bool:
        """
        Whether the body came fast enough in the window of ``header_seconds`` that ends now; the next one begins.

        :param received: bytes of the body since its beginning.
        :param held: whether the client is kept waiting still.
        """
        arrived, self._received = received - self._received, received
        was_held, self._was_held = self._was_held, held
        return was_held or arrived >= self._bounds.body_bytes_per_second * self._bounds.header_seconds

    def await_taking(self, pending: int, now: float) -> None:
        """``pending`` bytes wait for the client from ``now`` on."""
        self._checks = None
        self._check(pending, now)

    def end_waiting(self) -> None:
        """Nothing waits for the client any more."""
        # It takes as much as the rest of a connection's pace together, and most connections never need it.
        self._checks = None
        self.checks_at = inf

    def has_taken(self, pending: int, now: float) -> bool:
        """
        Whether a client for which ``pending`` bytes still wait has taken enough of them in the last ``stall_seconds``.

        That is something in any case, and no less than the slowest body brings in that time.
        """
        stall, checks = self._bounds.stall_seconds, self._checks or deque()
        while len(checks) > 1 and checks[1][0] + stall <= now:
            checks.popleft()
        since, before = checks[0] if checks else (now, pending)
        self._check(pending, now)
        taken = before - pending
        return now < since + stall or (taken > 0 and taken >= self._bounds.body_bytes_per_second * stall)

    def _check(self, pending: int, now: float) -> None:
        if self._checks is None:
            self._checks = deque()
        self._checks.append((now, pending))
        self.checks_at = now + self._bounds.stall_seconds / _CHECKS
