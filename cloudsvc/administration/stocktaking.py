"""Stock of a drive: how much of everything there is, to hold one drive against another."""

from __future__ import annotations

import hashlib

from attrs import frozen

from cloudsvc.core.actors import OWNER
from cloudsvc.drive.catalogue import Catalogue
from cloudsvc.drive.inventory import list_blobs


@frozen(kw_only=True)
class Stock:
    """
    What a drive holds.

    :ivar blobs: those that versions consist of, and ``size`` their bytes.
    :ivar digest: SHA-256 of what is known of each of them: id, size, SHA-256 and CRC-32.
    """

    files: int
    folders: int
    versions: int
    trash_entries: int
    blobs: int
    size: int
    digest: str


async def take_stock(catalogue: Catalogue) -> Stock:
    """
    What is there now. It counts, so it may take a while.

    :raises CloudError: the catalogue fails.
    """
    usage, count, size, digest = await catalogue.usage(OWNER), 0, 0, hashlib.sha256()
    async for bundle in list_blobs(catalogue):
        for blob in bundle:
            checksum = "" if blob.digest is None else blob.digest.hex()
            digest.update(f"{blob.id} {blob.size} {checksum} {blob.crc32}\n".encode())
            count, size = count + 1, size + blob.size
    return Stock(
        files=usage.files,
        folders=usage.folders,
        versions=usage.versions,
        trash_entries=usage.trash_entries,
        blobs=count,
        size=size,
        digest=digest.hexdigest(),
    )
