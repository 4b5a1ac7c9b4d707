"""Statistics of a drive: what it holds, and what it could still take."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import frozen

from cloudsvc.core.actors import OWNER
from cloudsvc.drive.blobs import BlobStore
from cloudsvc.drive.catalogue import Catalogue, Usage
from cloudsvc.drive.limits import Limits
from cloudsvc.drive.nodes import File
from cloudsvc.drive.pages import FileQuery, Order


@frozen(kw_only=True)
class Statistics:
    """
    Numbers of a drive, in bytes where they are no counts.

    :ivar capacity: what may be stored.
    :ivar reclaimable: what trash and superseded versions take that no current file shares.
    :ivar disk_free: what the store of blobs could still take; ``None`` where nobody can tell.
    :ivar largest: the largest current files, the largest first.
    """

    usage: Usage
    capacity: int
    reclaimable: int
    disk_free: int | None
    largest: Sequence[File]


async def gather_statistics(catalogue: Catalogue, blobs: BlobStore, limits: Limits, largest: int) -> Statistics:
    """
    Count.

    :param largest: how many of the largest files to name.
    :raises CloudError: the storage fails.
    """
    files: list[File] = []
    cursor = None
    while len(files) < largest:
        page = await catalogue.list_files(OWNER, FileQuery(order=Order.SIZE), largest - len(files), cursor)
        files += page.items
        cursor = page.cursor
        if cursor is None:
            break
    return Statistics(
        usage=await catalogue.usage(OWNER),
        capacity=limits.capacity,
        reclaimable=await catalogue.reclaimable_bytes(),
        disk_free=await blobs.free_bytes(),
        largest=files,
    )
