"""
Limits of tries of passwords: so few that guessing is hopeless, counted so that nobody locks anybody else out.

Each try counts before it is looked at, right or wrong alike. Those of a device on which somebody has signed in before
(by a cookie that only the server can have made) count for themselves. All others count for their client, for their
client and the name, and for the name: whoever tries the passwords of somebody from many addresses at most keeps them
from signing in with a password on new devices meanwhile.
"""

from __future__ import annotations

from typing import Final

from attrs import define

from cloudsvc.access.throttling.counter import Counter
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.rates import Rate, parse_rate

DEVICE_RATE: Final = parse_rate("10 per 15 minutes")
"""Tries of one name from one device on which its user has signed in before."""

CLIENT_RATE: Final = parse_rate("60 per 15 minutes")
"""Tries of one client, of whatever names: many may sit behind one address."""

PAIR_RATE: Final = parse_rate("10 per 15 minutes")
"""Tries of one name by one client."""

NAME_RATE: Final = parse_rate("50 per 60 minutes")
"""Tries of one name by all clients together, from devices that are not known."""

CODE_RATE: Final = parse_rate("10 per 60 minutes")
"""
Tries of codes of one name by who has shown the password: from one device on which its user has signed in before, and
from all others together. Of a million codes three are good at a time: finding one is as likely as not after two years.
"""

_PASSWORD: Final = "password"  # noqa: S105  # begins what is counted
"""Begins the keys; no class of rates is called so."""


@define(eq=False)
class PasswordLimits:
    """A count of tries."""

    _counter: Counter

    async def admit(self, client: str, name: str, device: str | None) -> None:
        """
        Count a try.

        :param client: its bucket.
        :param name: whose password is tried, the same for all that are taken for it.
        :param device: one on which they have signed in before.
        :raises CloudError: there were too many.
        """
        if device is not None:
            await self._count(DEVICE_RATE, "device", name, device)
            return
        # In this order, so that what one client tries beyond its own share takes nothing from others, and no memory.
        await self._count(CLIENT_RATE, "client", client)
        await self._count(PAIR_RATE, "pair", client, name)
        await self._count(NAME_RATE, "name", name)

    async def admit_code(self, name: str, device: str | None) -> None:
        """
        Count a try of a code that is shown after the password, so that nobody else takes these from a user.

        :param name: whose code is tried.
        :param device: one on which they have signed in before.
        :raises CloudError: there were too many.
        """
        if device is None:
            await self._count(CODE_RATE, "code", name)
        else:
            await self._count(CODE_RATE, "device code", name, device)

    async def _count(self, rate: Rate, *key: str) -> None:
        seconds = await self._counter.hit_or_wait(rate, _PASSWORD, *key)
        if seconds:
            raise CloudError(
                Kind.THROTTLED,
                "too_many_tries",
                f"Too many passwords or codes have been tried. Try again in {seconds} seconds, or show a key.",
                retry_after=seconds,
            )
