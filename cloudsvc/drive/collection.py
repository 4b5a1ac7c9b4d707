"""Give back the space of what nothing refers to any more."""

from __future__ import annotations

from typing import Final

from attrs import define, field
from twisted.internet.defer import DeferredLock
from twisted.logger import Logger

from cloudsvc.drive.blobs import BlobStore
from cloudsvc.drive.catalogue import Garbage

_log = Logger("cloudsvc.drive")

_ROWS: Final = 1000
"""Rows removed in one step, so that whoever writes meanwhile hardly waits."""

_BLOBS: Final = 200
"""Blobs deleted in one step."""


@define(eq=False, kw_only=True)
class Collection:
    """
    Deletes blobs in two steps: the catalogue condemns them, for good, and only then the store lets them go.

    Whatever stops in between is found again by the next round.
    """

    catalogue: Garbage
    blobs: BlobStore
    _lock: DeferredLock = field(factory=DeferredLock)

    async def collect(self) -> int:
        """
        Delete what nothing refers to; how many blobs that were.

        :raises CloudError: the storage fails.
        """
        return await self._lock.run(self._collect)

    async def clear_strays(self) -> int:
        """
        Set aside blobs that the catalogue knows nothing of, and put back those that it knows; how many were set aside.

        Programs that were killed leave some. Where there are many, the catalogue may be an older one than the blobs.

        :raises CloudError: the storage fails.
        """
        async for bundle in self.blobs.list_aside():
            unknown = {*await self.catalogue.find_unknown(bundle)}
            await self.blobs.put_back([blob for blob in bundle if blob not in unknown])
        found = 0
        async for bundle in self.blobs.list():
            # Asked again once they have landed: those who land in between are known by then, or never will be.
            landed = await self.blobs.find_landed(await self.catalogue.find_unknown(bundle))
            found += len(await self.blobs.set_aside(await self.catalogue.find_unknown(landed)))
        if found:
            _log.warn("set aside {found} blobs that the catalogue does not know: docs/recovery.md, Strays", found=found)
        return found

    async def _collect(self) -> int:
        while await self.catalogue.sweep(_ROWS):
            pass
        deleted, last = 0, None
        while condemned := await self.catalogue.condemn(_BLOBS, after=last):
            gone = await self.blobs.delete(condemned)
            await self.catalogue.forget(gone)
            deleted += len(gone)
            # One that cannot be deleted holds up no other.
            last = condemned[-1]
        return deleted
