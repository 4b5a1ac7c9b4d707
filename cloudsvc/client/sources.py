"""Sources: what is uploaded, and how it is seen that it is what was there when the upload began."""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import IO, Any, Final, TypeAlias

from attrs import define, field, frozen

from cloudsvc.client.effects import Source
from cloudsvc.client.errors import ChangedError, LocalError

Progress: TypeAlias = Callable[[int], None]
"""Is told how many bytes of a file have been sent or received so far, from the thread that moves them."""

Uploadable: TypeAlias = Path | bytes | IO[bytes] | Iterable[bytes]
"""What can be uploaded: the file at a path, bytes, an open file from where it is on, or pieces."""

BLOCK: Final = 256 * 1024
"""Bytes that are read, hashed and sent at a time."""


def as_source(content: Uploadable, length: int | None = None) -> Source:
    """
    What sends ``content``.

    :param length: of an open file or of pieces, in bytes, where it is known; the upload fails if it is not right.
    """
    match content:
        case Path():
            return FileSource(path=content)
        case bytes():
            return BytesSource(content=content)
    read = getattr(content, "read", None)
    pieces = content if read is None else iter(lambda: read(BLOCK), b"")
    return PiecesSource(pieces=pieces, length=length)


@frozen(kw_only=True)
class BytesSource:
    """Bytes in memory."""

    content: bytes = field(repr=False)
    rewindable: bool = True

    @property
    def length(self) -> int:
        """How many they are."""
        return len(self.content)

    def open(self) -> Iterator[bytes]:
        """All of them, some at a time."""
        view = memoryview(self.content)
        return (bytes(view[start : start + BLOCK]) for start in range(0, len(view), BLOCK))


@frozen(kw_only=True)
class PiecesSource:
    """Pieces that come once."""

    pieces: Iterable[bytes] = field(repr=False)
    length: int | None
    rewindable: bool = False

    def open(self) -> Iterator[bytes]:
        """The pieces."""
        return iter(self.pieces)


@frozen(kw_only=True)
class FileSource:
    """The file at a path, which must not change meanwhile."""

    path: Path
    rewindable: bool = True

    @property
    def length(self) -> int:
        """
        Of the file as it is now, in bytes.

        :raises LocalError: it is none, or cannot be read.
        """
        try:
            status = self.path.stat()
        except (OSError, ValueError) as problem:
            raise _unreadable(self.path, problem) from None
        if not stat.S_ISREG(status.st_mode):
            raise LocalError("not_a_file", f"{self.path} is no regular file.")
        return status.st_size

    def open(self) -> Iterator[bytes]:
        """
        Its bytes.

        :raises ChangedError: it has changed since it was opened, which is seen at its end.
        :raises LocalError: it cannot be read.
        """
        try:
            with self.path.open("rb", buffering=0) as file:
                before = _identify(file)
                while block := file.read(BLOCK):
                    yield block
                if _identify(file) != before:
                    raise ChangedError("file_changed", f"{self.path} has changed while it was read; nothing is stored.")
        except OSError as problem:
            raise _unreadable(self.path, problem) from None


@define(kw_only=True)
class Watched:
    """
    A source whose bytes are counted and hashed as they are sent.

    A server keeps nothing of an upload that breaks off, so one piece is always held back until it is seen that another
    one follows, or that the end is in order: what is stored was there at one moment, and not half of one content and
    half of another.

    :ivar length: how many bytes have been announced; ``None`` where none were.
    :ivar digest: of what was sent last, once all of it was, in hexadecimal.
    """

    source: Source
    length: int | None
    progress: Progress | None
    digest: str | None = None
    _held: bytes = field(default=b"", init=False, repr=False)
    _taken: int = field(default=0, init=False)
    _running: Any = field(factory=hashlib.sha256, init=False, repr=False)

    @property
    def rewindable(self) -> bool:
        """Whether the source can be sent again."""
        return self.source.rewindable

    def open(self) -> Iterator[bytes]:
        """
        The bytes of the source.

        :raises ChangedError: there are more or fewer than was announced.
        """
        self.begin()
        for piece in self.source.open():
            if ready := self.take(piece):
                yield ready
                self.report()
        if last := self.conclude():
            yield last
        self.report()

    def begin(self) -> None:
        """Forget what was sent in an earlier attempt."""
        self.digest, self._held, self._taken, self._running = None, b"", 0, hashlib.sha256()

    def take(self, piece: bytes) -> bytes:
        """
        The piece to send now that ``piece`` has come; it may be empty.

        :raises ChangedError: that is more than was announced.
        """
        if not piece:
            return b""
        ready, self._held = self._held, bytes(piece)
        self._taken += len(piece)
        self._running.update(piece)
        if self.length is not None and self._taken > self.length:
            raise ChangedError("file_changed", "There is more to upload than there was; nothing is stored.")
        return ready

    def conclude(self) -> bytes:
        """
        The piece that is left to send at the end; it may be empty.

        :raises ChangedError: there was less than was announced.
        """
        if self.length is not None and self._taken < self.length:
            raise ChangedError("file_changed", "There is less to upload than there was; nothing is stored.")
        ready, self._held = self._held, b""
        self.digest = self._running.hexdigest()
        return ready

    def report(self) -> None:
        """Say how far it is."""
        if self.progress is not None:
            self.progress(self._taken - len(self._held))


def _identify(file: IO[bytes]) -> tuple[int, int, int]:
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns


def _unreadable(path: Path, problem: Exception) -> LocalError:
    reason = problem.strerror if isinstance(problem, OSError) else str(problem)
    return LocalError("unreadable_file", f"{path} cannot be read: {reason}.")
