"""Limits of sign-ins by providers: who is not let in yet has the server ask somebody else, which costs both of them."""

from __future__ import annotations

from typing import Final

from attrs import define

from cloudsvc.access.openid.errors import too_many_sign_ins
from cloudsvc.access.throttling.counter import Counter
from cloudsvc.core.rates import parse_rate

CLIENT_RATE: Final = parse_rate("120 per 15 minutes")
"""Answers of providers that one client brings: a whole office may sign in from one address in the morning."""

_SIGN_IN: Final = "sign-in"
"""Begins the keys; no class of rates is called so."""


@define(eq=False)
class SignInLimits:
    """A count of them."""

    _counter: Counter

    async def admit(self, client: str) -> None:
        """
        Count one.

        :param client: its bucket.
        :raises CloudError: there were too many.
        """
        seconds = await self._counter.hit_or_wait(CLIENT_RATE, _SIGN_IN, client)
        if seconds:
            raise too_many_sign_ins(seconds)
