"""
Looking for changes of other processes now and then: who waits for changes hears of them also where nothing tells of
them. SQLite tells nobody; of PostgreSQL no notification comes through where the connection that listens cannot be made
anew, or a pooler swallows them.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final

from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from cloudsvc.core.errors import CloudError
from cloudsvc.drive.changes import ChangeSignal

_log = Logger("cloudsvc.storage")

LOOK_SECONDS: Final = 10.0
"""Seconds between two looks where there are notifications: so late at most anybody hears of a change."""

QUICK_LOOK_SECONDS: Final = 0.5
"""The same where there are none. A look is one row."""


@define(eq=False, kw_only=True)
class Lookout:
    """
    Wakes those who wait for changes when the number of the last one is another than at the look before.

    Where nobody waits, nothing is asked. That a notification has woken them already makes no difference: they are woken
    in vain once more, which they have to bear.

    :ivar find_last: gives the number of the last change.
    :ivar every: seconds between two looks.
    """

    _find_last: Callable[[], Awaitable[int]]
    _signal: ChangeSignal
    _clock: IReactorTime
    _every: float = LOOK_SECONDS
    _seen: int | None = None
    _looking: LoopingCall = field(init=False)
    _ended: Deferred[LoopingCall] | None = None

    def __attrs_post_init__(self) -> None:
        self._looking = LoopingCall(lambda: Deferred.fromCoroutine(self.look()))
        self._looking.clock = self._clock

    def start(self) -> None:
        """Look now and then, until :meth:`stop`."""
        self._ended = self._looking.start(self._every, now=False)

    async def stop(self) -> None:
        """Look no more, and wait until a look has ended that has begun."""
        if self._ended is not None and self._looking.running:
            self._looking.stop()
            await self._ended

    async def look(self) -> None:
        """Wake everybody, if anybody waits and there are other changes than at the look before."""
        if not self._signal.is_awaited:
            return
        try:
            last = await self._find_last()
        except CloudError:
            # The log says why. As soon as the database answers, this tells what has happened meanwhile.
            return
        except CancelledError:
            raise
        except Exception:  # noqa: BLE001  # whatever it was, the next look has to happen
            _log.failure("nobody can tell whether others have changed something")
            return
        if last != self._seen:
            self._seen = last
            self._signal.wake_all()
