"""Limits of sign-ins by providers: who is not let in yet has the server ask somebody else, which costs both of them."""

from __future__ import annotations

from typing import Final

from attrs import define, field

from cloudsvc.access.openid.errors import too_many_sign_ins
from cloudsvc.access.throttling.memory import FixedWindowStore
from cloudsvc.access.throttling.throttle import Throttle
from cloudsvc.core.clock import WallClock
from cloudsvc.core.rates import parse_rate

CLIENT_RATE: Final = parse_rate("120 per 15 minutes")
"""Answers of providers that one client brings: a whole office may sign in from one address in the morning."""

_SIGN_IN: Final = "sign-in"
"""Begins the keys; no class of rates is called so."""


@define(eq=False)
class SignInLimits:
    """
    A count of them, in the rate-limit store, which several servers may share. While that is unavailable, and where rate
    limits are off, this process counts alone.
    """

    _throttle: Throttle | None
    _now: WallClock
    _alone: FixedWindowStore = field(init=False, repr=False)

    @_alone.default
    def _make_store(self) -> FixedWindowStore:
        return FixedWindowStore(self._now)

    async def admit(self, client: str) -> None:
        """
        Count one.

        :param client: its bucket.
        :raises CloudError: there were too many.
        """
        decision = None if self._throttle is None else await self._throttle.count(CLIENT_RATE, _SIGN_IN, client)
        if decision is None:
            decision = await self._alone.hit(CLIENT_RATE, _SIGN_IN, client)
        if not decision.allowed:
            raise too_many_sign_ins(max(1, int(decision.reset_at - self._now() + 0.999)))
