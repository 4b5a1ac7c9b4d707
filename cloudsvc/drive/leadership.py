"""
Leadership: one of all processes that have a drive open does what need be done once, such as background jobs.

It saves work, and nothing relies on it: each job may run twice at the same time, as commands run them beside a server.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred, DeferredLock
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

_log = Logger("cloudsvc.drive")

CAMPAIGN_SECONDS: Final = 2.0
"""Seconds between two attempts to lead, and so the time after which a leader that has died has a successor."""


class Leadership(Protocol):
    """
    What one process has and no other, as long as it lives. It belongs to the storage, so that it holds for all
    processes that have that open, on whatever machine.
    """

    async def campaign(self) -> bool:
        """
        Try to lead, or, where this process leads, to go on with it: a lease is renewed by this.

        :return: whether this process leads from now on, for :data:`CAMPAIGN_SECONDS` and some more.
        :raises CloudError: the storage fails; nobody knows.
        """
        ...

    async def resign(self) -> None:
        """Let another one lead."""


@define(eq=False, kw_only=True)
class Candidate:
    """
    A process that leads when no other does.

    :ivar leads: whether it does, as far as is known.
    :ivar on_change: is called whenever that changes, with what it is from now on.
    """

    _leadership: Leadership
    _clock: IReactorTime
    _on_change: Callable[[bool], object]
    leads: bool = False
    _turn: DeferredLock = field(factory=DeferredLock)
    _loop: LoopingCall | None = None

    async def start(self) -> None:
        """Try now, and again and again."""
        await self._campaign()
        self._loop = LoopingCall(lambda: Deferred.fromCoroutine(self._campaign()))
        self._loop.clock = self._clock
        self._loop.start(CAMPAIGN_SECONDS, now=False)

    async def stop(self) -> None:
        """Try no more, and resign. What the leader does should have ended."""
        if self._loop is not None:
            self._loop.stop()
        await self._turn.run(lambda: Deferred.fromCoroutine(self._leadership.resign()))
        self.leads = False

    async def _campaign(self) -> None:
        await self._turn.run(lambda: Deferred.fromCoroutine(self._try()))

    async def _try(self) -> None:
        try:
            leads = await self._leadership.campaign()
        except CancelledError:
            raise
        except Exception:  # noqa: BLE001  # whatever it was, the next attempt has to happen
            if self.leads:
                _log.failure("this process leads no more")
            leads = False
        if leads is not self.leads:
            self.leads = leads
            self._on_change(leads)


@frozen
class Leader:
    """Knowledge of who leads, for applications: of all processes that have the drive open, one does."""

    _candidate: Candidate

    @property
    def leads(self) -> bool:
        """Whether this process does now. Ask before each round of what is to be done once, and let it be safe twice."""
        return self._candidate.leads
