"""Verification of stored bytes against the digest of their upload."""

from __future__ import annotations

from enum import StrEnum

from msgspec.structs import replace

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.blobs import BlobReader
from cloudsvc.drive.checksums import Checksums
from cloudsvc.drive.nodes import Blob


class Damage(StrEnum):
    """What can have happened to a blob; each reads as what to say of its bytes."""

    MISSING = "missing"
    SIZE = "of another size"
    CONTENT = "altered"
    UNREADABLE = "unreadable"


async def verify_blob(reader: BlobReader, blob: Blob, threads: ThreadRunner) -> Damage | None:
    """
    Read a whole blob again and compare size, SHA-256 and CRC-32, as far as they are known; ``None`` is no damage.

    What cannot be read is damaged too: whoever verifies many goes on with the next.

    :param threads: where they are computed.
    """
    if reader.size != blob.size:
        return Damage.SIZE
    try:
        found = await measure(reader, blob, threads)
    except CloudError as problem:
        if problem.kind is Kind.UNAVAILABLE:
            return Damage.UNREADABLE
        raise
    is_whole = blob.digest in {None, found.digest} and blob.crc32 in {None, found.crc32}
    return None if is_whole else Damage.CONTENT


async def measure(reader: BlobReader, blob: Blob, threads: ThreadRunner) -> Blob:
    """
    ``blob`` with the checksums of the bytes that ``reader`` gives.

    :param threads: where they are computed.
    :raises CloudError: they cannot be read.
    """
    checksums = Checksums()
    async for piece in reader.stream(0, blob.size):
        await threads.run(checksums.add, piece)
    return replace(blob, digest=checksums.digest, crc32=checksums.crc32)
