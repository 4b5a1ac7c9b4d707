"""A blob on its way to the disk."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredLock

from cloudsvc.core.coroutines import shield
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.nodes import Blob, BlobId
from cloudsvc.storage.blobs.disk import Disk
from cloudsvc.storage.blobs.places import Places
from cloudsvc.storage.faults import translate, translated

PIECE: Final = 1024 * 1024
"""Bytes that are hashed and written at a time: few enough to keep in memory, enough to be worth a trip to a thread."""


@define(eq=False, kw_only=True)
class _Draft:
    """
    The file that becomes a blob. Its methods block, and are called one after another.

    Whichever of them fails removes the file. None is tried again: after a failed fsync nobody knows what is on disk.
    The descriptor stays open, and the file locked with it, until it is somebody else's.
    """

    id: BlobId
    _places: Places
    _disk: Disk
    _descriptor: int | None = None
    _hash: Any = field(factory=hashlib.sha256)

    def append(self, piece: bytearray) -> None:
        """Write the next bytes."""
        with self._removed_on_failure():
            self._write(piece)

    def complete(self, piece: bytearray) -> bytes:
        """Write the last bytes and put the file into its place, durably; the digest of all that was written."""
        with self._removed_on_failure():
            descriptor = self._write(piece)
            self._disk.sync(descriptor)
            self._put()
        digest: bytes = self._hash.digest()
        return digest

    def replace(self, blob: BlobId) -> None:
        """Take the place of another."""
        with self._removed_on_failure():
            folder = self._places.find_folder(blob)
            self._places.make_durable(folder, self._disk)
            self._disk.rename(self._places.find(self.id), self._places.find(blob))
            self._disk.sync_folder(folder)
            self.close()

    def remove(self) -> None:
        """Remove whatever there is of it."""
        # Not made durable: should the power fail now, what comes back is a stray, which is found and removed.
        try:
            self.close()
            self._disk.remove(self._places.find_incoming(self.id))
        finally:
            self._disk.remove(self._places.find(self.id))

    def close(self) -> None:
        """Let go of the file. It does not block: what was written is on disk, or is not wanted."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _write(self, piece: bytearray) -> int:
        if self._descriptor is None:
            self._descriptor = self._disk.create(self._places.find_incoming(self.id))
        self._hash.update(piece)
        self._disk.write(self._descriptor, piece)
        return self._descriptor

    def _put(self) -> None:
        folder = self._places.find_folder(self.id)
        self._places.make_durable(folder, self._disk)
        self._disk.rename(self._places.find_incoming(self.id), self._places.find(self.id))
        self._disk.sync_folder(folder)

    @contextmanager
    def _removed_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            self.remove()
            raise


@define(eq=False, kw_only=True)
class LocalBlobWriter:
    """
    Gathers bytes to pieces. A thread hashes and writes one while the next is gathered; who is quicker waits.

    Nothing is on disk before the first piece is complete: a small blob costs one trip to a thread.
    """

    _draft: _Draft
    _threads: ThreadRunner
    _let_go: Callable[[BlobId], None]
    size: int = 0
    _gathered: bytearray = field(factory=bytearray)
    _trips: DeferredLock = field(factory=DeferredLock)
    _is_on_disk: bool = False
    _end: BaseException | None = None

    @classmethod
    def begin(
        cls, blob: BlobId, places: Places, disk: Disk, threads: ThreadRunner, let_go: Callable[[BlobId], None]
    ) -> LocalBlobWriter:
        """
        Begin ``blob``.

        :param let_go: is called once it is not in flight any more.
        """
        return cls(draft=_Draft(id=blob, places=places, disk=disk), threads=threads, let_go=let_go)

    @property
    def id(self) -> BlobId:
        """Of the blob to be."""
        return self._draft.id

    async def write(self, data: bytes) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.write`."""
        self._check()
        self._gathered += data
        self.size += len(data)
        if len(self._gathered) >= PIECE:
            await self._trips.acquire()
            Deferred.fromCoroutine(self._append())
            self._check()

    async def seal(self) -> Blob:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.seal`."""
        return await shield(self._seal())

    def release(self) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.release`."""
        self._draft.close()
        self._let_go(self.id)

    async def replace(self, blob: BlobId) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.replace`."""
        await shield(self._replace(blob))

    async def discard(self) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.discard`."""
        await shield(self._discard())

    def _check(self) -> None:
        if self._end is not None:
            raise self._end

    async def _append(self) -> None:
        """Let a thread write what was gathered, whoever leaves meanwhile; what fails shows in the next call."""
        try:
            self._check()
            await self._threads.run(self._draft.append, self._take())
        except BaseException as problem:  # noqa: BLE001  # whatever it is, the bytes are not written
            self._end_with(problem)
        finally:
            self._trips.release()

    async def _seal(self) -> Blob:
        async with self._trips:
            self._check()
            try:
                digest = await self._threads.run(self._draft.complete, self._take())
            except BaseException as problem:
                self._end_with(problem)
                self._check()
                raise
            self._end = ValueError("the blob is sealed")
        return Blob(id=self.id, size=self.size, digest=digest)

    async def _replace(self, blob: BlobId) -> None:
        try:
            with translated():
                await self._threads.run(self._draft.replace, blob)
        finally:
            self.release()

    async def _discard(self) -> None:
        async with self._trips:
            self._end = ValueError("the blob is discarded")
            self._gathered.clear()
            try:
                if self._is_on_disk:
                    self._is_on_disk = False
                    with translated():
                        await self._threads.run(self._draft.remove)
            finally:
                self.release()

    def _take(self) -> bytearray:
        self._is_on_disk = True
        piece, self._gathered = self._gathered, bytearray()
        return piece

    def _end_with(self, problem: BaseException) -> None:
        self._end = translate(problem) if isinstance(problem, OSError) else problem
