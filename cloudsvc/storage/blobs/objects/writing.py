"""Blob writer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredLock, DeferredSemaphore
from twisted.internet.defer import TimeoutError as NoTurn
from twisted.logger import Logger

from cloudsvc.core.coroutines import shield
from cloudsvc.drive.errors import file_too_large, too_many_uploads
from cloudsvc.drive.nodes import Blob, BlobId
from cloudsvc.storage.blobs.objects.budget import Budget
from cloudsvc.storage.blobs.objects.drafts import Draft
from cloudsvc.storage.blobs.objects.faults import ObjectMissing, StoreFault, UploadMissing, translate, translated

T = TypeVar("T")

_log = Logger("cloudsvc.storage")

_ON_THEIR_WAY: Final = 2
"""Parts of one blob that are sent while the next is gathered. Who is quicker waits."""


@define(eq=False, kw_only=True)
class ObjectBlobWriter:
    """
    Gathers bytes to parts. What has not more of them than the first part may have is one object, stored when it is
    sealed.

    :ivar size: bytes taken so far.
    :ivar let_go: is called once it is not in flight any more.
    :ivar finish: is called once nothing is to be done for it any more.
    """

    _draft: Draft
    _budget: Budget
    _let_go: Callable[[BlobId], None]
    _finish: Callable[[], None]
    size: int = 0
    _gathered: bytearray = field(factory=bytearray)
    _slots: DeferredSemaphore = field(factory=lambda: DeferredSemaphore(_ON_THEIR_WAY))
    _steps: DeferredLock = field(factory=DeferredLock)
    _taken: int = 0
    _is_closed: bool = False
    _is_sealed: bool = False
    _is_failed: bool = False
    _end: BaseException | None = None

    @property
    def id(self) -> BlobId:
        """Of the blob to be."""
        return self._draft.id

    async def go_on(self, rest: bytes) -> None:
        """
        Take what is durable and not yet part of the draft, which was resumed.

        :raises CloudError: there is no memory for it.
        """
        self.size = self._draft.size
        await self._gather(rest)

    async def write(self, data: bytes) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.write`."""
        self._check()
        await self._gather(data)
        while (part := self._draft.part_size) is None or len(self._gathered) > part:
            if part is None:
                self._end = file_too_large(self.size - len(data))
                raise self._end
            await self._slots.acquire()
            Deferred.fromCoroutine(self._append(part))
            self._check()

    async def sync(self) -> int:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.sync`."""
        return await shield(self._do(self._sync))

    async def suspend(self) -> int:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.suspend`."""
        return await shield(self._suspend())

    async def seal(self) -> Blob:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.seal`."""
        return await shield(self._do(self._seal))

    async def replace(self, blob: BlobId) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.replace`."""
        await shield(self._replace(blob))

    def close(self) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobWriter.close`."""
        if not self._is_closed:
            self._is_closed = True
            self._end = self._end or ValueError("the blob is closed")
            # Now, unless something is still on its way.
            Deferred.fromCoroutine(self._close())

    async def discard(self) -> None:
        """
        As :meth:`cloudsvc.drive.blobs.BlobWriter.discard`.

        When the store has failed, nobody waits until it fails again: what is left is removed when the writer is closed.
        """
        if self._is_failed:
            self.close()
        elif not self._is_closed:
            await shield(self._discard())

    def _check(self) -> None:
        if self._end is not None:
            raise self._end

    async def _gather(self, data: bytes) -> None:
        try:
            await self._budget.take(len(data))
        except NoTurn:
            raise too_many_uploads() from None
        self._taken += len(data)
        self._gathered += data
        self.size += len(data)

    async def _append(self, size: int) -> None:
        """Store a part, whoever leaves meanwhile; what fails shows in the next call."""
        with memoryview(self._gathered) as gathered:
            content = bytes(gathered[:size])
        del self._gathered[:size]
        try:
            self._check()
            await self._draft.append(content)
        except BaseException as problem:  # noqa: BLE001  # whatever it is, the bytes are not stored
            self._end_with(problem)
        finally:
            self._give_back(size)
            self._slots.release()

    async def _do(self, step: Callable[[], Awaitable[T]]) -> T:
        """Take a step when all parts have arrived. One that fails is the last."""
        async with self._steps:
            await self._settle()
            self._check()
            try:
                return await step()
            except BaseException as problem:
                self._end_with(problem)
                self._check()
                raise

    async def _settle(self) -> None:
        for _ in range(_ON_THEIR_WAY):
            await self._slots.acquire()
        for _ in range(_ON_THEIR_WAY):
            self._slots.release()

    async def _sync(self) -> int:
        await self._draft.sync(bytes(self._gathered))
        return self.size

    async def _suspend(self) -> int:
        size = await self._do(self._sync)
        self._end = ValueError("the blob is suspended")
        self.close()
        return size

    async def _seal(self) -> Blob:
        blob = await self._draft.complete(bytes(self._gathered))
        self._forget_gathered()
        self._end, self._is_sealed = ValueError("the blob is sealed"), True
        return blob

    async def _replace(self, blob: BlobId) -> None:
        try:
            with translated():
                await self._draft.replace(blob)
        except BaseException:
            self._is_failed = True
            raise
        finally:
            self.close()

    async def _discard(self) -> None:
        async with self._steps:
            self._end = ValueError("the blob is discarded")
            await self._settle()
            try:
                with translated():
                    await self._draft.remove()
            finally:
                self.close()

    async def _give_up(self) -> None:
        """Leave nothing behind but what is durable. Where the store does not let us, it is swept later."""
        if self._draft.state is None or self._is_sealed:
            try:
                await self._draft.remove()
            except (StoreFault, UploadMissing, ObjectMissing) as problem:
                _log.warn("what was stored of a blob stays until it is swept: {reason}", reason=str(problem))

    async def _close(self) -> None:
        try:
            async with self._steps:
                await self._settle()
                self._forget_gathered()
                self._let_go(self.id)
                if self._is_failed:
                    await self._give_up()
                await self._draft.unmark()
        finally:
            self._finish()

    def _forget_gathered(self) -> None:
        self._gathered = bytearray()
        self._give_back(self._taken)

    def _give_back(self, size: int) -> None:
        self._taken -= size
        self._budget.give_back(size)

    def _end_with(self, problem: BaseException) -> None:
        self._is_failed = True
        self._end = translate(problem) if isinstance(problem, StoreFault | UploadMissing | ObjectMissing) else problem
