"""Blob store in a bucket of an S3-compatible store."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from typing import Final

from attrs import define, field
from twisted.internet.defer import Deferred, DeferredSemaphore, gatherResults
from twisted.logger import Logger

from cloudsvc.core.coroutines import shield
from cloudsvc.drive.blobs import BlobInUse, BlobMissing, BlobReader
from cloudsvc.drive.nodes import Blob, BlobId, Instant
from cloudsvc.storage.blobs.layout import make_blob_id
from cloudsvc.storage.blobs.objects.budget import Budget
from cloudsvc.storage.blobs.objects.calls import Calls
from cloudsvc.storage.blobs.objects.client import ObjectClient
from cloudsvc.storage.blobs.objects.copying import copy_object
from cloudsvc.storage.blobs.objects.drafts import Draft
from cloudsvc.storage.blobs.objects.faults import ObjectMissing, StoreFault, UploadMissing, translated
from cloudsvc.storage.blobs.objects.keys import Keys
from cloudsvc.storage.blobs.objects.listing import Listing
from cloudsvc.storage.blobs.objects.parts import PartSizes
from cloudsvc.storage.blobs.objects.reading import SMALL, ObjectBlobReader
from cloudsvc.storage.blobs.objects.states import State
from cloudsvc.storage.blobs.objects.writing import ObjectBlobWriter
from cloudsvc.storage.blobs.reading import ContentReader

_log = Logger("cloudsvc.storage")

_AT_ONCE: Final = 4
"""Blobs that are put in quarantine, or released, at the same time: each takes some requests, one after another."""

_DELETED: Final = 1000
"""Objects that one request deletes (S3)."""


@define(eq=False, kw_only=True)
class ObjectBlobs:
    """
    A :class:`cloudsvc.drive.blobs.BlobStore` of objects. Several processes and machines may work on one.

    Of what others write and read it knows nothing: that two go on with the same upload, whoever lets them has to
    prevent. Should it happen, the blob that comes of it is what one of them has written, or none.
    """

    _calls: Calls
    _keys: Keys
    _sizes: PartSizes
    _writing: Budget
    _reading: Budget
    _in_flight: set[BlobId] = field(factory=set)
    _being_read: Counter[BlobId] = field(factory=Counter)
    _writers: int = 0
    _ending: Deferred[None] | None = None

    @property
    def _listing(self) -> Listing:
        return Listing(calls=self._calls, keys=self._keys, in_flight=self._in_flight)

    async def close(self) -> None:
        """Wait until all writers have ended, and close the connections."""
        if self._writers:
            self._ending = Deferred()
            await self._ending
        await shield(self._calls.close())

    async def create(self) -> ObjectBlobWriter:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.create`."""
        return self._write(Draft(id=make_blob_id(), calls=self._calls, keys=self._keys, sizes=self._sizes))

    async def resume(self, blob: BlobId) -> ObjectBlobWriter:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.resume`."""
        if blob in self._in_flight:
            raise BlobInUse(blob)
        # From now on, so that nobody else does meanwhile.
        self._in_flight.add(blob)
        try:
            with translated():
                state = await self._find_state(blob)
        except BaseException:
            self._in_flight.discard(blob)
            raise
        writer = self._write(Draft.resume(blob, self._calls, self._keys, self._sizes, state))
        try:
            await writer.go_on(state.rest)
        except BaseException:
            writer.close()
            raise
        return writer

    async def open(self, blob: Blob) -> BlobReader:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.open`."""
        key, content = self._keys.find(blob.id), None
        with translated():
            try:
                if blob.size <= SMALL:
                    fetch = partial(ObjectClient.fetch, key=key, most=SMALL)
                    size, content = await self._calls.run(fetch, SMALL)
                else:
                    size = await self._calls.run(partial(ObjectClient.find_size, key=key))
            except ObjectMissing:
                raise BlobMissing(blob.id) from None
        return ContentReader(content) if content is not None else self._read(blob.id, key, size)

    def read_small(self, blob: Blob) -> BlobReader | None:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.read_small`: this store is further away than a disk."""
        return None

    async def delete(self, blobs: Sequence[BlobId]) -> Sequence[BlobId]:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.delete`. What is being read goes another time."""
        gone: list[BlobId] = []
        free = self._leave_out_what_is_read("deleted", blobs)
        for start in range(0, len(free), _DELETED):
            keys = {self._keys.find(blob): blob for blob in free[start : start + _DELETED]}
            try:
                problems = await self._calls.run(partial(ObjectClient.delete, keys=[*keys]))
            except StoreFault as fault:
                problems = dict.fromkeys(keys, str(fault))
            for reason in {*problems.values()}:
                _log.error("a blob cannot be {done}: {reason}", done="deleted", reason=reason)
            gone.extend(blob for key, blob in keys.items() if key not in problems)
        return [blob for blob in blobs if blob in {*gone}]

    async def list(self, before: Instant) -> AsyncIterator[Sequence[BlobId]]:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.list`."""
        async for bundle in self._listing.list_sealed(before):
            yield bundle

    async def list_suspended(self, before: Instant) -> AsyncIterator[Sequence[BlobId]]:
        """
        As :meth:`cloudsvc.drive.blobs.BlobStore.list_suspended`.

        What programs that were killed have left of uploads, and nobody can resume, is given up on the way, if it is as
        old.
        """
        yield await self._listing.list_suspended(before)

    async def quarantine(self, blobs: Sequence[BlobId]) -> Sequence[BlobId]:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.quarantine`. What is being read goes another time."""
        free = self._leave_out_what_is_read("put in quarantine", blobs)
        return await self._do_each("put in quarantine", self._quarantine, free)

    async def list_quarantined(self) -> AsyncIterator[Sequence[BlobId]]:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.list_quarantined`."""
        async for bundle in self._listing.list_quarantined():
            yield bundle

    async def release(self, blobs: Sequence[BlobId]) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.release`."""
        await self._do_each("released from quarantine", self._release, blobs)

    async def purge_quarantine(self, before: Instant) -> int:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.purge_quarantine`."""
        purged = 0
        async for bundle in self._listing.list_quarantined(before):
            keys = [self._keys.find_quarantined(blob) for blob in bundle]
            with translated():
                if keys and (problems := await self._calls.run(partial(ObjectClient.delete, keys=keys))):
                    raise StoreFault("delete_objects", next(iter(problems.values())), is_temporary=False)
            purged += len(keys)
        return purged

    async def free_bytes(self) -> int | None:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.free_bytes`: no store of objects tells."""
        return None

    async def holds_blobs(self) -> bool:
        """
        Whether there is any blob in it, sealed or in quarantine.

        :raises CloudError: the store fails.
        """
        return await self._listing.holds_blobs()

    def _write(self, draft: Draft) -> ObjectBlobWriter:
        self._in_flight.add(draft.id)
        self._writers += 1
        return ObjectBlobWriter(draft=draft, budget=self._writing, let_go=self._in_flight.discard, finish=self._finish)

    def _read(self, blob: BlobId, key: str, size: int) -> ObjectBlobReader:
        self._being_read[blob] += 1

        def let_go() -> None:
            self._being_read -= Counter([blob])

        return ObjectBlobReader(size=size, key=key, calls=self._calls, budget=self._reading, let_go=let_go)

    def _finish(self) -> None:
        self._writers -= 1
        if self._ending is not None and not self._writers:
            ending, self._ending = self._ending, None
            ending.callback(None)

    async def _find_state(self, blob: BlobId) -> State:
        """
        What of ``blob`` is durable. Of several states, which one that was killed may have left, the last one.

        :raises BlobMissing: nothing is, or it is sealed.
        """
        found, _ = await self._calls.run(partial(ObjectClient.list, prefix=self._keys.find_states(blob)))
        states = {place[1]: each.key for each in found if (place := self._keys.read_state(each.key)) is not None}
        if not states:
            raise BlobMissing(blob)
        state = await self._read_state(states[max(states)])
        if await self._is_sealed(blob) or not await self._is_pending(blob, state):
            # Whoever sealed it was stopped before it could say so; or a rule of the bucket has given the upload up.
            await self._calls.run(partial(ObjectClient.delete, keys=[*states.values()]))
            raise BlobMissing(blob)
        return state

    async def _read_state(self, key: str) -> State:
        try:
            fetch = partial(ObjectClient.fetch, key=key, most=self._sizes.largest_state)
            return State.decode((await self._calls.run(fetch, self._sizes.largest_state))[1])
        except ValueError as problem:
            raise StoreFault("get_object", f"the state {key} is damaged: {problem}", is_temporary=False) from None

    async def _is_pending(self, blob: BlobId, state: State) -> bool:
        """Whether the parts are still there, of which a suspended upload consists, if it has any."""
        if state.upload is None:
            return True
        try:
            find = partial(ObjectClient.find_last_part, key=self._keys.find(blob), upload=state.upload)
            await self._calls.run(find)
        except UploadMissing:
            return False
        return True

    async def _is_sealed(self, blob: BlobId) -> bool:
        try:
            await self._calls.run(partial(ObjectClient.find_size, key=self._keys.find(blob)))
        except ObjectMissing:
            return False
        return True

    def _leave_out_what_is_read(self, done: str, blobs: Sequence[BlobId]) -> Sequence[BlobId]:
        for blob in blobs:
            if blob in self._being_read:
                _log.info("the blob {blob} is not {done} yet: it is being read", blob=blob, done=done)
        return [blob for blob in blobs if blob not in self._being_read]

    async def _do_each(
        self, done: str, work: Callable[[BlobId], Awaitable[None]], blobs: Sequence[BlobId]
    ) -> Sequence[BlobId]:
        """Those of ``blobs`` with which ``work`` could be done; that others could not be ``done`` is logged."""

        async def attempt(blob: BlobId) -> bool:
            try:
                await work(blob)
            except (StoreFault, UploadMissing, ObjectMissing) as problem:
                _log.error("a blob cannot be {done}: {reason}", done=done, reason=str(problem))
                return False
            return True

        turns = DeferredSemaphore(_AT_ONCE)
        outcomes = await gatherResults([turns.run(_start, attempt, blob) for blob in blobs], consumeErrors=True)
        return [blob for blob, is_done in zip(blobs, outcomes, strict=True) if is_done]

    async def _quarantine(self, blob: BlobId) -> None:
        key = self._keys.find(blob)
        try:
            await copy_object(self._calls, self._sizes, key, self._keys.find_quarantined(blob))
        except ObjectMissing:
            return
        await self._delete(key)

    async def _release(self, blob: BlobId) -> None:
        if not await self._is_sealed(blob):
            await copy_object(self._calls, self._sizes, self._keys.find_quarantined(blob), self._keys.find(blob))
            await self._delete(self._keys.find_quarantined(blob))

    async def _delete(self, key: str) -> None:
        for code in (await self._calls.run(partial(ObjectClient.delete, keys=[key]))).values():
            raise StoreFault("delete_objects", code, is_temporary=False)


def _start(work: Callable[[BlobId], Awaitable[bool]], blob: BlobId) -> Deferred[bool]:
    async def run() -> bool:
        return await work(blob)

    return Deferred.fromCoroutine(run())
