"""Consistent copies of the drive as it was at one moment, while everything goes on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from cloudsvc.core.errors import CloudError
from cloudsvc.drive.catalogue import PinId, Pins, Snapshot
from cloudsvc.drive.nodes import Instant

_log = Logger("cloudsvc.administration")

_RENEWAL: Final = 300.0
"""Seconds between two renewals of a pin."""

_PINNED: Final = 1800 * 1_000_000
"""Microseconds for which a pin holds; so long nothing is collected behind a program that was killed."""


@frozen(kw_only=True)
class ConsistentCopies:
    """Makes copies of a catalogue that stay whole: no blob that they refer to is collected."""

    catalogue: Pins
    clock: IReactorTime
    now: Callable[[], Instant]

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[Snapshot]:
        """
        A copy, for as long as the context lasts.

        :raises CloudError: the storage fails.
        """
        pin = _Pin(catalogue=self.catalogue, now=self.now)
        await pin.hold(self.clock)
        try:
            async with self.catalogue.snapshot() as snapshot:
                yield snapshot
        finally:
            await pin.let_go()


@define(eq=False, kw_only=True)
class _Pin:
    """Holds a pin, and renews it as long as this program runs."""

    catalogue: Pins
    now: Callable[[], Instant]
    _pin: PinId | None = None
    _renewing: LoopingCall = field(init=False)
    _ended: Deferred[LoopingCall] = field(init=False)

    async def hold(self, clock: IReactorTime) -> None:
        await self._renew()
        self._renewing = LoopingCall(self._try_to_renew)
        self._renewing.clock = clock
        self._ended = self._renewing.start(_RENEWAL, now=False)

    async def _try_to_renew(self) -> None:
        """A pin holds until several renewals have failed. What that costs then shows where a blob is missing."""
        try:
            await self._renew()
        except CloudError as problem:
            _log.warn("what is being copied could not be pinned again: {reason}", reason=problem.message)

    async def _renew(self) -> None:
        former, self._pin = self._pin, await self.catalogue.pin(self.now() + _PINNED)
        if former is not None:
            await self.catalogue.unpin(former)

    async def let_go(self) -> None:
        self._renewing.stop()
        await self._ended
        if self._pin is not None:
            await self.catalogue.unpin(self._pin)
