"""Garbage collection: the space of blobs that nothing refers to any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from attrs import define, field
from twisted.internet.defer import DeferredLock
from twisted.logger import Logger

from cloudsvc.drive.blobs import BlobStore
from cloudsvc.drive.catalogue import Garbage
from cloudsvc.drive.nodes import Instant

_log = Logger("cloudsvc.drive")

_ROWS: Final = 1000
"""Rows removed in one step, so that whoever writes meanwhile hardly waits."""

IN_FLIGHT: Final = 24 * 3600 * 1_000_000
"""
Microseconds for which a sealed blob that the catalogue does not know may be about to become known to it. None takes
that long: after sealing there is one transaction to wait for. But clocks of several machines differ.
"""

_BLOBS: Final = 200
"""Blobs deleted in one step."""


@define(eq=False, kw_only=True)
class Collection:
    """
    Deletes blobs in two steps: the catalogue marks them for deletion, for good, and only then the store lets them go.

    Whatever stops in between is found again by the next round.

    :ivar now: the time, as the store's dates have it.
    """

    catalogue: Garbage
    blobs: BlobStore
    now: Callable[[], Instant]
    _lock: DeferredLock = field(factory=DeferredLock)

    async def collect(self) -> int:
        """
        Delete what nothing refers to; how many blobs that were.

        :raises CloudError: the storage fails.
        """
        return await self._lock.run(self._collect)

    async def quarantine_orphans(self) -> int:
        """
        Put orphaned blobs, which the catalogue does not know, in quarantine, and release those that it knows; how many
        were put there.

        While the drive is frozen, they stay where they are.

        Programs that were killed leave some. Where there are many, the catalogue may be an older one than the blobs.

        :raises CloudError: the storage fails.
        """
        if await self.catalogue.is_frozen():
            return 0
        async for bundle in self.blobs.list_quarantined():
            unknown = {*await self.catalogue.find_unknown(bundle)}
            await self.blobs.release([blob for blob in bundle if blob not in unknown])
        found = 0
        async for bundle in self.blobs.list(self.now() - IN_FLIGHT):
            found += len(await self.blobs.quarantine(await self.catalogue.find_unknown(bundle)))
        if found:
            _log.warn("put {found} orphaned blobs in quarantine: docs/recovery.md, Orphaned blobs", found=found)
        return found

    async def _collect(self) -> int:
        while await self.catalogue.remove_purged(_ROWS):
            pass
        deleted, last = 0, None
        while marked := await self.catalogue.mark_for_deletion(_BLOBS, after=last):
            gone = await self.blobs.delete(marked)
            await self.catalogue.forget(gone)
            deleted += len(gone)
            # One that cannot be deleted holds up no other.
            last = marked[-1]
        return deleted
