"""A blob on its way to the disk."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from typing import Any, Final

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure

from cloudsvc.core.coroutines import shield
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.nodes import Blob, BlobId
from cloudsvc.storage.blobs.disk import Disk
from cloudsvc.storage.blobs.faults import translate
from cloudsvc.storage.blobs.places import Places

PIECE: Final = 1024 * 1024
"""Bytes that are hashed and written at a time: few enough to keep in memory, enough to be worth a trip to a thread."""


@define(eq=False, kw_only=True)
class _Draft:
    """The file that becomes a blob. Its methods block, and are called by one thread at a time."""

    id: BlobId
    _places: Places
    _disk: Disk
    _descriptor: int | None = None
    _hash: Any = field(factory=hashlib.sha256)

    def append(self, pieces: list[bytes]) -> int:
        """Write the next pieces; the descriptor of the file."""
        if self._descriptor is None:
            self._descriptor = self._disk.create(self._places.find_incoming(self.id))
        data = b"".join(pieces)
        self._hash.update(data)
        self._disk.write(self._descriptor, data)
        return self._descriptor

    def complete(self, pieces: list[bytes]) -> bytes:
        """Write the last pieces and put the file into its place, durably; the digest of all that was written."""
        try:
            self._put(self.append(pieces))
        except BaseException:
            self.remove()
            raise
        digest: bytes = self._hash.digest()
        return digest

    def remove(self) -> None:
        """Remove whatever there is of it."""
        self._close()
        # Not made durable: should the power fail now, what comes back is a stray, which is found and removed.
        self._disk.remove(self._places.find_incoming(self.id))
        self._disk.remove(self._places.find(self.id))

    def _put(self, descriptor: int) -> None:
        folder = self._places.find_folder(self.id)
        self._disk.sync(descriptor)
        self._close()
        if self._disk.make_folder(folder):
            self._disk.sync_folder(self._places.blobs)
        self._disk.rename(self._places.find_incoming(self.id), self._places.find(self.id))
        self._disk.sync_folder(folder)

    def _close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


@define(eq=False, kw_only=True)
class LocalBlobWriter:
    """
    Gathers bytes to pieces, and writes one while the next is gathered.

    Nothing is on disk before the first piece is complete: a small blob costs one trip to a thread.
    """

    _draft: _Draft
    _threads: ThreadRunner
    _let_go: Callable[[BlobId], None]
    size: int = 0
    _gathered: list[bytes] = field(factory=list)
    _gathered_bytes: int = 0
    _touched: bool = False
    _working: bool = False
    _problem: Failure | None = None
    _waiting: list[Deferred[None]] = field(factory=list)

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
        self._gathered.append(data)
        self._gathered_bytes += len(data)
        self.size += len(data)
        if self._gathered_bytes >= PIECE:
            await self._finish_work()
            self._start_work(self._draft.append, self._take())

    async def seal(self) -> Blob:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.seal`."""
        return await shield(self._seal())

    def release(self) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.release`."""
        self._let_go(self.id)

    async def discard(self) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.discard`."""
        await shield(self._discard())

    async def _seal(self) -> Blob:
        await self._finish_work()
        self._touched = True
        try:
            digest = await self._threads.run(self._draft.complete, self._take())
        except OSError as problem:
            raise translate(problem) from problem
        return Blob(id=self.id, size=self.size, digest=digest)

    async def _discard(self) -> None:
        self._gathered.clear()
        while self._working:
            await self._wait()
        if self._touched:
            self._touched = False
            try:
                await self._threads.run(self._draft.remove)
            except OSError as problem:
                raise translate(problem) from problem
            finally:
                self.release()
        self.release()

    def _take(self) -> list[bytes]:
        pieces, self._gathered, self._gathered_bytes = self._gathered, [], 0
        return pieces

    def _start_work(self, function: Callable[[list[bytes]], int], pieces: list[bytes]) -> None:
        """Let a thread work, whoever waits for it or leaves."""
        self._touched = self._working = True
        Deferred.fromCoroutine(self._threads.run(function, pieces)).addBoth(self._note_work_done)

    def _note_work_done(self, outcome: Failure | int) -> None:
        self._working = False
        if isinstance(outcome, Failure):
            self._problem = outcome
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            waiter.callback(None)

    async def _finish_work(self) -> None:
        """
        Wait until the piece under way is written.

        :raises CloudError: it could not be.
        """
        while self._working:
            await self._wait()
        if self._problem is not None:
            if isinstance(self._problem.value, OSError):
                raise translate(self._problem.value) from self._problem.value
            self._problem.raiseException()

    async def _wait(self) -> None:
        waiter: Deferred[None] = Deferred(self._waiting.remove)
        self._waiting.append(waiter)
        await waiter
