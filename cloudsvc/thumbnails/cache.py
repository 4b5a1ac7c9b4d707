"""Thumbnail cache on disk. All of it can be deleted."""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

from attrs import define
from twisted.logger import Logger

from cloudsvc.core.threads import ThreadRunner

_log = Logger("cloudsvc.thumbnails")

_ROOM: Final = 0.8
"""The share of what may be kept that remains when some is thrown away."""

_COUNTED_AFTER: Final = 16
"""When one in so many of the bytes that may be kept is new, they are counted: other processes keep some as well."""

_DRAFT_SECONDS: Final = 3600.0
"""After which a draft is what a killed process has left, and not what another one is writing."""

_BEGINNING: Final = b"\xff\xd8\xff"
_END: Final = b"\xff\xd9"
"""Of every JPEG. What a power failure has left of a file that was being written is none."""


async def open_cache(directory: Path, threads: ThreadRunner, *, most_bytes: int) -> DiskThumbnailCache:
    """
    The cache in ``directory``, which is made where it is missing.

    :raises OSError: it cannot be made.
    """
    return DiskThumbnailCache(
        directory=directory, threads=threads, most_bytes=most_bytes, bytes=await threads.run(_begin, directory)
    )


@define(eq=False, kw_only=True)
class DiskThumbnailCache:
    """
    A :class:`cloudsvc.drive.thumbnails.ThumbnailCache` of files. When it is full, those go that were asked for least
    recently.

    Other processes may keep thumbnails in the same directory: it may outgrow what may be kept by a sixteenth for each.
    """

    _directory: Path
    _threads: ThreadRunner
    _most_bytes: int
    _bytes: int
    _uncounted: int = 0

    def load(self, key: str) -> bytes | None:
        """As :meth:`cloudsvc.drive.thumbnails.ThumbnailCache.load`."""
        path = self._directory / key
        try:
            content = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return content if content.startswith(_BEGINNING) and content.endswith(_END) else None

    async def keep(self, key: str, content: bytes) -> None:
        """As :meth:`cloudsvc.drive.thumbnails.ThumbnailCache.keep`."""
        try:
            await self._threads.run(self._keep, key, content)
            self._bytes += len(content)
            self._uncounted += len(content)
            if self._bytes > self._most_bytes or self._uncounted > self._most_bytes // _COUNTED_AFTER:
                self._uncounted = 0
                self._bytes = await self._threads.run(self._make_room)
        except OSError as problem:
            _log.warn("cannot keep a thumbnail: {reason}", reason=str(problem))

    def _keep(self, key: str, content: bytes) -> None:
        draft = self._directory / f".{secrets.token_hex(8)}"
        try:
            draft.touch(mode=0o600, exist_ok=False)
            draft.write_bytes(content)
            draft.rename(self._directory / key)
        except OSError:
            draft.unlink(missing_ok=True)
            raise

    def _make_room(self) -> int:
        """Throw away the oldest ones, if all together are too many; how many bytes remain."""
        files = sorted(_list_files(self._directory))
        remaining = sum(size for _, size, _ in files)
        if remaining <= self._most_bytes:
            return remaining
        for _, size, path in files:
            if remaining <= _ROOM * self._most_bytes:
                break
            Path(path).unlink(missing_ok=True)
            remaining -= size
        return remaining


def _begin(directory: Path) -> int:
    """Make the directory, clear what a killed process has left, and count the bytes."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for draft in directory.glob(".*"):
        with suppress(FileNotFoundError):
            if time.time() - draft.stat().st_mtime > _DRAFT_SECONDS:
                draft.unlink()
    return sum(size for _, size, _ in _list_files(directory))


def _list_files(directory: Path) -> Iterator[tuple[float, int, str]]:
    """When each file was last asked for, its bytes and its path; drafts and what vanishes meanwhile are left out."""
    with os.scandir(directory) as entries:
        for entry in entries:
            with suppress(FileNotFoundError):
                if not entry.name.startswith("."):
                    yield entry.stat().st_mtime, entry.stat().st_size, entry.path
