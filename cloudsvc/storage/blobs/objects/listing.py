"""Lists of what is in a bucket, by age; what nobody can use any more is removed on the way."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Sequence
from functools import partial

from attrs import frozen
from twisted.logger import Logger

from cloudsvc.drive.nodes import BlobId, Instant
from cloudsvc.storage.blobs.objects.calls import Calls
from cloudsvc.storage.blobs.objects.client import ObjectClient
from cloudsvc.storage.blobs.objects.entries import PendingUpload, StoredObject
from cloudsvc.storage.blobs.objects.faults import UploadMissing, translated
from cloudsvc.storage.blobs.objects.keys import Keys

_log = Logger("cloudsvc.storage")


@frozen(kw_only=True)
class Listing:
    """
    What is there, as the store tells.

    :ivar in_flight: blobs that this process writes.
    """

    _calls: Calls
    _keys: Keys
    _in_flight: Collection[BlobId]

    async def list_sealed(self, before: Instant) -> AsyncIterator[Sequence[BlobId]]:
        """Blobs that were sealed before a moment, page by page."""
        async for page in self._list_pages(self._keys.blobs):
            old = [
                blob
                for each in page
                if each.modified_at < before and (blob := self._keys.read_blob(each.key)) is not None
            ]
            # After the page: what was in it was marked by then, and loses its mark when the catalogue knows it.
            young = {self._keys.read_mark(each.key) for each in await self._list_marks(before)} if old else set()
            yield [blob for blob in old if blob not in self._in_flight and blob not in young]

    async def list_quarantined(self, before: Instant | None = None) -> AsyncIterator[Sequence[BlobId]]:
        """Blobs in quarantine, those that have been there since before a moment, page by page."""
        async for page in self._list_pages(self._keys.quarantined):
            yield [
                blob
                for each in page
                if (before is None or each.modified_at < before)
                and (blob := self._keys.read_blob(each.key)) is not None
            ]

    async def list_suspended(self, before: Instant) -> Sequence[BlobId]:
        """
        Blobs of which bytes are durable, none of them from after a moment. Uploads without any are aborted.

        There are as many as have been begun in a week and not finished, which are few enough to be remembered.
        """
        newest: dict[BlobId, Instant] = {}
        async for page in self._list_pages(self._keys.suspended):
            for each in page:
                if (state := self._keys.read_state(each.key)) is not None:
                    newest[state[0]] = max(each.modified_at, newest.get(state[0], each.modified_at))
        await self._sweep(before, newest)
        return [blob for blob, at in newest.items() if at < before and blob not in self._in_flight]

    async def holds_blobs(self) -> bool:
        """Whether there is any blob, sealed or in quarantine."""
        for top in (self._keys.blobs, self._keys.quarantined):
            with translated():
                found, _ = await self._calls.run(partial(ObjectClient.list, prefix=top, most=1))
            if found:
                return True
        return False

    async def _list_pages(self, prefix: str) -> AsyncIterator[Sequence[StoredObject]]:
        token = None
        while True:
            with translated():
                page, token = await self._calls.run(partial(ObjectClient.list, prefix=prefix, token=token))
            yield page
            if token is None:
                return

    async def _list_marks(self, before: Instant) -> Sequence[StoredObject]:
        """
        What says of blobs that they were sealed after a moment. What says so of longer ago is deleted: a program was
        killed between sealing and what followed, and then the catalogue knows the blob, or never will.
        """
        young: list[StoredObject] = []
        async for page in self._list_pages(self._keys.sealing):
            young += [each for each in page if each.modified_at >= before]
            old = [
                each.key
                for each in page
                if each.modified_at < before and self._keys.read_mark(each.key) not in self._in_flight
            ]
            if old:
                with translated():
                    await self._calls.run(partial(ObjectClient.delete, keys=old))
        return young

    async def _sweep(self, before: Instant, resumable: Collection[BlobId]) -> None:
        token = None
        while True:
            with translated():
                page, token = await self._calls.run(
                    partial(ObjectClient.list_uploads, prefix=self._keys.prefix, token=token)
                )
                for each in page:
                    blob = self._keys.read_blob(each.key)
                    if each.begun_at < before and not (blob is None or blob in resumable or blob in self._in_flight):
                        await self._calls.run(partial(_abort, upload=each, before=before))
            if token is None:
                return


def _abort(client: ObjectClient, upload: PendingUpload, before: Instant) -> None:
    """Give up an upload, unless parts of it have come since."""
    try:
        newest = client.find_last_part(upload.key, upload.id)
    except UploadMissing:
        return
    if newest is None or newest < before:
        client.abort(upload.key, upload.id)
        _log.info("an upload that was left was aborted: {key}", key=upload.key)
