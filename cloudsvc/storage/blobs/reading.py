"""Blob readers: a small blob is read at once when it is opened, a large one in pieces."""

from __future__ import annotations

import errno
import os
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Final

from attrs import define

from cloudsvc.core.coroutines import shield
from cloudsvc.core.shared_descriptor import SharedDescriptor
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.errors import storage_failed
from cloudsvc.storage.blobs.disk import Disk
from cloudsvc.storage.faults import translated

SMALL: Final = 64 * 1024
"""Bytes up to which a blob is read when it is opened, by the thread that opens it: another trip would cost more."""

PIECE: Final = 256 * 1024
"""Bytes that are read at a time: few calls to TLS, each worth a trip to a thread. If they are in memory they are copied
without one, which costs less."""


@define(eq=False)
class ContentReader:
    """A :class:`cloudsvc.drive.blobs.BlobReader` of bytes that are at hand."""

    _content: bytes

    @property
    def size(self) -> int:
        """In bytes."""
        return len(self._content)

    async def stream(self, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """As :meth:`cloudsvc.drive.blobs.BlobReader.stream`."""
        if stop > len(self._content):
            raise storage_failed()
        if start < stop:
            yield self._content[start:stop]

    async def close(self) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobReader.close`."""


@define(eq=False, kw_only=True)
class OpenFile:
    """
    A file open for reading, closed once nobody uses it. Its methods block, unless they say that they do not.

    :ivar size: in bytes.
    """

    _disk: Disk
    _descriptor: SharedDescriptor
    size: int
    _lent: int | None = None

    def read(self, offset: int, length: int) -> bytes:
        """
        ``length`` bytes from ``offset``.

        :raises OSError: they cannot be read, or there are fewer.
        """
        with self._descriptor.used() as descriptor:
            return _read(self._disk, descriptor, offset, length)

    def read_cached(self, offset: int, length: int) -> bytes | None:
        """As :meth:`read`, for what the system has in memory; ``None`` for anything else. Does not block."""
        with self._descriptor.used() as descriptor:
            return self._disk.read_cached(descriptor, length, offset)

    def lend(self) -> int:
        """
        Another descriptor, always the same, closed together with the first.

        :raises OSError: it cannot be had.
        """
        with self._descriptor.used() as descriptor:
            if self._lent is None:
                self._lent = self._disk.reopen(descriptor)
                self._descriptor.attach(self._lent)
            return self._lent

    def let_go(self) -> None:
        """One user less."""
        self._descriptor.release()


@define(eq=False, kw_only=True)
class LocalBlobReader:
    """Reads an open file in threads, and is one user of it."""

    _file: OpenFile
    _threads: ThreadRunner
    _is_closed: bool = False

    @property
    def size(self) -> int:
        """In bytes."""
        return self._file.size

    async def stream(self, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """As :meth:`cloudsvc.drive.blobs.BlobReader.stream`."""
        for offset in range(start, stop, PIECE):
            yield await self._read(offset, min(PIECE, stop - offset))

    async def descriptor(self) -> int:
        """As :meth:`cloudsvc.drive.spooling.LocalFile.descriptor`."""
        with translated():
            return await self._threads.run(self._file.lend)

    async def close(self) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobReader.close`."""
        if not self._is_closed:
            self._is_closed = True
            # In a thread: with its last descriptor a deleted file goes, and a large one takes its time.
            with translated():
                await shield(self._threads.run(self._file.let_go))

    async def _read(self, offset: int, length: int) -> bytes:
        if (data := self._file.read_cached(offset, length)) is not None:
            return data
        with translated():
            return await self._threads.run(self._file.read, offset, length)


def open_file(path: Path, disk: Disk, threads: ThreadRunner) -> ContentReader | LocalBlobReader:
    """
    A reader of the file at ``path``. Blocks.

    :raises OSError: it cannot be opened or read.
    """
    descriptor = disk.open(path)
    try:
        size = disk.size(descriptor)
        if size > SMALL:
            file = OpenFile(disk=disk, descriptor=SharedDescriptor(descriptor), size=size)
            return LocalBlobReader(file=file, threads=threads)
        content = _read(disk, descriptor, 0, size)
    except BaseException:
        os.close(descriptor)
        raise
    os.close(descriptor)
    return ContentReader(content)


def read_file(path: Path, disk: Disk) -> ContentReader | None:
    """
    A reader of the file at ``path``, which is read and closed by then; ``None`` where it is not small. Blocks.

    :raises OSError: it cannot be opened or read.
    """
    descriptor = disk.open(path)
    try:
        size = disk.size(descriptor)
        return None if size > SMALL else ContentReader(_read(disk, descriptor, 0, size))
    finally:
        os.close(descriptor)


def _read(disk: Disk, descriptor: int, offset: int, length: int) -> bytes:
    data = disk.read(descriptor, length, offset)
    if len(data) < length:
        raise OSError(errno.EIO, f"a blob has only {offset + len(data)} bytes by now")
    return data
