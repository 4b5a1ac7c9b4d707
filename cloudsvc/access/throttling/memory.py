"""
Rate-limit store in the memory of this process: no timers, no threads, about a microsecond per hit.

Each rate has a table of keys, oldest first. A hit of a new key drops up to two outdated ones, so that a table shrinks
again after a rush; beyond a bound the oldest key goes, outdated or not, so that an attack from many addresses costs a
bounded amount of memory.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict, deque
from typing import Final

from attrs import define, field

from cloudsvc.access.throttling.store import Decision
from cloudsvc.core.clock import WallClock
from cloudsvc.core.rates import Rate

_MOST_KEYS: Final = 50_000
"""Per rate; some 25 MB of fixed windows, twice that of moving ones."""

_MOST_HITS: Final = 1_000_000
"""Per rate; some 32 MB of moments that moving windows remember."""


class _Memory:
    """What is always there."""

    def peek(self, rate: Rate, *key: str) -> Decision | None:
        """Nothing: nobody else counts here."""

    async def check(self) -> None:
        """Memory is always available."""

    async def close(self) -> None:
        """Nothing is held."""


@define(eq=False)
class _Window:
    start: float
    count: int = 0


@define(eq=False)
class FixedWindowStore(_Memory):
    """Fixed windows: they begin with a key's first hit and end all at once."""

    _now: WallClock
    _most_keys: int = _MOST_KEYS
    _tables: defaultdict[Rate, OrderedDict[tuple[str, ...], _Window]] = field(
        init=False, repr=False, factory=lambda: defaultdict(OrderedDict)
    )

    async def hit(self, rate: Rate, *key: str) -> Decision:
        """See :class:`~cloudsvc.access.throttling.store.RateLimitStore`."""
        now = self._now()
        amount, seconds, _ = rate
        table = self._tables[rate]
        window = table.get(key)
        if window is None:
            window = table[key] = _Window(now)
            self._make_room(table, now, seconds)
        elif not window.start <= now < window.start + seconds:  # the clock may also have been set back
            window.start, window.count = now, 0
            table.move_to_end(key)
        allowed = window.count < amount
        if allowed:
            window.count += 1
        return Decision(allowed, amount, amount - window.count, window.start + seconds)

    def _make_room(self, table: OrderedDict[tuple[str, ...], _Window], now: float, seconds: int) -> None:
        for _ in range(2):
            oldest = next(iter(table.values()))
            if len(table) > self._most_keys or oldest.start + seconds <= now:
                table.popitem(last=False)


@define(eq=False)
class _Hits:
    """The moments of allowed hits, oldest first."""

    by_key: OrderedDict[tuple[str, ...], deque[float]] = field(factory=OrderedDict)
    held: int = 0


@define(eq=False)
class MovingWindowStore(_Memory):
    """Moving windows: they end now, wherever that is: no span of their length ever holds more than the rate."""

    _now: WallClock
    _most_keys: int = _MOST_KEYS
    _most_hits: int = _MOST_HITS
    _tables: defaultdict[Rate, _Hits] = field(init=False, repr=False, factory=lambda: defaultdict(_Hits))

    async def hit(self, rate: Rate, *key: str) -> Decision:
        """See :class:`~cloudsvc.access.throttling.store.RateLimitStore`."""
        now = self._now()
        amount, seconds, _ = rate
        table = self._tables[rate]
        moments = table.by_key.get(key)
        if moments is None:
            moments = table.by_key[key] = deque()
        while moments and moments[0] + seconds <= now:
            moments.popleft()
            table.held -= 1
        while moments and moments[-1] > now:  # the clock was set back
            moments.pop()
            table.held -= 1
        allowed = len(moments) < amount
        if allowed:
            moments.append(now)
            table.held += 1
            table.by_key.move_to_end(key)
            if len(moments) == 1 or table.held > self._most_hits:
                self._make_room(table, now, seconds)
        return Decision(allowed, amount, amount - len(moments), moments[0] + seconds)

    def _make_room(self, table: _Hits, now: float, seconds: int) -> None:
        for _ in range(2):
            oldest = next(iter(table.by_key.values()))
            full = len(table.by_key) > self._most_keys or table.held > self._most_hits
            if (full and len(table.by_key) > 1) or oldest[-1] + seconds <= now:
                table.by_key.popitem(last=False)
                table.held -= len(oldest)
