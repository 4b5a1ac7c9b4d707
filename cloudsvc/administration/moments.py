"""The drive as it was at one moment, while everything goes on."""

from __future__ import annotations

import pathlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final, Protocol

from attrs import define, field, frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from cloudsvc.administration.places import OwnPlace
from cloudsvc.core.errors import CloudError
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.catalogue import Catalogue, PinId, Pins
from cloudsvc.drive.nodes import Instant

_log = Logger("cloudsvc.administration")

_RENEWAL: Final = 300.0
"""Seconds between two renewals of a pin."""

_PINNED: Final = 1800 * 1_000_000
"""Microseconds for which a pin holds; so long nothing is collected behind a program that was killed."""


class ClosableCatalogue(Catalogue, Protocol):
    """A catalogue that whoever opened it closes."""

    async def close(self) -> None:
        """Let go of it."""
        ...


@frozen(kw_only=True)
class Moments:
    """
    Makes copies of a catalogue that stay whole: no blob that they refer to is collected.

    :ivar directory: where the copies lie as long as they are needed; those of programs that were killed are removed.
    """

    directory: pathlib.Path
    catalogue: Pins
    open_catalogue: Callable[[pathlib.Path], Awaitable[ClosableCatalogue]]
    disk: ThreadRunner
    clock: IReactorTime
    now: Callable[[], Instant]

    @asynccontextmanager
    async def copy(self) -> AsyncIterator[pathlib.Path]:
        """
        The file of a copy, for as long as the context lasts. It may be renamed away.

        :raises CloudError: the storage fails.
        """
        place = await self.disk.run(OwnPlace.make, self.directory)
        try:
            pin = _Pin(catalogue=self.catalogue, now=self.now)
            await pin.hold(self.clock)
            try:
                copy = place.directory / "catalogue.sqlite3"
                await self.catalogue.snapshot(str(copy))
                yield copy
            finally:
                await pin.let_go()
        finally:
            await self.disk.run(place.remove)

    @asynccontextmanager
    async def hold(self) -> AsyncIterator[Catalogue]:
        """
        A copy, open for reading.

        :raises CloudError: the storage fails.
        """
        async with self.copy() as file, self.open(file) as catalogue:
            yield catalogue

    @asynccontextmanager
    async def open(self, file: pathlib.Path) -> AsyncIterator[Catalogue]:
        """The copy in ``file``, open for reading."""
        catalogue = await self.open_catalogue(file)
        try:
            yield catalogue
        finally:
            await catalogue.close()


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
