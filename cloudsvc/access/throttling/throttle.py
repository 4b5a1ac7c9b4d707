"""Rate-limit policy: which rate holds for what, and what happens while the store is unavailable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal

from attrs import define, field
from twisted.logger import Logger

from cloudsvc.access.throttling.store import Decision, RateLimitStore, StoreUnavailable
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.rates import Rate

_log = Logger()

FAILURE: Final = "failure"
"""The class of wrong keys."""


@define(eq=False)
class Throttle:
    """
    Decides whether a client may go on.

    :param store: count the hits; whoever opened them closes them.
    :param rates: by class; ``failure`` is the one of wrong keys.
    :param on_failure: what to do with requests that cannot be counted.
    :param count_failure: is called for each of those.
    """

    _store: RateLimitStore
    _rates: Mapping[str, Rate]
    _on_failure: Literal["allow", "refuse"]
    _count_failure: Callable[[], object] = lambda: None  # without metrics nobody counts
    _unavailable: bool = field(default=False, init=False)

    @property
    def unavailable(self) -> bool:
        """Whether the last hit or check found the store unavailable."""
        return self._unavailable

    async def hit(self, class_: str, *key: str) -> Decision | None:
        """
        Count a request in its rate class.

        :param key: what is counted together: whose request it is, and the pattern of its route.

        :return: ``None`` when it cannot be counted, and is allowed for that.
        :raises CloudError: unavailable, when it cannot be counted, and is refused for that.
        """
        return await self.hit_rate(self._rates[class_], class_, *key)

    async def hit_rate(self, rate: Rate, *key: str) -> Decision | None:
        """As :meth:`hit`, by another rate than that of a class."""
        decision = await self.count(rate, *key)
        if decision is None and self._on_failure == "refuse":
            raise CloudError(
                Kind.UNAVAILABLE, "throttling_unavailable", "Requests cannot be counted now. Try again later."
            )
        return decision

    async def count(self, rate: Rate, *key: str) -> Decision | None:
        """Count a hit of ``key`` in the store; ``None`` when it cannot be counted."""
        try:
            decision = await self._store.hit(rate, *key)
        except StoreUnavailable as reason:
            self._count_failure()
            self._note_failure(reason)
            return None
        if self._unavailable:
            self._note_recovery()
        return decision

    def peek(self, rate: Rate, *key: str) -> Decision | None:
        """See :meth:`cloudsvc.access.throttling.store.RateLimitStore.peek`."""
        return self._store.peek(rate, *key)

    def rate_of(self, class_: str) -> Rate:
        """The rate that holds for ``class_``."""
        return self._rates[class_]

    async def answers(self) -> bool:
        """Whether requests can be counted: asks the store."""
        try:
            await self._store.check()
        except StoreUnavailable as reason:
            self._note_failure(reason)
        else:
            self._note_recovery()
        return not self._unavailable

    def _note_failure(self, reason: StoreUnavailable) -> None:
        if not self._unavailable:
            self._unavailable = True
            _log.error(
                "The rate-limit store is unavailable ({reason}): until it answers again, requests are {treatment}. "
                "Check rate_limit.storage_uri and the server it names.",
                reason=str(reason),
                treatment="not counted" if self._on_failure == "allow" else "refused",
            )

    def _note_recovery(self) -> None:
        if self._unavailable:
            self._unavailable = False
            _log.info("The rate-limit store is available again.")
