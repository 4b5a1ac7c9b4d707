"""Intake of blobs that a storage is about to hold, through the port: whatever the engine, and each under its own id."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO

from attrs import define, field

from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.blobs import BlobMissing, BlobStore, BlobWriter
from cloudsvc.drive.errors import storage_failed
from cloudsvc.drive.nodes import Blob, BlobId
from cloudsvc.drive.replacement import read_verified
from cloudsvc.drive.verification import verify_blob


@define(eq=False, kw_only=True)
class BlobIntake:
    """
    Takes blobs in beside those that are there: until a catalogue refers to them they are orphaned.

    What has another one's id, and other bytes, waits: a catalogue can be anybody's, and until it is installed nothing
    may be taken from the one that is.

    :ivar threads: where contents are read and hashed.
    """

    _blobs: BlobStore
    _threads: ThreadRunner
    _arrived: list[BlobId] = field(factory=list)
    _waiting: list[tuple[BlobId, BlobWriter]] = field(factory=list)

    async def take(self, blob: Blob, content: IO[bytes]) -> None:
        """
        Take in a blob, unless the store has it, whole.

        :param content: is read to its end. Reading blocks.
        :raises Unusable: it has other bytes than it should.
        :raises CloudError: the store fails.
        """
        pieces = read_verified(blob, content)
        is_there, is_whole = await self._look(blob)
        if is_whole:
            while await self._threads.run(next, pieces, None) is not None:
                pass
            return
        writer = await self._store(pieces)
        if is_there:
            self._waiting.append((blob.id, writer))
        else:
            self._arrived.append(blob.id)
            await writer.replace(blob.id)

    async def replace(self) -> None:
        """
        Put what has waited into the places of what was there, which goes into quarantine.

        :raises CloudError: the store fails.
        """
        while self._waiting:
            blob, writer = self._waiting[-1]
            if not await self._blobs.quarantine([blob]):
                raise storage_failed()  # The log says why.
            self._waiting.pop()
            await writer.replace(blob)

    def keep(self) -> None:
        """A catalogue refers to what came."""
        self._arrived.clear()

    async def undo(self) -> None:
        """
        Remove what came and was not installed. Whatever cannot be removed is orphaned.

        :raises CloudError: the store fails.
        """
        waiting, self._waiting = self._waiting, []
        arrived, self._arrived = self._arrived, []
        for _, writer in waiting:
            await writer.discard()
        await self._blobs.delete(arrived)

    async def _store(self, pieces: Iterator[bytes]) -> BlobWriter:
        writer = await self._blobs.create()
        try:
            while (piece := await self._threads.run(next, pieces, None)) is not None:
                await writer.write(piece)
            await writer.seal()
        except BaseException:
            await writer.discard()
            raise
        return writer

    async def _look(self, blob: Blob) -> tuple[bool, bool]:
        """Whether the store has something under this id, and whether that is the blob, as far as anybody can tell."""
        try:
            reader = await self._blobs.open(blob)
        except BlobMissing:
            return False, False
        try:
            return True, blob.digest is not None and await verify_blob(reader, blob, self._threads) is None
        finally:
            await reader.close()
