"""A file with lines of the audit, and beside the audit how far that file has come."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from attrs import frozen

from cloudsvc.audit.chain import Head, format_head, parse_head
from cloudsvc.audit.entries import Entry
from cloudsvc.audit.lines import FIRST_OF_LINE, MAX_LINE, read_head, write_line
from cloudsvc.core.coroutines import shield
from cloudsvc.core.durable_files import lock, open_unlinked, sync_directory
from cloudsvc.core.threads import ThreadRunner

PLACE_NAME: Final = "audit.copied"
"""What the file is called that says how far the other one has come, beside the databases of a home."""

MODE: Final = 0o600
"""Of a file that is made: its owner reads it. Whoever makes it beforehand, as logrotate can, chooses another one."""

_PLACE_BYTES: Final = 128
"""More than a place takes; it is written at once, within one sector."""


@frozen(kw_only=True)
class LineFile:
    """
    A :class:`cloudsvc.audit.copying.CopyFile` with a line of JSON for each entry.

    It is opened anew for each step: when something has moved it away, the next step begins another one. First the lines
    are made durable, and then how far that is. Where the machine fails in between, the last line tells; only if the
    file is moved away as well before the next step, those lines are written once more.

    :ivar path: made where it is missing, with its directory.
    :ivar place: of the file that says how far it has come, and whose lock is that of both.
    """

    path: Path
    place: Path
    threads: ThreadRunner

    async def open(self) -> OpenLines | None:
        """As :meth:`cloudsvc.audit.copying.CopyFile.open`."""
        return await shield(self.threads.run(self._open), _let_go)

    def _open(self) -> OpenLines | None:
        descriptor = open_unlinked(self.place, os.O_RDWR | os.O_CREAT, MODE)
        try:
            if not lock(descriptor):
                os.close(descriptor)
                return None
            noted = parse_head(os.pread(descriptor, _PLACE_BYTES, 0).partition(b"\n")[0].decode("ascii", "replace"))
            found = _look_at_end(self.path)
        except BaseException:
            os.close(descriptor)
            raise
        heads = [each for each in (noted, found) if each is not None]
        head = max(heads, key=lambda each: each.number, default=None)
        return OpenLines(head=head, file=self, descriptor=descriptor)


@frozen(kw_only=True)
class OpenLines:
    """A :class:`cloudsvc.audit.copying.Copy`: the file, while its lock is ours."""

    head: Head | None
    _file: LineFile
    _descriptor: int

    async def append(self, entries: Sequence[Entry]) -> None:
        """As :meth:`cloudsvc.audit.copying.Copy.append`."""
        await self._file.threads.run(self._append, entries)

    def close(self) -> None:
        """As :meth:`cloudsvc.audit.copying.Copy.close`."""
        os.close(self._descriptor)

    def _append(self, entries: Sequence[Entry]) -> None:
        _append_durably(self._file.path, b"".join(map(write_line, entries)))
        last = Head(number=entries[-1].number, digest=entries[-1].digest)
        os.pwrite(self._descriptor, f"{format_head(last)}\n".encode(), 0)
        os.fsync(self._descriptor)


def _let_go(lines: OpenLines | None) -> None:
    if lines is not None:
        lines.close()


def _append_durably(path: Path, lines: bytes) -> None:
    """
    Append all of ``lines``, or nothing.

    :raises OSError: there is no room for them, or another fault.
    """
    path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
    descriptor = _open_regular(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    try:
        size = os.fstat(descriptor).st_size
        try:
            rest = memoryview(lines)
            while rest:
                rest = rest[os.write(descriptor, rest) :]
            os.fsync(descriptor)
        except OSError:
            with suppress(OSError):
                os.ftruncate(descriptor, size)
            raise
    finally:
        os.close(descriptor)
    if not size:
        sync_directory(path.parent)


def _look_at_end(path: Path) -> Head | None:
    """
    Of which entry the last line of a file is; ``None`` where there is no file, or no line of ours.

    Part of a line, which a machine that failed has left, is cut off; what somebody else has written is ended.
    """
    try:
        descriptor = _open_regular(path, os.O_RDWR)
    except FileNotFoundError:
        return None
    try:
        size = os.fstat(descriptor).st_size
        start = max(0, size - 2 * MAX_LINE)
        lines, _, part = os.pread(descriptor, size - start, start).rpartition(b"\n")
        if part and (part.startswith(FIRST_OF_LINE) or FIRST_OF_LINE.startswith(part)):
            os.ftruncate(descriptor, size - len(part))
        elif part:
            os.pwrite(descriptor, b"\n", size)
        return read_head(lines.rpartition(b"\n")[2])
    finally:
        os.close(descriptor)


def _open_regular(path: Path, flags: int) -> int:
    # A pipe would be waited for, by everybody who waits for the thread.
    descriptor = os.open(path, flags | os.O_CLOEXEC | os.O_NONBLOCK, MODE)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "it is no regular file", str(path))
    return descriptor
