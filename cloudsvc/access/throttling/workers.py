"""Rate-limit store that the workers of one server share, in memory: a limit holds over all of them."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from struct import Struct
from typing import Final

from attrs import define, field

from cloudsvc.access.throttling.store import Decision
from cloudsvc.core.clock import WallClock
from cloudsvc.core.rates import Rate
from cloudsvc.core.shared_tables import DIGEST_BYTES, WAYS, SharedTable, make_memory

_ENTRY: Final = Struct(f"={DIGEST_BYTES}sdII")
"""A window: the digest of its rate and key, its start in seconds since the epoch, its length in seconds, its hits."""

_WINDOWS: Final = 131_072
"""Of all rates together; 4 MiB. Where its bucket is full of windows that go on, the one that ends first makes way."""

_REMEMBERED: Final = 4_096
"""Keys of which it is remembered where they are counted; some 2 MB. To find out costs as much as to count."""


def make_windows() -> int:
    """
    Memory for the windows of all workers.

    :raises OSError: the system gives none.
    """
    return make_memory("cloudsvc-windows", _WINDOWS * _ENTRY.size)


@define(eq=False)
class SharedWindowStore:
    """Fixed windows, as of :class:`~cloudsvc.access.throttling.memory.FixedWindowStore`, that all workers count in."""

    _table: SharedTable
    _now: WallClock
    _find: Callable[..., tuple[bytes, int]] = field(init=False, repr=False)

    @classmethod
    def open(cls, descriptor: int, key: bytes, now: WallClock) -> SharedWindowStore:
        """
        The store in the memory of :func:`make_windows`.

        :param key: secret, and the same in all workers.
        """
        return cls(SharedTable(descriptor, key, _ENTRY.size), now)

    @_find.default
    def _remember(self) -> Callable[..., tuple[bytes, int]]:
        return lru_cache(_REMEMBERED)(self._compute)

    def _compute(self, amount: int, seconds: int, key: tuple[str, ...]) -> tuple[bytes, int]:
        """The digest of a window, and where its bucket begins."""
        digest = self._table.digest(str(amount), str(seconds), *key)
        return digest, self._table.locate(digest)

    async def hit(self, rate: Rate, *key: str) -> Decision:
        """See :class:`~cloudsvc.access.throttling.store.RateLimitStore`."""
        table, now = self._table, self._now()
        amount, seconds, _ = rate
        digest, bucket = self._find(amount, seconds, key)
        table.lock(bucket)
        try:
            place = table.find(digest, bucket)
            if place is None:
                place, start, count = self._make_room(bucket, now), now, 0
            else:
                _, start, _, count = _ENTRY.unpack_from(table.memory, place)
                if not start <= now < start + seconds:  # the clock may also have been set back
                    start, count = now, 0
            allowed = count < amount
            if allowed:
                count += 1
                _ENTRY.pack_into(table.memory, place, digest, start, seconds, count)
        finally:
            table.unlock(bucket)
        return Decision(allowed, amount, amount - count, start + seconds)

    def peek(self, rate: Rate, *key: str) -> Decision | None:
        """What a hit would come to that is not counted; ``None`` where there was none in this window."""
        amount, seconds, _ = rate
        digest, bucket = self._find(amount, seconds, key)
        # Without a lock: whoever writes just then does so in one go, and a wrong answer costs one request.
        place = self._table.find(digest, bucket)
        if place is None:
            return None
        now = self._now()
        _, start, _, count = _ENTRY.unpack_from(self._table.memory, place)
        if not start <= now < start + seconds:
            return None
        return Decision(count < amount, amount, amount - count, start + seconds)

    async def check(self) -> None:
        """Memory is always available."""

    async def close(self) -> None:
        """Let go of the memory; the other workers go on."""
        self._table.close()

    def _make_room(self, bucket: int, now: float) -> int:
        """Where a new window may be, in place of one that is over, or of the one that ends first."""
        best, best_end = bucket, float("inf")
        for place in range(bucket, bucket + WAYS * _ENTRY.size, _ENTRY.size):
            _, start, seconds, _ = _ENTRY.unpack_from(self._table.memory, place)
            end = start + seconds
            if not start <= now < end:
                return place
            if end < best_end:
                best, best_end = place, end
        return best
