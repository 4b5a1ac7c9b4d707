"""Immediate reclamation of space that nothing needs, ahead of the background jobs."""

from __future__ import annotations

from collections.abc import Callable

from attrs import frozen

from cloudsvc.drive.blobs import BlobStore
from cloudsvc.drive.catalogue import Catalogue
from cloudsvc.drive.collection import Collection
from cloudsvc.drive.expiry import expire
from cloudsvc.drive.limits import Limits
from cloudsvc.drive.nodes import Instant


@frozen(kw_only=True)
class Freed:
    """
    What was given back.

    :ivar size: bytes of the blobs that were deleted.
    :ivar blobs: how many they were.
    :ivar orphaned: how many blobs were put in quarantine, for the catalogue does not know them.
    """

    size: int
    blobs: int
    orphaned: int


async def clean(
    catalogue: Catalogue, blobs: BlobStore, collection: Collection, limits: Limits, now: Callable[[], Instant]
) -> Freed:
    """
    Give up what has been kept for as long as ``limits`` say, and delete whatever nothing refers to.

    :raises CloudError: the storage fails. What was done so far stays done, and the next time goes on with it.
    """
    await expire(catalogue, blobs, limits, now())
    before = await catalogue.stored_bytes()
    deleted = await collection.collect()
    freed = before - await catalogue.stored_bytes()
    return Freed(size=max(0, freed), blobs=deleted, orphaned=await collection.quarantine_orphans())
