"""
Partial files: what has arrived of a download, beside the file that it will be. Everything here blocks.

The name of a partial file tells of which content it is a part, so that what is gone on with is never the beginning of
something else.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

from attrs import define, field

from cloudsvc.client.errors import DamagedError, LocalError
from cloudsvc.core.durable_files import open_unlinked, publish, sync, sync_directory

_BLOCK: Final = 1 << 20
"""Bytes that are read at a time when what is there is hashed."""


def name_partial(destination: Path, *identity: str) -> Path:
    """Where the partial file of ``destination`` is, for the content that ``identity`` tells apart from all others."""
    named = hashlib.sha256("\0".join((destination.name, *identity)).encode("utf-8", "surrogateescape")).hexdigest()
    return destination.with_name(f".cloudsvc-{named[:32]}.part")


@define
class PartialFile:
    """
    A partial file that is open, and which nobody else has.

    :ivar size: bytes that are there.
    """

    path: Path
    _file: IO[bytes]
    size: int = 0
    _digest: Any = field(factory=hashlib.sha256, init=False, repr=False)

    @classmethod
    def open(cls, path: Path) -> PartialFile:
        """
        The one at ``path``, with what it has.

        :raises LocalError: it cannot be written, or another download writes it.
        """
        with _explained(path.parent):
            file = os.fdopen(open_unlinked(path, os.O_RDWR | os.O_CREAT), "r+b", buffering=0)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                _check_place(file, path)
                partial = cls(path, file)
                while block := file.read(_BLOCK):
                    partial._note(block)
            except BlockingIOError:
                file.close()
                message = "Another download of the same file to the same place is under way."
                raise LocalError("download_under_way", message) from None
            except BaseException:
                file.close()
                raise
        return partial

    def write(self, block: bytes) -> None:
        """
        Append ``block``.

        :raises LocalError: there is no room for it, or another fault of the disk.
        """
        with _explained(self.path.parent):
            rest = memoryview(block)
            while rest:
                written = self._file.write(rest)
                self._note(rest[:written])
                rest = rest[written:]

    def clear(self) -> None:
        """Forget what is there."""
        with _explained(self.path.parent):
            self._file.seek(0)
            self._file.truncate()
        self.size, self._digest = 0, hashlib.sha256()

    def finish(self, destination: Path, *, sha256: str | None, replace: bool, modified_at: datetime | None) -> None:
        """
        Give the file, durable and compared with ``sha256``, its name.

        :param replace: whether a file that is there makes way.
        :raises DamagedError: its digest is another one; nothing is left of it.
        :raises LocalError: there is something at ``destination``, or it cannot be written.
        """
        if sha256 is not None and self._digest.hexdigest() != sha256:
            self.path.unlink(missing_ok=True)
            raise DamagedError("digest_mismatch", f"What has arrived for {destination} is not what the server keeps.")
        with _explained(destination.parent):
            if modified_at is not None:
                moment = modified_at.timestamp()
                os.utime(self._file.fileno(), (moment, moment))
            sync(self._file)
            if replace or not _claim(self.path, destination):
                publish(self.path, destination)
            else:
                self.path.unlink()
                sync_directory(destination.parent)

    def discard(self) -> None:
        """Remove the file."""
        self.path.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of it; what is there stays."""
        self._file.close()

    def _note(self, block: bytes | memoryview) -> None:
        self._digest.update(block)
        self.size += len(block)


def _claim(partial: Path, destination: Path) -> bool:
    """
    Give ``partial`` the name ``destination`` as well, which nothing may have; whether the file system can do that.

    :raises FileExistsError: something has it.
    """
    try:
        os.link(partial, destination)
    except FileExistsError:
        raise
    except OSError:  # without it, what comes into the way in this moment is replaced
        if os.path.lexists(destination):
            raise FileExistsError(destination) from None
        return False
    return True


def _check_place(file: IO[bytes], path: Path) -> None:
    """
    See that the open file still is at ``path``.

    :raises BlockingIOError: another download has finished it in the moment before.
    """
    try:
        if os.path.samestat(os.fstat(file.fileno()), path.lstat()):
            return
    except FileNotFoundError:
        pass
    raise BlockingIOError


def has_content(path: Path, *, size: int, sha256: str | None) -> bool:
    """
    Whether the file at ``path`` is known to hold these bytes.

    :raises LocalError: it cannot be read.
    """
    if sha256 is None or not path.is_file() or path.stat().st_size != size:
        return False
    with _explained(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256


def is_there(path: Path) -> bool:
    """Whether something is at ``path``, be it a link to nothing."""
    return os.path.lexists(path)


@contextmanager
def _explained(place: Path) -> Iterator[None]:
    """Faults of the system, in the client's terms."""
    try:
        yield
    except FileExistsError:
        raise exists_already(place) from None
    except BlockingIOError:
        raise
    except OSError as problem:
        full = problem.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
        code = "local_disk_full" if full else "local_fault"
        raise LocalError(code, f"{place} cannot be written: {problem.strerror}.") from None


def exists_already(place: Path) -> LocalError:
    """The refusal to replace what is at or in ``place``."""
    return LocalError("exists_already", f"There is something at {place} already.")
