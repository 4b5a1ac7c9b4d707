"""The store of blobs in a directory of this machine."""

from __future__ import annotations

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
from cloudsvc.storage.blobs.faults import translated
from cloudsvc.storage.blobs.places import Places, make_blob_id
from cloudsvc.storage.blobs.reading import LocalBlobReader, OpenFile
from cloudsvc.storage.blobs.writing import LocalBlobWriter

_FLIGHT_SECONDS: Final = 3600.0
"""For so long a blob that another process has sealed may wait to be committed."""

_FOLDERS: Final = 16
"""Folders that are listed in one trip to a thread."""


async def open_blobs(directory: Path, threads: ThreadRunner, *, disk: Disk | None = None) -> LocalBlobs:
    """
    The store in ``directory``, which is made where it is missing. Whoever opens it closes it.

    :raises OSError: it cannot be made.
    """
    places = await shield(threads.run(Places.open, directory), Places.close)
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
        await shield(self._threads.run(self._places.close))

    async def create(self) -> LocalBlobWriter:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.create`."""
        blob = make_blob_id()
        self._in_flight.add(blob)
        return LocalBlobWriter.begin(blob, self._places, self._disk, self._threads, self._in_flight.discard)

    async def open(self, blob: BlobId) -> LocalBlobReader:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.open`."""
        with translated():
            file = await shield(self._threads.run(self._open, blob), OpenFile.let_go)
        return LocalBlobReader(file=file, threads=self._threads)

    async def delete(self, blobs: Sequence[BlobId]) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.delete`."""
        with translated():
            await self._threads.run(self._delete, blobs)

    async def list(self) -> AsyncIterator[Sequence[BlobId]]:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.list`."""
        with translated():
            folders = await self._threads.run(self._places.list_folders)
        for start in range(0, len(folders), _FOLDERS):
            with translated():
                found = await self._threads.run(self._list, folders[start : start + _FOLDERS])
            # Looked at only now: what was committed and let go since is in the catalogue, for whoever asks next.
            if bundle := [blob for blob in found if blob not in self._in_flight]:
                yield bundle

    async def free_bytes(self) -> int:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.free_bytes`."""
        with translated():
            return await self._threads.run(self._disk.free_bytes, self._places.blobs)

    def _open(self, blob: BlobId) -> OpenFile:
        try:
            return OpenFile.open(self._places.find(blob), self._disk)
        except FileNotFoundError:
            raise BlobMissing(blob) from None

    def _delete(self, blobs: Sequence[BlobId]) -> None:
        problems = []
        for blob in blobs:
            # Not made durable: should one come back after a power failure, nobody knows it, and it is a stray.
            try:
                self._disk.remove(self._places.find(blob))
            except OSError as problem:
                problems.append(problem)
        if problems:
            # Only now, so that one bad file keeps nobody from deleting the others.
            raise problems[0]

    def _list(self, folders: Sequence[Path]) -> Sequence[BlobId]:
        found = self._list_sealed_before(folders, None)
        # Asked only now: whoever has come since has nothing among what was found.
        if self._places.is_shared():
            return self._list_sealed_before(folders, time.time() - _FLIGHT_SECONDS)
        return found

    def _list_sealed_before(self, folders: Sequence[Path], moment: float | None) -> Sequence[BlobId]:
        return [blob for folder in folders for blob in self._places.list_blobs(folder, moment)]
