"""Blob writer."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredLock

from cloudsvc.core.coroutines import shield
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.nodes import Blob, BlobId
from cloudsvc.storage.blobs.drafts import PIECE, Draft
from cloudsvc.storage.faults import translate, translated

T = TypeVar("T")


@define(eq=False, kw_only=True)
class LocalBlobWriter:
    """
    Gathers bytes to pieces. A thread hashes and writes one while the next is gathered; who is quicker waits.

    Nothing is on disk before the first piece is complete: a small blob costs one trip to a thread.

    :ivar let_go: is called once it is not in flight any more.
    """

    _draft: Draft
    _threads: ThreadRunner
    _let_go: Callable[[BlobId], None]
    size: int = 0
    _gathered: bytearray = field(factory=bytearray)
    _trips: DeferredLock = field(factory=DeferredLock)
    _is_on_disk: bool = False
    _end: BaseException | None = None

    @classmethod
    def begin(cls, draft: Draft, threads: ThreadRunner, let_go: Callable[[BlobId], None]) -> LocalBlobWriter:
        """Begin ``draft``, which has no file yet."""
        return cls(draft=draft, threads=threads, let_go=let_go)

    @classmethod
    def resume(cls, draft: Draft, threads: ThreadRunner, let_go: Callable[[BlobId], None]) -> LocalBlobWriter:
        """Go on with ``draft``, which has a file."""
        return cls(draft=draft, threads=threads, let_go=let_go, size=draft.size, is_on_disk=True)

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

    async def sync(self) -> int:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.sync`."""
        return await shield(self._write_gathered(self._draft.sync))

    async def suspend(self) -> int:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.suspend`."""
        return await shield(self._suspend())

    async def seal(self) -> Blob:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.seal`."""
        return await shield(self._write_gathered(self._draft.complete, end=ValueError("the blob is sealed")))

    async def replace(self, blob: BlobId) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.replace`."""
        await shield(self._replace(blob))

    def close(self) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.close`."""
        self._is_on_disk = False
        self._end = self._end or ValueError("the blob is closed")
        # Now, unless a thread still writes.
        self._trips.run(self._close)

    async def discard(self) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.discard`."""
        await shield(self._discard())

    def _close(self) -> None:
        self._draft.close()
        self._let_go(self.id)

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

    async def _write_gathered(self, write: Callable[[bytearray], T], end: BaseException | None = None) -> T:
        async with self._trips:
            self._check()
            try:
                result = await self._threads.run(write, self._take())
            except BaseException as problem:
                self._end_with(problem)
                self._check()
                raise
            self._end = end
        return result

    async def _suspend(self) -> int:
        size = await self._write_gathered(self._draft.sync, end=ValueError("the blob is suspended"))
        self.close()
        return size

    async def _replace(self, blob: BlobId) -> None:
        try:
            with translated():
                await self._threads.run(self._draft.replace, blob)
        finally:
            self.close()

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
                self.close()

    def _take(self) -> bytearray:
        self._is_on_disk = True
        piece, self._gathered = self._gathered, bytearray()
        return piece

    def _end_with(self, problem: BaseException) -> None:
        self._end = translate(problem) if isinstance(problem, OSError) else problem
