"""Read lanes: separate queues for reads of different cost, so that slow ones do not delay quick ones."""

from __future__ import annotations

from collections import Counter, deque
from enum import Enum
from typing import Final

from attrs import define, field, frozen
from twisted.internet.defer import Deferred

from cloudsvc.drive.errors import too_many_reads


@frozen(kw_only=True)
class _Bounds:
    """
    What a lane admits.

    :ivar at_once: reads that run, each in a thread and on a connection of its own.
    :ivar waiting: reads that wait for their turn; more are refused.
    :ivar seconds: for which a read may use the database before it is stopped; ``None`` where others bound it.
    """

    at_once: int
    waiting: int
    seconds: float | None = None


class Lane(Enum):
    """What kind of read it is."""

    LOOKUPS = _Bounds(at_once=4, waiting=4096)
    """One file or folder, or a number that is kept. Whoever waits here waits for no list."""
    PAGES = _Bounds(at_once=2, waiting=256)
    """A page of a list that has an index of its own: it costs what is on it."""
    SCANS = _Bounds(at_once=2, waiting=64, seconds=10.0)
    """What passes many files to find a few."""
    COUNTS = _Bounds(at_once=1, waiting=256)
    """
    What goes through a whole table, however long that takes. Uploads wait for it when the drive is nearly full; when
    they are given up, so is it.
    """
    COPIES = _Bounds(at_once=1, waiting=8)
    """The whole database."""


READER_THREADS: Final = sum(lane.value.at_once for lane in Lane)
"""So many threads let each lane have what it is promised."""


@define(eq=False)
class LaneQueue:
    """
    Who may read now, in one lane.

    Callers come in turns: whoever has the fewest reads running is next, and among these whoever has waited longest. So
    one that asks for much makes the others wait for one read, not for all of its own.
    """

    lane: Lane
    _running: Counter[str] = field(factory=Counter)
    _waiting: dict[str, deque[Deferred[None]]] = field(factory=dict)
    _count: int = 0

    @property
    def running(self) -> int:
        """How many read."""
        return self._running.total()

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return self._count

    def admit(self, caller: str) -> bool:
        """Let ``caller`` read, if there is a place; it calls :meth:`leave` then."""
        if self._running.total() >= self.lane.value.at_once:
            return False
        self._running[caller] += 1
        return True

    async def wait(self, caller: str, *, goes_on: bool = False) -> None:
        """
        Wait for a place, and take it. Cancelling gives the wish up.

        :param goes_on: whether it is for an answer that has begun, of which there is one on a connection: it is let in.
        :raises CloudError: too many wait already.
        """
        if self._count >= self.lane.value.waiting and not goes_on:
            raise too_many_reads()
        place: Deferred[None] = Deferred(lambda _: self._forget(caller, place))
        self._waiting.setdefault(caller, deque()).append(place)
        self._count += 1
        await place

    def leave(self, caller: str) -> None:
        """A place is free."""
        self._running[caller] -= 1
        if not self._running[caller]:
            del self._running[caller]
        if self._waiting:
            following = min(self._waiting, key=self._running.__getitem__)
            place = self._waiting[following][0]
            self._forget(following, place)
            if following in self._waiting:
                # The others come first next time.
                self._waiting[following] = self._waiting.pop(following)
            self._running[following] += 1
            place.callback(None)

    def _forget(self, caller: str, place: Deferred[None]) -> None:
        places = self._waiting[caller]
        places.remove(place)
        self._count -= 1
        if not places:
            del self._waiting[caller]
