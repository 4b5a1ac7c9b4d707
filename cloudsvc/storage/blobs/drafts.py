"""Draft of a blob: the file that becomes one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from attrs import define, field

from cloudsvc.drive.blobs import BlobInUse, BlobMissing
from cloudsvc.drive.checksums import Checksums
from cloudsvc.drive.nodes import Blob, BlobId
from cloudsvc.storage.blobs.disk import Disk
from cloudsvc.storage.blobs.layout import Layout

PIECE: Final = 1024 * 1024
"""Bytes that are hashed and written at a time: few enough to keep in memory, enough to be worth a trip to a thread."""

CATCHING_UP: Final = 4 * PIECE
"""Bytes of what was there before a blob was resumed that are read again and hashed with each piece that arrives."""

UNHASHED: Final = 64 * PIECE
"""Bytes that sealing still hashes. Where more are left the checksums stay unknown, and a background job reads them."""


@define(eq=False, kw_only=True)
class Draft:
    """
    The file that becomes a blob. Its methods block, and are called one after another.

    Whichever of them fails removes the file, unless some of its bytes are durable: those stay. None is tried again:
    after a failed fsync nobody knows what is on disk. The descriptor stays open, and the file locked with it, until it
    is somebody else's.

    :ivar size: bytes that are written.
    :ivar place: where the file is; ``None`` where there is none.
    :ivar is_durable: whether some of them, or that there are none, can be had again when this process is gone.
    """

    id: BlobId
    _layout: Layout
    _disk: Disk
    size: int = 0
    _place: Path | None = None
    _is_durable: bool = False
    _descriptor: int | None = None
    _checksums: Checksums = field(factory=Checksums)

    @classmethod
    def resume(cls, blob: BlobId, layout: Layout, disk: Disk) -> Draft:
        """
        That of ``blob``, with the bytes that are durable.

        :raises BlobMissing: none are.
        :raises BlobInUse: somebody else has it.
        :raises OSError: it cannot be opened.
        """
        while True:
            found = next(((size, place) for each, size, place in layout.list_suspended() if each == blob), None)
            if found is None:
                raise BlobMissing(blob)
            size, place = found
            try:
                descriptor = disk.resume(place, size)
            except FileNotFoundError:
                continue  # It has another name by now, or none.
            if descriptor is None:
                raise BlobInUse(blob)
            return cls(
                id=blob, layout=layout, disk=disk, size=size, place=place, is_durable=True, descriptor=descriptor
            )

    def append(self, piece: bytearray) -> None:
        """Write the next bytes."""
        with self._given_up_on_failure():
            self._write(piece)

    def sync(self, piece: bytearray) -> int:
        """Write the next bytes, and make all durable; how many that are."""
        with self._given_up_on_failure():
            self._disk.sync(self._write(piece))
            # Only its new name says so: what was written behind the last sync may be anything after a power failure.
            self._move(self._layout.find_suspended(self.id, self.size), self._layout.suspended)
            self._is_durable = True
        return self.size

    def complete(self, piece: bytearray) -> Blob:
        """Write the last bytes and put the file into its place, durably."""
        with self._given_up_on_failure():
            descriptor = self._write(piece)
            if self.size - self._checksums.size <= UNHASHED:
                self._catch_up(UNHASHED)
            self._disk.sync(descriptor)
            folder = self._layout.find_folder(self.id)
            self._layout.make_durable(folder, self._disk)
            self._move(self._layout.find(self.id), folder)
        if self._checksums.size < self.size:
            return Blob(id=self.id, size=self.size, digest=None)
        return Blob(id=self.id, size=self.size, digest=self._checksums.digest, crc32=self._checksums.crc32)

    def replace(self, blob: BlobId) -> None:
        """Take the place of another."""
        with self._given_up_on_failure():
            folder = self._layout.find_folder(blob)
            self._layout.make_durable(folder, self._disk)
            self._disk.rename(self._layout.find(self.id), self._layout.find(blob))
            self._place = None
            self._disk.sync_folder(folder)
            self.close()

    def remove(self) -> None:
        """Remove whatever there is of it."""
        # Not made durable: should the power fail now, what comes back is an orphaned blob, which is found and removed.
        place, self._place = self._place, None
        try:
            self.close()
            if place is not None:
                self._disk.remove(place)
        finally:
            # Whatever failed may have given it this name.
            self._disk.remove(self._layout.find(self.id))

    def close(self) -> None:
        """Let go of the file. It does not block: what was written is on disk, or is not wanted."""
        descriptor, self._descriptor = self._descriptor, None
        if descriptor is not None:
            os.close(descriptor)

    def _write(self, piece: bytearray) -> int:
        if self._descriptor is None:
            place = self._layout.find_incoming(self.id)
            self._descriptor = self._disk.create(place)
            self._place = place
        start, self.size = self.size, self.size + len(piece)
        if self._checksums.size == start:
            self._checksums.add(piece)
        self._disk.write(self._descriptor, piece)
        self._catch_up(CATCHING_UP)
        return self._descriptor

    def _catch_up(self, most: int) -> None:
        """Hash what was there before, and what came behind it."""
        stop = min(self.size, self._checksums.size + most)
        while (start := self._checksums.size) < stop and self._descriptor is not None:
            data = self._disk.read(self._descriptor, min(PIECE, stop - start), start)
            if not data:
                raise OSError(0, f"{self._place} has only {start} bytes by now")
            self._checksums.add(data)

    def _move(self, place: Path, folder: Path) -> None:
        if self._place is not None and place != self._place:
            self._disk.rename(self._place, place)
            self._place = place
        self._disk.sync_folder(folder)

    @contextmanager
    def _given_up_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            if self._is_durable and self._place is not None and self._place.parent == self._layout.suspended:
                self.close()
            else:
                self.remove()
            raise
