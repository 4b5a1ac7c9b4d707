"""The store of blobs in a directory of this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.logger import Logger

from cloudsvc.core.coroutines import shield
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.blobs import BlobMissing
from cloudsvc.drive.nodes import BlobId, Instant
from cloudsvc.storage.blobs.disk import Disk
from cloudsvc.storage.blobs.places import Places, make_blob_id
from cloudsvc.storage.blobs.reading import LocalBlobReader, OpenFile
from cloudsvc.storage.blobs.writing import LocalBlobWriter
from cloudsvc.storage.faults import translated

_log = Logger("cloudsvc.storage")

_FOLDERS: Final = 16
"""Folders that are listed in one trip to a thread."""


async def open_blobs(
    directory: Path, threads: ThreadRunner, *, writing: ThreadRunner | None = None, disk: Disk | None = None
) -> LocalBlobs:
    """
    The store in ``directory``, which is made where it is missing. Whoever opens it closes it.

    :param writing: threads in which blobs are written and deleted; ``None`` where those of all else will do.
    :raises OSError: it cannot be made.
    """
    places = await shield(threads.run(Places.open, directory), Places.close)
    return LocalBlobs(places=places, threads=threads, writing=writing or threads, disk=disk or Disk())


@define(eq=False, kw_only=True)
class LocalBlobs:
    """A :class:`cloudsvc.drive.blobs.BlobStore` of files. Several processes may work on one directory."""

    _places: Places
    _threads: ThreadRunner
    _writing: ThreadRunner
    _disk: Disk
    _in_flight: set[BlobId] = field(factory=set)
    _landing: Deferred[None] | None = None

    async def close(self) -> None:
        """Wait until all writers have ended, and let go of the directory."""
        if self._in_flight:
            self._landing = Deferred()
            await self._landing
        await shield(self._threads.run(self._places.close))

    async def create(self) -> LocalBlobWriter:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.create`."""
        blob = make_blob_id()
        self._in_flight.add(blob)
        return LocalBlobWriter.begin(blob, self._places, self._disk, self._writing, self._land)

    async def open(self, blob: BlobId) -> LocalBlobReader:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.open`."""
        with translated():
            file = await shield(self._threads.run(self._open, blob), OpenFile.let_go)
        return LocalBlobReader(file=file, threads=self._threads)

    async def delete(self, blobs: Sequence[BlobId]) -> Sequence[BlobId]:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.delete`."""
        # Not made durable: should one come back after a power failure, nobody knows it, and it is a stray.
        return await self._do_each("deleted", lambda blob: self._disk.remove(self._places.find(blob)), blobs)

    async def list(self) -> AsyncIterator[Sequence[BlobId]]:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.list`."""
        async for folders in self._list_folders(self._places.list_folders):
            with translated():
                yield await self._threads.run(self._list, folders)

    async def find_landed(self, blobs: Sequence[BlobId]) -> Sequence[BlobId]:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.find_landed`."""
        with translated():
            return await self._threads.run(self._find_landed, blobs)

    async def set_aside(self, blobs: Sequence[BlobId]) -> Sequence[BlobId]:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.set_aside`."""
        return await self._do_each("set aside", self._set_aside, blobs)

    async def list_aside(self) -> AsyncIterator[Sequence[BlobId]]:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.list_aside`."""
        async for folders in self._list_folders(self._places.list_folders_aside):
            with translated():
                yield await self._threads.run(self._list, folders)

    async def put_back(self, blobs: Sequence[BlobId]) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.put_back`."""
        await self._do_each("put back", self._put_back, blobs)

    async def clear_aside(self, before: Instant) -> int:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.clear_aside`."""
        cleared = 0
        async for folders in self._list_folders(self._places.list_folders_aside):
            with translated():
                cleared += await self._writing.run(self._clear_aside, folders, before)
        return cleared

    async def free_bytes(self) -> int:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.free_bytes`."""
        with translated():
            return await self._threads.run(self._disk.free_bytes, self._places.blobs)

    def _open(self, blob: BlobId) -> OpenFile:
        try:
            return OpenFile.open(self._places.find(blob), self._disk)
        except FileNotFoundError:
            raise BlobMissing(blob) from None

    def _land(self, blob: BlobId) -> None:
        self._in_flight.discard(blob)
        if self._landing is not None and not self._in_flight:
            landing, self._landing = self._landing, None
            landing.callback(None)

    async def _do_each(self, done: str, work: Callable[[BlobId], None], blobs: Sequence[BlobId]) -> Sequence[BlobId]:
        """Those of ``blobs`` with which ``work`` could be done; that others could not be ``done`` is logged."""
        finished, problems = await self._writing.run(_try_each, work, blobs)
        for problem in problems:
            _log.error("a blob cannot be {done}: {reason}", done=done, reason=str(problem))
        return finished

    async def _list_folders(self, ask: Callable[[], Sequence[Path]]) -> AsyncIterator[Sequence[Path]]:
        with translated():
            folders = await self._threads.run(ask)
        for start in range(0, len(folders), _FOLDERS):
            yield folders[start : start + _FOLDERS]

    def _set_aside(self, blob: BlobId) -> None:
        place, aside = self._places.find(blob), self._places.find_aside(blob)
        try:
            if self._disk.status(place).st_nlink > 1:
                # It is kept under another name already, as those are that `cloudsvc restore` has replaced.
                self._disk.remove(place)
                return
            self._places.make_durable(aside.parent, self._disk)
            self._disk.touch(place)
            self._disk.rename(place, aside)
        except FileNotFoundError:
            return

    def _put_back(self, blob: BlobId) -> None:
        folder = self._places.find_folder(blob)
        self._places.make_durable(folder, self._disk)
        if not self._places.find(blob).exists():
            self._disk.rename(self._places.find_aside(blob), self._places.find(blob))

    def _clear_aside(self, folders: Sequence[Path], before: Instant) -> int:
        old = [
            place
            for place in map(self._places.find_aside, self._list(folders))
            if self._disk.status(place).st_mtime_ns < before * 1000
        ]
        for place in old:
            self._disk.remove(place)
        return len(old)

    def _list(self, folders: Sequence[Path]) -> Sequence[BlobId]:
        return [blob for folder in folders for blob in self._places.list_blobs(folder)]

    def _find_landed(self, blobs: Sequence[BlobId]) -> Sequence[BlobId]:
        landed: list[BlobId] = []
        for blob in blobs:
            with suppress(FileNotFoundError):
                if not self._disk.is_locked(self._places.find(blob)):
                    landed.append(blob)
        return landed


def _try_each(work: Callable[[BlobId], None], blobs: Sequence[BlobId]) -> tuple[Sequence[BlobId], Sequence[OSError]]:
    finished: list[BlobId] = []
    problems: list[OSError] = []
    for blob in blobs:
        try:
            work(blob)
        except OSError as problem:
            problems.append(problem)
        else:
            finished.append(blob)
    return finished, problems
