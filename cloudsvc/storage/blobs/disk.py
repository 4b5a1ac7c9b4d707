"""System calls of a blob store, one by one, so that tests can let each of them fail."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from cloudsvc.core.durable_files import lock, sync_directory

_OWNER_ONLY = 0o600
_FOLDER_OF_OWNER = 0o700

_NO_WAIT = getattr(os, "RWF_NOWAIT", None)  # of Linux only


class Disk:
    """The calls themselves. All of them but one block, and raise ``OSError``."""

    def create(self, path: Path) -> int:
        """A descriptor for writing a new file, which is locked as long as that is open, whatever it is called."""
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _OWNER_ONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        return descriptor

    def resume(self, path: Path, size: int) -> int | None:
        """
        A descriptor for writing on behind the first ``size`` bytes of a file, which is cut there and locked as by
        :meth:`create`; ``None`` where somebody else has it.

        :raises FileNotFoundError: it has another name by now.
        """
        descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW)
        try:
            if lock(descriptor):
                # Whoever had the lock may have written on, and said so in the file's name: then this one is missing.
                path.lstat()
                os.truncate(descriptor, size)
                return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)
        return None

    def is_locked(self, path: Path) -> bool:
        """Whether somebody still has the descriptor with which the file was made."""
        descriptor = self.open(path)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(descriptor)
        return False

    def open(self, path: Path) -> int:
        """A descriptor for reading a file."""
        return os.open(path, os.O_RDONLY | os.O_NOFOLLOW)

    def reopen(self, descriptor: int) -> int:
        """Another descriptor for reading the same file, with a position of its own, as a duplicate's would not be."""
        return os.open(f"/proc/self/fd/{descriptor}", os.O_RDONLY)

    def size(self, descriptor: int) -> int:
        """The size of a file in bytes."""
        return os.fstat(descriptor).st_size

    def write(self, descriptor: int, data: bytes | bytearray) -> None:
        """Write all of ``data``."""
        with memoryview(data) as view:
            written = 0
            while written < len(view):
                written += os.write(descriptor, view[written:])

    def read(self, descriptor: int, length: int, offset: int) -> bytes:
        """``length`` bytes from ``offset``, or fewer at the end of the file."""
        data = os.pread(descriptor, length, offset)
        while 0 < len(data) < length and (more := os.pread(descriptor, length - len(data), offset + len(data))):
            data += more
        return data

    def read_cached(self, descriptor: int, length: int, offset: int) -> bytes | None:
        """``length`` bytes from ``offset`` if the system has them in memory, else ``None``. Never waits for a disk."""
        if _NO_WAIT is None:
            return None
        data = bytearray(length)
        try:
            size = os.preadv(descriptor, [data], offset, _NO_WAIT)
        except OSError:
            return None  # It would have to wait, or this file system cannot tell. Whatever else it is, reading tells.
        return bytes(data) if size == length else None

    def sync(self, descriptor: int) -> None:
        """Make what was written durable."""
        os.fsync(descriptor)

    def sync_folder(self, path: Path) -> None:
        """Make durable which names are in a folder."""
        sync_directory(path)

    def make_folder(self, path: Path) -> None:
        """Make a folder whose parent is there. One that is there already is no error."""
        path.mkdir(_FOLDER_OF_OWNER, exist_ok=True)

    def rename(self, source: Path, destination: Path) -> None:
        """Give a file another name in the same file system."""
        source.rename(destination)

    def touch(self, path: Path) -> None:
        """Let a file have changed just now."""
        os.utime(path, follow_symlinks=False)

    def status(self, path: Path) -> os.stat_result:
        """What is known of a file, not of what it may link to."""
        return path.lstat()

    def remove(self, path: Path) -> None:
        """Remove a file. One that is not there is no error."""
        path.unlink(missing_ok=True)

    def free_bytes(self, path: Path) -> int:
        """How many bytes the file system of ``path`` still takes from somebody who is not the administrator."""
        status = os.statvfs(path)
        return status.f_bavail * status.f_frsize
