"""The policy around the windows: which rate holds for what, and what happens while nothing can be counted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, Literal

from attrs import define, field
from twisted.logger import Logger

from cloudsvc.access.throttling.windows import Decision, StorageAway, Windows
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.rates import Rate

_log = Logger()

FAILURE: Final = "failure"
"""The class of wrong keys."""


@define(eq=False)
class Throttle:
    """
    Decides whether a client may go on.

    :param windows: count the hits; whoever opened them closes them.
    :param rates: by class; ``failure`` is the one of wrong keys.
    :param on_failure: what to do with requests that cannot be counted.
    :param count_failure: is called for each of those.
    """

    _windows: Windows
    _rates: Mapping[str, Rate]
    _on_failure: Literal["allow", "refuse"]
    _count_failure: Callable[[], object] = lambda: None  # without metrics nobody counts
    _away: bool = field(default=False, init=False)

    @property
    def away(self) -> bool:
        """Whether the last hit or check found the storage away."""
        return self._away

    async def hit(self, class_: str, client_bucket: str, pattern: str) -> Decision | None:
        """
        Count a request of a client to the route of this ``pattern``.

        :return: ``None`` when it cannot be counted, and is allowed for that.
        :raises CloudError: unavailable, when it cannot be counted, and is refused for that.
        """
        try:
            decision = await self._windows.hit(self._rates[class_], class_, client_bucket, pattern)
        except StorageAway as reason:
            self._count_failure()
            self._note_absence(reason)
            if self._on_failure == "refuse":
                raise CloudError(
                    Kind.UNAVAILABLE, "throttling_unavailable", "Requests cannot be counted now. Try again later."
                ) from None
            return None
        if self._away:
            self._note_return()
        return decision

    async def failed(self, client_bucket: str) -> Decision | None:
        """Count a wrong key of a client, whatever the route; returns and raises what :meth:`hit` does."""
        return await self.hit(FAILURE, client_bucket, "")

    async def answers(self) -> bool:
        """Whether requests can be counted: asks the storage."""
        try:
            await self._windows.check()
        except StorageAway as reason:
            self._note_absence(reason)
        else:
            self._note_return()
        return not self._away

    def _note_absence(self, reason: StorageAway) -> None:
        if not self._away:
            self._away = True
            _log.error(
                "The storage of the rate limits is away ({reason}): until it returns, requests are {treatment}. "
                "Check rate_limit.storage_uri and the server it names.",
                reason=str(reason),
                treatment="not counted" if self._on_failure == "allow" else "refused",
            )

    def _note_return(self) -> None:
        if self._away:
            self._away = False
            _log.info("The storage of the rate limits is back.")
