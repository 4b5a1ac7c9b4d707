"""Places for messages that are on their way: so many in all, and fewer of one maker."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from attrs import define, field
from twisted.internet.defer import DeferredSemaphore

from cloudsvc.webhooks.bounds import MAX_FLIGHTS, MAX_OWN_FLIGHTS


@define(eq=False)
class _Own:
    """The places of one maker, and how many messages have one or wait for it."""

    places: DeferredSemaphore
    users: int = 0


@define(eq=False, kw_only=True)
class Places:
    """
    Gives places to messages, so that receivers who answer late hold up nobody's webhooks but their makers'.

    :param most: messages on their way at once.
    :param most_own: of these, messages to webhooks of one maker.
    """

    _most: int = MAX_FLIGHTS
    _most_own: int = MAX_OWN_FLIGHTS
    _all: DeferredSemaphore = field(init=False)
    _own: dict[str, _Own] = field(factory=dict, init=False)

    @_all.default
    def _make_all(self) -> DeferredSemaphore:
        return DeferredSemaphore(self._most)

    @asynccontextmanager
    async def take(self, maker: str) -> AsyncIterator[None]:
        """Have a place, once there is one, for a message to a webhook of ``maker``."""
        own = self._own.setdefault(maker, _Own(DeferredSemaphore(self._most_own)))
        own.users += 1
        try:
            # Whoever waits for others of the same maker takes no place from anybody else meanwhile.
            await own.places.acquire()
            try:
                await self._all.acquire()
                try:
                    yield
                finally:
                    self._all.release()
            finally:
                own.places.release()
        finally:
            own.users -= 1
            if not own.users:
                del self._own[maker]
