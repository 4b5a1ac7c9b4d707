"""A blob that is being read."""

from __future__ import annotations

import errno
import os
from threading import Lock

from attrs import define, field

from cloudsvc.core.coroutines import shield
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.storage.blobs.disk import Disk
from cloudsvc.storage.blobs.faults import translate


@define(eq=False)
class _SharedDescriptor:
    """
    A descriptor that is closed once nobody uses it: a thread may still read when whoever asked it has left, and
    must not read another file that has got the same number.
    """

    _number: int
    _users: int = 1
    _lock: Lock = field(factory=Lock)

    def borrow(self) -> int:
        with self._lock:
            if self._users == 0:
                raise ValueError("the blob is closed")
            self._users += 1
            return self._number

    def give_back(self) -> None:
        with self._lock:
            self._users -= 1
            if self._users == 0:
                os.close(self._number)


@define(eq=False, kw_only=True)
class LocalBlobReader:
    """
    Reads an open file.

    :ivar size: in bytes.
    """

    _descriptor: _SharedDescriptor
    _disk: Disk
    _threads: ThreadRunner
    size: int
    _is_closed: bool = False
    _lent: int | None = None

    @classmethod
    def take(cls, descriptor: int, disk: Disk, threads: ThreadRunner) -> LocalBlobReader:
        """Read from ``descriptor``, and own it."""
        size = os.fstat(descriptor).st_size
        return cls(descriptor=_SharedDescriptor(descriptor), disk=disk, threads=threads, size=size)

    async def read(self, offset: int, length: int) -> bytes:
        """As :meth:`cloudsvc.drive.blobs.BlobReader.read`."""
        wanted = max(0, min(length, self.size - offset))
        number = self._descriptor.borrow()
        try:
            data = await self._threads.run(self._read, number, wanted, offset)
        except OSError as problem:
            raise translate(problem) from problem
        if len(data) < wanted:
            raise translate(OSError(errno.EIO, f"a blob of {self.size} bytes has fewer by now"))
        return data

    async def descriptor(self) -> int:
        """As :meth:`cloudsvc.drive.blobs.BlobReader.descriptor`."""
        if self._lent is None:
            # A duplicate would share its position with the original; a descriptor opened anew has its own.
            number = self._descriptor.borrow()
            opening = self._threads.run(self._reopen, number)
            try:
                self._lent = await shield(opening, os.close)
            except OSError as problem:
                raise translate(problem) from problem
        return self._lent

    async def close(self) -> None:
        """As :meth:`cloudsvc.drive.blobs.BlobReader.close`."""
        if self._is_closed:
            return
        self._is_closed = True
        self._descriptor.give_back()
        if self._lent is not None:
            os.close(self._lent)

    def _reopen(self, number: int) -> int:
        try:
            return os.open(f"/proc/self/fd/{number}", os.O_RDONLY)
        finally:
            self._descriptor.give_back()

    def _read(self, number: int, length: int, offset: int) -> bytes:
        try:
            return self._disk.read(number, length, offset)
        finally:
            self._descriptor.give_back()
