"""Counters of what has to be counted whatever becomes of the rate-limit store."""

from __future__ import annotations

from attrs import define, field

from cloudsvc.access.throttling.memory import FixedWindowStore
from cloudsvc.access.throttling.store import Decision
from cloudsvc.access.throttling.throttle import Throttle
from cloudsvc.core.clock import WallClock
from cloudsvc.core.rates import Rate


@define(eq=False)
class Counter:
    """
    A count in the rate-limit store, which several servers may share. While that is unavailable, and where rate limits
    are off, this process counts alone.

    :param throttle: ``None`` where rate limits are off.
    """

    _throttle: Throttle | None
    _now: WallClock
    _alone: FixedWindowStore = field(init=False, repr=False)

    @_alone.default
    def _make_store(self) -> FixedWindowStore:
        return FixedWindowStore(self._now)

    async def hit(self, rate: Rate, *key: str) -> Decision:
        """Count one more hit of ``key``, unless that would exceed ``rate``."""
        decision = None if self._throttle is None else await self._throttle.count(rate, *key)
        return await self._alone.hit(rate, *key) if decision is None else decision

    async def hit_or_wait(self, rate: Rate, *key: str) -> int:
        """Count as :meth:`hit`; whole seconds until more are allowed, 0 where this one is."""
        decision = await self.hit(rate, *key)
        return 0 if decision.allowed else decision.find_wait(self._now())
