"""Blob store in a directory of this machine."""

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
from cloudsvc.drive.blobs import BlobMissing, BlobReader
from cloudsvc.drive.nodes import Blob, BlobId, Instant
from cloudsvc.storage.blobs.disk import Disk
from cloudsvc.storage.blobs.drafts import Draft
from cloudsvc.storage.blobs.layout import Layout, make_blob_id
from cloudsvc.storage.blobs.reading import SMALL, open_file, read_file
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
    layout = await shield(threads.run(Layout.open, directory), Layout.close)
    return LocalBlobs(layout=layout, threads=threads, writing=writing or threads, disk=disk or Disk())


@define(eq=False, kw_only=True)
class LocalBlobs:
    """A :class:`cloudsvc.drive.blobs.BlobStore` of files. Several processes may work on one directory."""

    _layout: Layout
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
        await shield(self._threads.run(self._layout.close))

    async def create(self) -> LocalBlobWriter:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.create`."""
        draft = Draft(id=make_blob_id(), layout=self._layout, disk=self._disk)
        self._in_flight.add(draft.id)
        return LocalBlobWriter.begin(draft, self._writing, self._land)

    async def resume(self, blob: BlobId) -> LocalBlobWriter:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.resume`."""
        with translated():
            draft = await shield(self._writing.run(Draft.resume, blob, self._layout, self._disk), Draft.close)
        self._in_flight.add(blob)
        return LocalBlobWriter.resume(draft, self._writing, self._land)

    async def open(self, blob: Blob) -> BlobReader:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.open`."""
        with translated():
            return await shield(
                self._threads.run(self._open, blob), lambda reader: Deferred.fromCoroutine(reader.close())
            )

    def read_small(self, blob: Blob) -> BlobReader | None:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.read_small`."""
        if blob.size > SMALL:
            return None
        with translated():
            try:
                return read_file(self._layout.find(blob.id), self._disk)
            except FileNotFoundError:
                raise BlobMissing(blob.id) from None

    def _open(self, blob: Blob) -> BlobReader:
        try:
            return open_file(self._layout.find(blob.id), self._disk, self._threads)
        except FileNotFoundError:
            raise BlobMissing(blob.id) from None

    async def delete(self, blobs: Sequence[BlobId]) -> Sequence[BlobId]:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.delete`."""
        # Not made durable: should one come back after a power failure, nobody knows it, and it is orphaned.
        return await self._do_each("deleted", lambda blob: self._disk.remove(self._layout.find(blob)), blobs)

    async def list(self, before: Instant) -> AsyncIterator[Sequence[BlobId]]:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.list`."""
        async for folders in self._list_folders(self._layout.list_folders):
            with translated():
                yield await self._threads.run(self._list_before, folders, before)

    async def list_suspended(self, before: Instant) -> AsyncIterator[Sequence[BlobId]]:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.list_suspended`."""
        with translated():
            yield await self._threads.run(self._list_suspended, before)

    async def quarantine(self, blobs: Sequence[BlobId]) -> Sequence[BlobId]:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.quarantine`."""
        return await self._do_each("put in quarantine", self._quarantine, blobs)

    async def list_quarantined(self) -> AsyncIterator[Sequence[BlobId]]:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.list_quarantined`."""
        async for folders in self._list_folders(self._layout.list_quarantine_folders):
            with translated():
                yield await self._threads.run(self._list, folders)

    async def release(self, blobs: Sequence[BlobId]) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.release`."""
        await self._do_each("released from quarantine", self._release, blobs)

    async def purge_quarantine(self, before: Instant) -> int:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.purge_quarantine`."""
        purged = 0
        async for folders in self._list_folders(self._layout.list_quarantine_folders):
            with translated():
                purged += await self._writing.run(self._purge_quarantine, folders, before)
        return purged

    async def free_bytes(self) -> int | None:
        """As :meth:`cloudsvc.drive.blobs.BlobStore.free_bytes`."""
        with translated():
            return await self._threads.run(self._disk.free_bytes, self._layout.blobs)

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

    def _quarantine(self, blob: BlobId) -> None:
        place, quarantined = self._layout.find(blob), self._layout.find_quarantined(blob)
        try:
            # That it has another name, as those have that `cloudsvc restore` has replaced, is no reason to remove it:
            # whoever removes the other one meanwhile takes no more than that.
            self._disk.touch(place)
            self._layout.make_durable(quarantined.parent, self._disk)
            if quarantined.exists() and quarantined.samefile(place):
                # Renaming one of two names of a file to the other does nothing (POSIX).
                self._disk.remove(place)
            else:
                self._disk.rename(place, quarantined)
        except FileNotFoundError:
            return

    def _release(self, blob: BlobId) -> None:
        folder = self._layout.find_folder(blob)
        self._layout.make_durable(folder, self._disk)
        if not self._layout.find(blob).exists():
            self._disk.rename(self._layout.find_quarantined(blob), self._layout.find(blob))

    def _purge_quarantine(self, folders: Sequence[Path], before: Instant) -> int:
        old = [
            place
            for place in map(self._layout.find_quarantined, self._list(folders))
            if self._disk.status(place).st_mtime_ns < before * 1000
        ]
        for place in old:
            self._disk.remove(place)
        return len(old)

    def _list(self, folders: Sequence[Path]) -> Sequence[BlobId]:
        return [blob for folder in folders for blob in self._layout.list_blobs(folder)]

    def _list_before(self, folders: Sequence[Path], before: Instant) -> Sequence[BlobId]:
        return [blob for blob in self._list(folders) if self._is_left(self._layout.find(blob), before)]

    def _list_suspended(self, before: Instant) -> Sequence[BlobId]:
        return [blob for blob, _, place in self._layout.list_suspended() if self._is_left(place, before)]

    def _is_left(self, place: Path, before: Instant) -> bool:
        """
        Whether a file is there that was last written before a moment, and no writer of this machine has it.

        The second is not what makes it safe, but of this machine it can be told, however wrong its clock is.
        """
        with suppress(FileNotFoundError):
            return self._disk.status(place).st_mtime_ns < before * 1000 and not self._disk.is_locked(place)
        return False


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
