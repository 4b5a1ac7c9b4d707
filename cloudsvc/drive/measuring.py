"""Background job that reads blobs whose checksums are unknown: resumed uploads, and what an older program stored."""

from __future__ import annotations

from typing import Final

from attrs import define, field
from msgspec.structs import replace
from twisted.logger import Logger

from cloudsvc.core.errors import CloudError
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.blobs import BlobMissing, BlobReader, BlobStore
from cloudsvc.drive.catalogue import Inventory
from cloudsvc.drive.checksums import Checksums
from cloudsvc.drive.nodes import Blob, BlobId

_log = Logger("cloudsvc.drive")

ROUND: Final = 256 * 2**20
"""Bytes that are read in one round, and one blob beyond: at a round a minute, a terabyte in three days."""

ROUND_BLOBS: Final = 2000
"""Blobs that are read in one round: each takes a transaction."""

_BLOBS: Final = 100
"""Blobs that are asked for at a time."""

_REMEMBERED: Final = 1000
"""Blobs of which it is remembered that they cannot be measured, so that they are not read again in each round."""


@define(eq=False, kw_only=True)
class Measuring:
    """Gives blobs their SHA-256 and CRC-32, a bounded number of bytes a round."""

    _catalogue: Inventory
    _blobs: BlobStore
    _threads: ThreadRunner
    _after: BlobId | None = None
    _damaged: set[BlobId] = field(factory=set)
    _is_stopped: bool = False

    async def run(self) -> int:
        """
        One round, which goes on where the one before has ended; how many blobs were measured.

        :raises CloudError: the catalogue fails.
        """
        measured, left, left_blobs = 0, ROUND, ROUND_BLOBS
        while unmeasured := await self._catalogue.list_unmeasured(_BLOBS, after=self._after):
            for blob in unmeasured:
                if self._is_stopped or left <= 0 or left_blobs <= 0:
                    return measured
                self._after = blob.id
                left_blobs -= 1
                if blob.id not in self._damaged:
                    left -= blob.size
                    measured += await self._measure(blob)
        # That was the last; the next round begins with the first.
        self._after = None
        return measured

    def stop(self) -> None:
        """Leave off: what is half read is read again another time."""
        self._is_stopped = True

    async def _measure(self, blob: Blob) -> bool:
        try:
            reader = await self._blobs.open(blob)
            try:
                found = await self._read(reader, blob)
            finally:
                await reader.close()
        except (BlobMissing, CloudError) as problem:
            return self._give_up(blob, str(problem))
        if found is None:
            return False
        if blob.digest not in {None, found.digest}:
            return self._give_up(blob, "it is altered")
        await self._catalogue.record_checksums(found)
        return True

    async def _read(self, reader: BlobReader, blob: Blob) -> Blob | None:
        checksums = Checksums()
        async for piece in reader.stream(0, blob.size):
            if self._is_stopped:
                return None
            await self._threads.run(checksums.add, piece)
        return replace(blob, digest=checksums.digest, crc32=checksums.crc32)

    def _give_up(self, blob: Blob, reason: str) -> bool:
        _log.error(
            "the blob {blob} cannot be read whole, `cloudsvc verify` names its files: {reason}",
            blob=blob.id,
            reason=reason,
        )
        if len(self._damaged) < _REMEMBERED:
            self._damaged.add(blob.id)
        return False
