"""Files of a served directory: one is opened once, and all that is said of it is said of what was opened."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import AbstractContextManager
from hashlib import blake2b
from pathlib import Path
from stat import S_ISREG
from typing import Final

from attrs import define
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import deferLater

from cloudsvc.core.clock import WallClock
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.shared_descriptor import SharedDescriptor
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.web.conditions import Validators

_FLAGS: Final = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
"""Opening a pipe would wait for somebody to write to it."""

_SETTLED: Final = 0.02
"""Seconds. Systems count the time of a file in ticks of up to ten milliseconds, in which it may change twice."""

_AT_ONCE: Final = 64 * 1024
"""Bytes that are read where they are asked for. The trip to a thread costs more than to copy them from memory."""

_PIECE: Final = 256 * 1024
"""Bytes that are read at once: few calls to TLS, each worth a trip to a thread."""

_TRIES: Final = 3
"""So often a file that is being written is waited for. Then it is sent without validators, as it is."""


@define(eq=False, kw_only=True)
class PageFile:
    """
    A regular file open for reading, closed once nobody uses it.

    :ivar size: in bytes, when it was opened. What is appended later is none of the answer's.
    :ivar changed_at: when anything about the file changed, in seconds since the epoch.
    """

    size: int
    validators: Validators
    changed_at: float
    _descriptor: SharedDescriptor

    @classmethod
    def open(cls, path: Path) -> PageFile:
        """
        The file at ``path``, with one user.

        :raises FileNotFoundError: what is there is no regular file.
        :raises OSError: it cannot be opened.
        """
        descriptor = os.open(path, _FLAGS)
        try:
            status = os.fstat(descriptor)
        except BaseException:
            os.close(descriptor)
            raise
        if not S_ISREG(status.st_mode):
            os.close(descriptor)
            raise FileNotFoundError(path)
        # A change may keep the size and put the date back; then it still changes the file, or at least its ctime.
        state = f"{status.st_ino}-{status.st_size}-{status.st_mtime_ns}-{status.st_ctime_ns}".encode("ascii")
        # A digest, since inode numbers are nobody's business.
        tag = blake2b(state, digest_size=12).hexdigest()
        second = status.st_mtime_ns // 1_000_000_000
        return cls(
            size=status.st_size,
            validators=Validators(tag=tag, modified_at=second, returns=True),
            changed_at=status.st_ctime,
            descriptor=SharedDescriptor(descriptor),
        )

    def read(self, offset: int, length: int) -> bytes:
        """
        Exactly ``length`` bytes from ``offset``. It blocks.

        :raises CloudError: there are fewer by now, or they cannot be read.
        """
        pieces = []
        with self.used() as descriptor:
            while length:
                try:
                    piece = os.pread(descriptor, length, offset)
                except OSError as problem:
                    raise _changed() from problem
                if not piece:
                    raise _changed()
                pieces.append(piece)
                offset, length = offset + len(piece), length - len(piece)
        return b"".join(pieces)

    def let_go(self) -> None:
        """One user less."""
        self._descriptor.release()

    def used(self) -> AbstractContextManager[int]:
        """Its descriptor, which stays open meanwhile."""
        return self._descriptor.used()


@define(eq=False)
class PageReader:
    """
    Reads an open file, and is its first user: small pieces where it is called, as the system has them in memory or
    brings them in one go, larger ones in threads.
    """

    file: PageFile
    _threads: ThreadRunner
    _is_closed: bool = False

    async def stream(self, start: int, stop: int) -> AsyncGenerator[bytes, None]:
        """As :meth:`cloudsvc.web.content.Reader.stream`."""
        for offset in range(start, stop, _PIECE):
            length = min(_PIECE, stop - offset)
            if length <= _AT_ONCE:
                yield self.file.read(offset, length)
            else:
                yield await self._threads.run(self.file.read, offset, length)

    async def close(self) -> None:
        """Let go of the file. May be called more than once."""
        if not self._is_closed:
            self._is_closed = True
            self.file.let_go()


async def open_settled(path: Path, clock: IReactorTime, now: WallClock) -> PageFile:
    """
    The file at ``path``, once its state can be told from a later one by its dates.

    Where it has been written a moment ago, that moment is waited for; where it is written all the time, the file has no
    validators.

    :raises OSError: it cannot be opened, or is no regular file.
    """
    for _ in range(_TRIES):
        file = PageFile.open(path)
        age = now() - file.changed_at
        if not 0 <= age < _SETTLED:
            return file
        file.let_go()
        await deferLater(clock, _SETTLED - age)
    file = PageFile.open(path)
    file.validators = Validators(tag=None)
    return file


def _changed() -> CloudError:
    return CloudError(Kind.UNAVAILABLE, "file_changed", "The file has just become shorter; ask again.")
