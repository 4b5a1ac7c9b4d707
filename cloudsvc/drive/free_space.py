"""Free space of the blob store, asked for seldom while there is plenty."""

from __future__ import annotations

from typing import Final

from attrs import define
from twisted.internet.interfaces import IReactorTime

from cloudsvc.drive.blobs import BlobStore

_BELIEVED_SECONDS: Final = 1.0
"""For which an answer is believed. What other programs write meanwhile, an upload finds out when it writes."""

_PLENTY: Final = 0.5
"""The share of what was free that may be let in before the store is asked again, however recent its answer is."""


@define(eq=False, kw_only=True)
class FreeSpace:
    """
    Says whether uploads still fit into the store, without asking it for each: that would be a trip to a thread.

    It says so to refuse a hopeless upload before its first byte. One that is let in may still find the disk full.
    """

    _blobs: BlobStore
    _clock: IReactorTime
    _free: int | None = 0
    _let_in: int = 0
    _asked_at: float = -_BELIEVED_SECONDS

    async def holds(self, size: int) -> bool:
        """
        Whether the store has room for ``size`` bytes more.

        :raises CloudError: the store fails.
        """
        self._let_in += size
        if not self._is_plenty():
            self._free = await self._blobs.free_bytes()
            self._asked_at, self._let_in = self._clock.seconds(), size
        return self._free is None or size <= self._free

    def _is_plenty(self) -> bool:
        if self._clock.seconds() - self._asked_at >= _BELIEVED_SECONDS:
            return False
        return self._free is None or self._let_in <= self._free * _PLENTY
