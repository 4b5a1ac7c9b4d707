"""Interface of rate-limit stores."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from cloudsvc.core.rates import Rate


class Decision(NamedTuple):
    """
    Whether a hit is within its rate. (A tuple, because every request makes one.)

    :ivar limit: how many hits one window takes.
    :ivar remaining: how many more are allowed now.
    :ivar reset_at: seconds since the epoch; from then on, more are allowed.
    """

    allowed: bool
    limit: int
    remaining: int
    reset_at: float

    def find_wait(self, now: float) -> int:
        """Whole seconds until more are allowed, at least one; ``now`` is seconds since the epoch."""
        return max(1, int(self.reset_at - now + 0.999))


class StoreUnavailable(Exception):  # noqa: N818 - a state of affairs, not a mistake
    """Hits cannot be counted at the moment. The text says why, without the address of the storage."""


class RateLimitStore(Protocol):
    """Counts hits by rate and key."""

    async def hit(self, rate: Rate, *key: str) -> Decision:
        """
        Count one more hit of ``key``, unless that would exceed ``rate``.

        :raises StoreUnavailable: it cannot be counted.
        """
        ...

    def peek(self, rate: Rate, *key: str) -> Decision | None:
        """
        What a hit of ``key`` would come to, where other processes may have counted some and this costs next to nothing;
        ``None`` where nobody can say, or there was none.
        """
        ...

    async def check(self) -> None:
        """
        Return when hits can be counted.

        :raises StoreUnavailable: they cannot.
        """
        ...

    async def close(self) -> None:
        """Let go of connections."""
        ...
