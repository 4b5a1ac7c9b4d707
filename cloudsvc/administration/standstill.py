"""Standstill of a drive: it is frozen for as long as a program says so, and no longer than that program lives."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from attrs import define, evolve, field
from twisted.internet.defer import DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from cloudsvc.core.errors import CloudError
from cloudsvc.drive.freezing import Freezing, Standing, freeze_until
from cloudsvc.drive.nodes import Instant

_log = Logger("cloudsvc.administration")

_FROZEN: Final = 120 * 1_000_000
"""Microseconds, at most, for which the drive stays frozen after its program was killed; many renewals may be late."""

_RENEWAL: Final = 15.0
"""Seconds between two renewals."""


@define(eq=False, kw_only=True)
class Standstill:
    """
    A drive that is frozen.

    :ivar standing: where its history stands, since it was frozen.
    """

    standing: Standing
    _catalogue: Freezing
    _now: Callable[[], Instant]
    _has_lapsed: bool = False
    _attempted: Instant | None = field(default=None, init=False)
    # What is compared is what was written last: so one of them at a time.
    _turn: DeferredLock = field(factory=DeferredLock, init=False)
    _is_leaving: bool = field(default=False, init=False)
    _has_ended: bool = field(default=False, init=False)

    @property
    def is_unbroken(self) -> bool:
        """
        Whether it has been frozen all the time, as far as is known: a program may have been halted for longer than it
        lasts, and somebody else may have let it take changes.
        """
        return not self._has_lapsed and self._now() < self.standing.freeze.until

    async def end_for_good(self, successor: str) -> bool:
        """
        Leave the drive frozen for good, unless something has changed meanwhile; whether it is.

        :param successor: the epoch with which it goes on elsewhere.
        """
        async with self._turn:
            await self._learn()
            if self.is_unbroken:
                self._is_leaving = True
                self._has_ended = await self._catalogue.leave(self.standing, successor)
                self._is_leaving = False
        return self._has_ended

    async def renew(self) -> None:
        """Freeze it for longer."""
        async with self._turn:
            try:
                await self._renew()
            except CloudError as problem:
                # It holds for several renewals; if it does not, that is found out in the end.
                _log.warn("the drive could not be kept frozen: {reason}", reason=problem.message)
            except Exception:  # noqa: BLE001  # whatever it is, the drive is thawed in the end, by its program or by itself
                _log.failure("the drive could not be kept frozen")

    async def _renew(self) -> None:
        await self._learn()
        if self.is_unbroken:
            self._attempted = self._now() + _FROZEN
            standing = await self._catalogue.renew(self.standing, self._attempted)
            self._attempted = None
            if standing is not None:
                self.standing = standing
                return
        # Or whoever went by another clock, or let the drive take changes, may have made one that nobody has copied.
        self._has_lapsed = True

    async def _learn(self) -> None:
        """Find out whether a renewal came about that was not answered."""
        if self._attempted is not None:
            found = await self._catalogue.find_standing()
            if found.freeze == freeze_until(self._attempted):
                self.standing = evolve(self.standing, freeze=found.freeze)
            self._attempted = None

    async def thaw(self) -> None:
        """Let it take changes again, unless it was left for good, by this program or by another that moves it."""
        if not self._has_ended:
            # Where nobody knows whether we have left it, it is where it was.
            await self._catalogue.thaw(even_moved=self._is_leaving)


@asynccontextmanager
async def stand_still(
    catalogue: Freezing, clock: IReactorTime, now: Callable[[], Instant]
) -> AsyncIterator[Standstill]:
    """
    Keep a drive frozen until the context ends.

    :raises CloudError: it has moved, or its storage fails.
    """
    standstill = Standstill(standing=await catalogue.freeze(now() + _FROZEN), catalogue=catalogue, now=now)
    renewing = LoopingCall(standstill.renew)
    renewing.clock = clock
    ended = renewing.start(_RENEWAL, now=False)
    try:
        yield standstill
    finally:
        renewing.stop()
        try:
            await ended
        finally:
            await standstill.thaw()
