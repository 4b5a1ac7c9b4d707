"""How fast a client sends its body and takes its answers, and whether that is fast enough."""

from __future__ import annotations

from math import inf

from attrs import define

from cloudsvc.web.bounds import ConnectionBounds


@define(eq=False)
class Pace:
    """
    The pace of one client, in bytes and in seconds of whatever clock the caller has.

    :ivar stalls_at: by when enough of what waits for the client must be taken; infinite where nothing waits.
    """

    _bounds: ConnectionBounds
    stalls_at: float = inf
    _received: int = 0
    _pending: int = 0
    _was_held: bool = False

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
        self._pending = pending
        self.stalls_at = now + self._bounds.stall_seconds

    def end_waiting(self) -> None:
        """Nothing waits for the client any more."""
        self._pending = 0
        self.stalls_at = inf

    def has_taken(self, pending: int) -> bool:
        """
        Whether a client for which ``pending`` bytes still wait has taken enough of those that :meth:`await_taking` saw.

        That is something in any case, and no less than the slowest body brings in ``stall_seconds``.
        """
        taken = self._pending - pending
        return taken > 0 and taken >= self._bounds.body_bytes_per_second * self._bounds.stall_seconds
