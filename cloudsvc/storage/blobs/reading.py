"""A blob that is being read."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Final

from attrs import define, field

from cloudsvc.core.coroutines import shield
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.storage.blobs.disk import Disk
from cloudsvc.storage.faults import translated

_AT_ONCE: Final = 256 * 1024
"""Bytes that are copied without a trip to a thread, if they are in memory. The trip costs more than the copy."""


@define(eq=False, kw_only=True)
class OpenFile:
    """
    A file open for reading, closed once nobody uses it: a thread may still read when whoever asked it has left, and
    must not read another file that has got the same number. Its methods block, unless they say that they do not.

    :ivar size: in bytes.
    """

    _disk: Disk
    _descriptor: int
    size: int
    _lent: int | None = None
    _users: int = 1
    _lock: Lock = field(factory=Lock)

    @classmethod
    def open(cls, path: Path, disk: Disk) -> OpenFile:
        """
        The file at ``path``, with one user.

        :raises OSError: it cannot be opened.
        """
        descriptor = disk.open(path)
        try:
            return cls(disk=disk, descriptor=descriptor, size=disk.size(descriptor))
        except BaseException:
            os.close(descriptor)
            raise

    def read(self, offset: int, length: int) -> bytes:
        """
        As :meth:`cloudsvc.drive.blobs.BlobReader.read`.

        :raises OSError: it cannot be read, or is shorter than it was.
        """
        wanted = max(0, min(length, self.size - offset))
        with self._used() as descriptor:
            data = self._disk.read(descriptor, wanted, offset)
        if len(data) < wanted:
            raise OSError(errno.EIO, f"a blob of {self.size} bytes has fewer by now")
        return data

    def read_cached(self, offset: int, length: int) -> bytes | None:
        """As :meth:`read`, for what the system has in memory; ``None`` for anything else. Does not block."""
        with self._used() as descriptor:
            return self._disk.read_cached(descriptor, max(0, min(length, self.size - offset)), offset)

    def lend(self) -> int:
        """
        Another descriptor, always the same, closed together with the first.

        :raises OSError: it cannot be had.
        """
        with self._used() as descriptor:
            if self._lent is None:
                self._lent = self._disk.reopen(descriptor)
            return self._lent

    def let_go(self) -> None:
        """One user less."""
        with self._lock:
            self._users -= 1
            if self._users > 0:
                return
        os.close(self._descriptor)
        if self._lent is not None:
            os.close(self._lent)

    @contextmanager
    def _used(self) -> Iterator[int]:
        with self._lock:
            if self._users == 0:
                raise ValueError("the blob is closed")
            self._users += 1
        try:
            yield self._descriptor
        finally:
            self.let_go()


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

    async def read(self, offset: int, length: int) -> bytes:
        """As :meth:`cloudsvc.drive.blobs.BlobReader.read`."""
        if length <= _AT_ONCE and (data := self._file.read_cached(offset, length)) is not None:
            return data
        with translated():
            return await self._threads.run(self._file.read, offset, length)

    async def descriptor(self) -> int:
        """As :meth:`cloudsvc.drive.blobs.BlobReader.descriptor`."""
        with translated():
            return await self._threads.run(self._file.lend)

    async def close(self) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobReader.close`."""
        if not self._is_closed:
            self._is_closed = True
            # In a thread: with its last descriptor a deleted file goes, and a large one takes its time.
            with translated():
                await shield(self._threads.run(self._file.let_go))
