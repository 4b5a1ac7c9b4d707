"""Blob store in memory: the plainest one, for tests and to hold others against. Nothing of it outlives the process."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence

from attrs import define, evolve, field, frozen
from twisted.internet.defer import Deferred

from cloudsvc.drive.blobs import BlobInUse, BlobMissing, BlobReader
from cloudsvc.drive.checksums import Checksums
from cloudsvc.drive.errors import no_space
from cloudsvc.drive.nodes import Blob, BlobId, Instant
from cloudsvc.storage.blobs.layout import make_blob_id
from cloudsvc.storage.blobs.reading import SMALL, ContentReader


@frozen(kw_only=True)
class Stored:
    """Bytes, and when they were written, or put in quarantine."""

    content: bytes
    at: Instant


@define(eq=False, kw_only=True)
class Shelf:
    """
    What several :class:`MemoryBlobs` may share, as processes share a directory.

    :ivar sealed: blobs that can be opened.
    :ivar suspended: durable bytes of blobs that are not sealed.
    :ivar quarantined: blobs in quarantine.
    :ivar in_flight: blobs that a writer has.
    :ivar capacity: bytes that all of them may take; ``None`` for any number.
    """

    sealed: dict[BlobId, Stored] = field(factory=dict)
    suspended: dict[BlobId, Stored] = field(factory=dict)
    quarantined: dict[BlobId, Stored] = field(factory=dict)
    in_flight: set[BlobId] = field(factory=set)
    capacity: int | None = None

    @property
    def free_bytes(self) -> int | None:
        """How many bytes more it takes."""
        if self.capacity is None:
            return None
        kept = (*self.sealed.values(), *self.suspended.values(), *self.quarantined.values())
        return max(0, self.capacity - sum(len(each.content) for each in kept))


@define(eq=False, kw_only=True)
class MemoryBlobWriter:
    """A :class:`cloudsvc.drive.blobs.BlobWriter`."""

    id: BlobId
    _shelf: Shelf
    _now: Callable[[], Instant]
    _let_go: Callable[[BlobId], None]
    _content: bytearray
    _end: Exception | None = None

    @property
    def size(self) -> int:
        """Bytes taken so far."""
        return len(self._content)

    async def write(self, data: bytes) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.write`."""
        self._check()
        free = self._shelf.free_bytes
        if free is not None and self.size + len(data) > free:
            self._end = no_space()
            raise self._end
        self._content += data

    async def sync(self) -> int:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.sync`."""
        self._check()
        self._shelf.suspended[self.id] = self._make_stored()
        return self.size

    async def suspend(self) -> int:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.suspend`."""
        size = await self.sync()
        self._end = ValueError("the blob is suspended")
        self._let_go(self.id)
        return size

    async def seal(self) -> Blob:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.seal`."""
        self._check()
        self._end = ValueError("the blob is sealed")
        self._shelf.suspended.pop(self.id, None)
        self._shelf.sealed[self.id] = self._make_stored()
        checksums = Checksums()
        checksums.add(self._content)
        return Blob(id=self.id, size=self.size, digest=checksums.digest, crc32=checksums.crc32)

    async def replace(self, blob: BlobId) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.replace`."""
        self._shelf.sealed[blob] = self._shelf.sealed.pop(self.id)
        self.close()

    def close(self) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.close`."""
        self._let_go(self.id)

    async def discard(self) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.discard`."""
        if self.id in self._shelf.in_flight:
            self._shelf.suspended.pop(self.id, None)
            self._shelf.sealed.pop(self.id, None)
            self._end = ValueError("the blob is discarded")
            self.close()

    def _check(self) -> None:
        if self._end is not None:
            raise self._end

    def _make_stored(self) -> Stored:
        return Stored(content=bytes(self._content), at=self._now())


@define(eq=False, kw_only=True)
class MemoryBlobs:
    """A :class:`cloudsvc.drive.blobs.BlobStore` of what is on a shelf."""

    _now: Callable[[], Instant]
    _shelf: Shelf = field(factory=Shelf)
    _in_flight: set[BlobId] = field(factory=set)
    _landing: Deferred[None] | None = None

    async def close(self) -> None:
        """Wait until all writers have ended."""
        if self._in_flight:
            self._landing = Deferred()
            await self._landing

    async def create(self) -> MemoryBlobWriter:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.create`."""
        return self._begin(make_blob_id(), b"")

    async def resume(self, blob: BlobId) -> MemoryBlobWriter:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.resume`."""
        if blob not in self._shelf.suspended:
            raise BlobMissing(blob)
        if blob in self._shelf.in_flight:
            raise BlobInUse(blob)
        return self._begin(blob, self._shelf.suspended[blob].content)

    async def open(self, blob: Blob) -> BlobReader:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.open`."""
        if blob.id not in self._shelf.sealed:
            raise BlobMissing(blob.id)
        return ContentReader(self._shelf.sealed[blob.id].content)

    def read_small(self, blob: Blob) -> BlobReader | None:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.read_small`."""
        if blob.size > SMALL:
            return None
        if blob.id not in self._shelf.sealed:
            raise BlobMissing(blob.id)
        return ContentReader(self._shelf.sealed[blob.id].content)

    async def delete(self, blobs: Sequence[BlobId]) -> Sequence[BlobId]:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.delete`."""
        for blob in blobs:
            self._shelf.sealed.pop(blob, None)
        return blobs

    async def list(self, before: Instant) -> AsyncIterator[Sequence[BlobId]]:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.list`."""
        yield self._find_left(self._shelf.sealed, before)

    async def list_suspended(self, before: Instant) -> AsyncIterator[Sequence[BlobId]]:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.list_suspended`."""
        yield self._find_left(self._shelf.suspended, before)

    async def quarantine(self, blobs: Sequence[BlobId]) -> Sequence[BlobId]:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.quarantine`."""
        for blob in blobs:
            if (stored := self._shelf.sealed.pop(blob, None)) is not None:
                self._shelf.quarantined[blob] = evolve(stored, at=self._now())
        return blobs

    async def list_quarantined(self) -> AsyncIterator[Sequence[BlobId]]:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.list_quarantined`."""
        yield [*self._shelf.quarantined]

    async def release(self, blobs: Sequence[BlobId]) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.release`."""
        for blob in blobs:
            if blob not in self._shelf.sealed:
                self._shelf.sealed[blob] = self._shelf.quarantined.pop(blob)

    async def purge_quarantine(self, before: Instant) -> int:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.purge_quarantine`."""
        old = [blob for blob, stored in self._shelf.quarantined.items() if stored.at < before]
        for blob in old:
            del self._shelf.quarantined[blob]
        return len(old)

    async def free_bytes(self) -> int | None:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.free_bytes`."""
        return self._shelf.free_bytes

    def _begin(self, blob: BlobId, content: bytes) -> MemoryBlobWriter:
        self._shelf.in_flight.add(blob)
        self._in_flight.add(blob)
        return MemoryBlobWriter(
            id=blob, shelf=self._shelf, now=self._now, let_go=self._land, content=bytearray(content)
        )

    def _land(self, blob: BlobId) -> None:
        self._shelf.in_flight.discard(blob)
        self._in_flight.discard(blob)
        if self._landing is not None and not self._in_flight:
            landing, self._landing = self._landing, None
            landing.callback(None)

    def _find_left(self, stored: dict[BlobId, Stored], before: Instant) -> Sequence[BlobId]:
        return [blob for blob, each in stored.items() if each.at < before and blob not in self._shelf.in_flight]
