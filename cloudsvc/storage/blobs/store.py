"""The store of blobs in a directory of this machine."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

from attrs import define, field

from cloudsvc.core.coroutines import shield
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.blobs import BlobMissing
from cloudsvc.drive.nodes import BlobId
from cloudsvc.storage.blobs.disk import Disk
from cloudsvc.storage.blobs.faults import translate
from cloudsvc.storage.blobs.places import Places, make_blob_id
from cloudsvc.storage.blobs.reading import LocalBlobReader
from cloudsvc.storage.blobs.writing import LocalBlobWriter

_FLIGHT_SECONDS: Final = 3600.0
"""For so long a blob that another process has sealed may wait to be committed."""


async def open_blobs(directory: Path, threads: ThreadRunner, *, disk: Disk | None = None) -> LocalBlobs:
    """
    The store in ``directory``, which is made where it is missing. Whoever opens it closes it.

    :raises OSError: it cannot be made.
    """
    places = await threads.run(Places.open, directory)
    return LocalBlobs(places=places, threads=threads, disk=disk or Disk())


@define(eq=False, kw_only=True)
class LocalBlobs:
    """A :class:`cloudsvc.drive.blobs.BlobStore` of files. Several processes may work on one directory."""

    _places: Places
    _threads: ThreadRunner
    _disk: Disk
    _in_flight: set[BlobId] = field(factory=set)

    async def close(self) -> None:
        """Let go of the directory. Writers are ended before."""
        await self._threads.run(self._places.close)

    async def create(self) -> LocalBlobWriter:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.create`."""
        blob = make_blob_id()
        self._in_flight.add(blob)
        return LocalBlobWriter.begin(blob, self._places, self._disk, self._threads, self._in_flight.discard)

    async def open(self, blob: BlobId) -> LocalBlobReader:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.open`."""
        opening = self._threads.run(self._disk.open, self._places.find(blob))
        try:
            descriptor = await shield(opening, os.close)
        except FileNotFoundError:
            raise BlobMissing(blob) from None
        except OSError as problem:
            raise translate(problem) from problem
        return LocalBlobReader.take(descriptor, self._disk, self._threads)

    async def delete(self, blobs: Sequence[BlobId]) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.delete`."""
        if not blobs:
            return
        try:
            await self._threads.run(self._delete, blobs)
        except OSError as problem:
            raise translate(problem) from problem

    async def list(self) -> AsyncIterator[Sequence[BlobId]]:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.list`."""
        shared = await self._threads.run(self._places.is_shared)
        sealed_before = time.time() - _FLIGHT_SECONDS if shared else None
        for folder in await self._threads.run(self._places.list_folders):
            found = await self._threads.run(self._places.list_blobs, folder, sealed_before)
            # Looked at only now: what was committed and let go since is in the catalogue, for whoever asks next.
            if bundle := [blob for blob in found if blob not in self._in_flight]:
                yield bundle

    async def free_bytes(self) -> int:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.free_bytes`."""
        status = await self._threads.run(os.statvfs, self._places.blobs)
        return status.f_bavail * status.f_frsize

    def _delete(self, blobs: Sequence[BlobId]) -> None:
        for blob in blobs:
            # Not made durable: should one come back after a power failure, nobody knows it, and it is a stray.
            self._disk.remove(self._places.find(blob))
