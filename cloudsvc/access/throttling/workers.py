"""Rate-limit store that the workers of one server share, in memory: a limit holds over all of them."""

from __future__ import annotations

from struct import Struct
from typing import Final

from attrs import define

from cloudsvc.access.throttling.store import Decision
from cloudsvc.core.clock import WallClock
from cloudsvc.core.rates import Rate
from cloudsvc.core.shared_tables import DIGEST_BYTES, WAYS, SharedTable, make_memory

_ENTRY: Final = Struct(f"={DIGEST_BYTES}sdII")
"""A window: the digest of its rate and key, its start in seconds since the epoch, its length in seconds, its hits."""

_WINDOWS: Final = 131_072
"""Of all rates together; 4 MiB. Where its bucket is full of windows that go on, the one that ends first makes way."""

_Window = tuple[bytes, float, int, int]


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

    @classmethod
    def open(cls, descriptor: int, key: bytes, now: WallClock) -> SharedWindowStore:
        """
        The store in the memory of :func:`make_windows`.

        :param key: secret, and the same in all workers.
        """
        return cls(SharedTable(descriptor, key, _ENTRY.size), now)

    async def hit(self, rate: Rate, *key: str) -> Decision:
        """See :class:`~cloudsvc.access.throttling.store.RateLimitStore`."""
        table, now = self._table, self._now()
        amount, seconds, _ = rate
        digest = table.digest(str(amount), str(seconds), *key)
        bucket = table.locate(digest)
        with table.locked(bucket):
            place = table.find(digest, bucket)
            _, start, _, count = _EMPTY if place is None else _ENTRY.unpack_from(table.memory, place)
            if place is None:
                place = self._make_room(bucket, now)
            if not start <= now < start + seconds:  # the clock may also have been set back
                start, count = now, 0
            allowed = count < amount
            if allowed:
                count += 1
                _ENTRY.pack_into(table.memory, place, digest, start, seconds, count)
        return Decision(allowed, amount, amount - count, start + seconds)

    def peek(self, rate: Rate, *key: str) -> Decision | None:
        """What a hit would come to that is not counted; ``None`` where there was none in this window."""
        table, now = self._table, self._now()
        amount, seconds, _ = rate
        digest = table.digest(str(amount), str(seconds), *key)
        # Without a lock: whoever writes just then does so in one go, and a wrong answer costs one request.
        place = table.find(digest, table.locate(digest))
        if place is None:
            return None
        _, start, _, count = _ENTRY.unpack_from(table.memory, place)
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


_EMPTY: Final[_Window] = (b"", float("-inf"), 0, 0)
