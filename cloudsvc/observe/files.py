"""Log targets: the console, and a file that rotates."""

from __future__ import annotations

import errno
import os
import select
import stat
from contextlib import suppress
from pathlib import Path
from typing import Final, Protocol, Self

from attrs import define, field
from twisted.logger import Logger

from cloudsvc.core.durable_files import lock, unlock
from cloudsvc.core.errors import OperatorError

_log = Logger()

MODE: Final = 0o640
"""The server's user writes, its group may read, nobody else: log lines say who was here and what they did."""

_PATIENCE_MS: Final = 100
"""How long a pipe or terminal may keep the reactor from its work before it has taken all that is written at once."""


class LinesLost(Exception):  # noqa: N818  # it names what happened, as BrokenPipe does
    """A target could not take everything. ``lines`` is how many it did not take."""

    def __init__(self, lines: int, reason: str) -> None:
        super().__init__(reason)
        self.lines = lines
        self.reason = reason


class Target(Protocol):
    """Takes finished lines."""

    @property
    def name(self) -> str:
        """What to call it in a log line."""
        ...

    def write(self, lines: bytes) -> None:
        """
        Write whole lines.

        :raises LinesLost: the disk is full, the reader of the console is gone, and the like.
        """
        ...

    def reopen(self) -> None:
        """
        Start over with a new file under the same name, after something else has moved the old one away.

        :raises OSError: there is no new one; the old one stays in use.
        """
        ...

    def close(self) -> None:
        """Take no more."""
        ...


@define(eq=False)
class Stream:
    """
    An open descriptor, such as standard error's. Whoever opened it closes it.

    A pipe or terminal that nobody reads would stop the whole server: it is waited for once, and a short time.
    """

    _descriptor: int
    name: str
    _torn: bool = False
    _patience: int = _PATIENCE_MS
    _is_file: bool = field(init=False)

    @_is_file.default
    def _look(self) -> bool:
        return stat.S_ISREG(os.fstat(self._descriptor).st_mode)

    def write(self, lines: bytes) -> None:
        """Write whole lines, as in :class:`Target`. What follows half a line begins on a line of its own."""
        data = b"\n" + lines if self._torn else lines
        done = 0
        try:
            while done < len(data):
                done += self._write_some(data[done:] if done else data)
        except OSError as problem:
            if done:
                self._torn = data[done - 1 : done] != b"\n"
            taken = max(0, done - (len(data) - len(lines)))
            raise LinesLost(lines.count(b"\n", taken), problem.strerror or str(problem)) from problem
        self._torn = False
        self._patience = _PATIENCE_MS

    def _write_some(self, data: bytes) -> int:
        if self._is_file:
            return os.write(self._descriptor, data)
        poll = select.poll()
        poll.register(self._descriptor, select.POLLOUT)
        while not poll.poll(1 if self._patience else 0):
            if not self._patience:
                raise BlockingIOError(errno.EAGAIN, "nobody reads it")
            self._patience -= 1
        # There is room for some, and the rest would be waited for. Only now, as others may write to the same terminal.
        waits = os.get_blocking(self._descriptor)
        os.set_blocking(self._descriptor, False)
        try:
            return os.write(self._descriptor, data)
        finally:
            os.set_blocking(self._descriptor, waits)

    def reopen(self) -> None:
        """Nothing: it is no file of ours."""

    def close(self) -> None:
        """Nothing: whoever opened it closes it."""


@define(eq=False)
class RotatingFile:
    """
    A file that is moved to ``NAME.1`` before it grows beyond a size, ``NAME.1`` to ``NAME.2`` and so on.

    It is always opened for appending, so that a file that something else has truncated does not get a hole. Where
    rotation fails the present file grows on: no line is lost for it. Twisted's own ``LogFile`` does neither.

    Several processes may write to it. Each appends whole lines; one of them rotates, under a lock of the file, and the
    others go on in the new one with what they write next. So a file may outgrow its size by what each writes at once.
    """

    path: Path
    _max_bytes: int
    _backups: int
    _descriptor: int
    _size: int
    _output: Stream
    _stuck: bool = False

    @classmethod
    def open(cls, path: Path, *, max_bytes: int, backups: int) -> Self:
        """
        The file at ``path``, made together with its directory where it is missing.

        :param max_bytes: bytes after which it rotates.
        :param backups: how many older files are kept.
        :raises OperatorError: it cannot be opened for writing.
        """
        try:
            path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
            descriptor = _open(path)
        except OSError as problem:
            remedy = f"make {path.parent} writable for the user that the server runs as"
            raise OperatorError([f"cannot write the log file {path}: {problem.strerror}; {remedy}"]) from problem
        return cls(path, max_bytes, backups, descriptor, os.fstat(descriptor).st_size, Stream(descriptor, path.name))

    @property
    def name(self) -> str:
        """The file's name without its directory."""
        return self.path.name

    def write(self, lines: bytes) -> None:
        """Write whole lines, as in :class:`Target`: as many as fit into this file, the others into new ones."""
        start = 0
        self._follow()
        while start < len(lines):
            end = self._fit(lines, start)
            goes_on = False
            if end == start and self._size:
                goes_on = self._rotate()
                end = self._fit(lines, start)
            if end == start:  # A line that no file has room for, or a file that cannot be rotated.
                end = len(lines) if goes_on else lines.find(b"\n", start) + 1 or len(lines)
            try:
                self._output.write(lines[start:end])
            except LinesLost as problem:
                raise LinesLost(problem.lines + lines.count(b"\n", end), problem.reason) from problem
            finally:
                self._size = os.fstat(self._descriptor).st_size
            start = end

    def _fit(self, lines: bytes, start: int) -> int:
        """Where the whole lines end, of those from ``start`` on, for which this file has room."""
        room = self._max_bytes - self._size
        if len(lines) - start <= room:
            return len(lines)
        return lines.rfind(b"\n", start, start + max(0, room)) + 1 or start

    def reopen(self) -> None:
        """Open ``path`` anew, as in :class:`Target`."""
        self._replace(_open(self.path))

    def close(self) -> None:
        """Close the file."""
        os.close(self._descriptor)

    def _follow(self) -> None:
        """Go on in a new file that another process has begun. Where the name is gone, someone says so by SIGHUP."""
        with suppress(OSError):
            if not os.path.samestat(self.path.stat(), os.fstat(self._descriptor)):
                self.reopen()
        self._size = os.fstat(self._descriptor).st_size

    def _rotate(self) -> bool:
        """Begin a new file; whether the present one has to do for now instead."""
        present = self._descriptor
        try:
            if not lock(present):
                return True  # Another process does it just now.
            self._follow()
            if self._descriptor != present:
                return False  # Another process has done it.
            descriptor = self._move_away()
        except OSError as problem:
            with suppress(OSError):  # A file system without locks.
                unlock(present)
            if not self._stuck:
                self._stuck = True
                _log.warn("{name} cannot be rotated and grows on: {reason}", name=self.name, reason=problem.strerror)
            return True
        self._stuck = False
        self._replace(descriptor)  # The lock goes with the former one.
        return False

    def _move_away(self) -> int:
        # The new file first: when there is none to be had, nothing has moved.
        fresh = self.path.with_name(f"{self.path.name}.new")
        descriptor = _open(fresh)
        try:
            if self._backups:
                self._make_room()
                with suppress(FileNotFoundError):
                    self.path.rename(self._backup(1))
            fresh.rename(self.path)
        except BaseException:
            os.close(descriptor)
            raise
        return descriptor

    def _make_room(self) -> None:
        """Move the backups one up, but only as far as the first gap: trying again after a fault costs no backup."""
        end = next((n for n in range(1, self._backups) if not self._backup(n).exists()), self._backups)
        for number in range(end, 1, -1):
            self._backup(number - 1).replace(self._backup(number))

    def _backup(self, number: int) -> Path:
        return self.path.with_name(f"{self.path.name}.{number}")

    def _replace(self, descriptor: int) -> None:
        old, self._descriptor = self._descriptor, descriptor
        self._output = Stream(descriptor, self.name)
        self._size = os.fstat(descriptor).st_size
        os.close(old)


def _open(path: Path) -> int:
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, MODE)
    status = os.fstat(descriptor)
    if stat.S_ISREG(status.st_mode) and status.st_mode & 0o777 & ~MODE:
        with suppress(PermissionError):  # Someone else's file: they chose who reads it.
            os.fchmod(descriptor, status.st_mode & MODE)
    return descriptor
