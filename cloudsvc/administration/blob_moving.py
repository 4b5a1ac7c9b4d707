"""Moving of blobs from one drive to another, some at a time, each noted in a journal once it is there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from attrs import define, frozen

from cloudsvc.administration.concurrency import for_each
from cloudsvc.administration.migration_journal import Journal
from cloudsvc.administration.progress import Progress
from cloudsvc.core.errors import CloudError, OperatorError
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.blobs import BlobMissing, BlobStore
from cloudsvc.drive.catalogue import Inventory
from cloudsvc.drive.inventory import list_blobs
from cloudsvc.drive.names import DrivePath
from cloudsvc.drive.nodes import Blob, VersionId
from cloudsvc.drive.replacement import Unusable
from cloudsvc.drive.transfer import transfer_blob
from cloudsvc.drive.verification import verify_blob

_AT_ONCE: Final = 4
"""Blobs on their way at the same time."""

_NOTED: Final = 64
"""Blobs, at most, that are moved again after a kill."""

_NOTED_BYTES: Final = 256 * 2**20
"""Their bytes, but for those of the last one."""

_NAMED: Final = 5
"""Files of a damaged blob that are named."""


@frozen(kw_only=True)
class Moved:
    """How many blobs were copied, without those that were there, and how many bytes they have."""

    blobs: int
    size: int


@define(eq=False, kw_only=True)
class BlobMoving:
    """
    Gives the store of a target what its journal lacks.

    :ivar source: where blobs are read.
    :ivar disk: threads in which checksums are computed, and the journal is written.
    """

    source: BlobStore
    target: BlobStore
    journal: Journal
    disk: ThreadRunner
    progress: Progress

    async def move(self, catalogue: Inventory) -> Moved:
        """
        Move all blobs that ``catalogue`` refers to and the target lacks. What is collected meanwhile is passed over.

        :raises OperatorError: one that is referred to is damaged, or cannot be read; its files are named.
        :raises CloudError: a storage fails, or has no room. What was moved so far stays, and is noted.
        """
        count = size = 0
        async for page in list_blobs(catalogue):
            chosen = await self.disk.run(self.journal.choose, page)
            self.progress.advance(sum(blob.size for blob in page) - sum(blob.size for blob, _ in chosen))
            for batch in _cut(chosen):
                brought = await self._move_batch(catalogue, batch)
                count, size = count + len(brought), size + sum(blob.size for blob in brought)
        return Moved(blobs=count, size=size)

    async def _move_batch(self, catalogue: Inventory, batch: Sequence[tuple[Blob, bool]]) -> Sequence[Blob]:
        done: list[tuple[Blob, bool]] = []
        brought: list[Blob] = []

        async def move(each: tuple[Blob, bool]) -> None:
            blob, is_present = each
            if is_present and await self._is_whole(blob):
                done.append((blob, False))
            elif await self._bring(catalogue, blob):
                # What is kept aside of the target may refer to what it had, even where that could not be compared.
                done.append((blob, not is_present))
                brought.append(blob)
            self.progress.advance(blob.size)

        try:
            await for_each(batch, move, _AT_ONCE)
        finally:
            await self.disk.run(self.journal.note, done)
        return brought

    async def _bring(self, catalogue: Inventory, blob: Blob) -> bool:
        """Whether the target has it now: otherwise nobody needs it any more."""
        try:
            await transfer_blob(self.source, self.target, blob, self.disk)
        except Unusable as problem:
            # Asked after reading: it may have been collected meanwhile.
            if users := await catalogue.find_users(blob.id):
                raise _damaged(problem, users) from None
            return False
        return True

    async def _is_whole(self, blob: Blob) -> bool:
        """Whether the target has it, as far as can be told."""
        if blob.digest is None:
            return False
        try:
            reader = await self.target.open(blob)
        except BlobMissing:
            return False
        try:
            return await verify_blob(reader, blob, self.disk) is None
        finally:
            await reader.close()


def _cut(blobs: Sequence[tuple[Blob, bool]]) -> Iterator[Sequence[tuple[Blob, bool]]]:
    """Blobs, in parts after each of which is noted what was done."""
    batch: list[tuple[Blob, bool]] = []
    size = 0
    for each in blobs:
        batch.append(each)
        size += each[0].size
        if len(batch) >= _NOTED or size >= _NOTED_BYTES:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


def _damaged(problem: Unusable, users: Sequence[tuple[DrivePath, VersionId]]) -> OperatorError:
    paths = ", ".join(sorted({repr(str(path)) for path, _ in users})[:_NAMED])
    if isinstance(problem.__cause__, CloudError):
        # A store that is away for a while makes no file worth purging.
        advice = "see that the store works, then repeat this; `cloudsvc verify` names all files like this"
    else:
        advice = "`cloudsvc verify` names all files like this: store them again or purge them, then repeat this"
    return OperatorError([f"{problem}, and {paths} would be lost: {advice}"])
