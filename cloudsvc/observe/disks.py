"""Disks: the file systems that the server writes to, of which each folder of its data may be one."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from attrs import frozen

_DEPTH: Final = 2
"""Folders below a tree that are looked at: ``data/drive/blobs`` below ``data``."""

_MOST_FOLDERS: Final = 1000
"""Folders that are looked at in all, however many an application makes."""


@frozen(kw_only=True)
class FreeSpace:
    """
    What a file system still takes from somebody who is not its administrator.

    :ivar free_bytes: ``None`` where it counts no blocks, and is never full.
    :ivar share: what part of it is free, from 0 to 1.
    :ivar takes_files: whether more files can be made.
    """

    free_bytes: int | None
    share: float
    takes_files: bool

    @classmethod
    def of(cls, status: os.statvfs_result) -> FreeSpace:
        """That of the file system that ``status`` is of."""
        return cls(
            free_bytes=status.f_bavail * status.f_frsize if status.f_blocks else None,
            share=status.f_bavail / status.f_blocks if status.f_blocks else 1.0,
            takes_files=status.f_favail > 0 or not status.f_files,
        )


def find_free_space(folders: Sequence[Path], trees: Sequence[Path]) -> list[FreeSpace]:
    """
    The free space of each file system that holds one of ``folders``, or of ``trees`` and what is in them. Blocks.

    :raises OSError: one cannot be looked at.
    """
    spaces: dict[int, FreeSpace] = {}
    for place in islice(_walk(folders, trees), _MOST_FOLDERS):
        device = place.stat().st_dev
        if device not in spaces:
            spaces[device] = FreeSpace.of(os.statvfs(place))
    return [*spaces.values()]


def _walk(folders: Sequence[Path], trees: Sequence[Path]) -> Iterator[Path]:
    yield from map(_find_existing, folders)
    level: Iterable[Path] = map(_find_existing, trees)
    for depth in range(_DEPTH + 1):
        below: list[Path] = []
        for place in level:
            yield place
            if depth < _DEPTH and len(below) < _MOST_FOLDERS:
                below += islice(_list_folders(place), _MOST_FOLDERS)
        level = below


def _find_existing(place: Path) -> Path:
    """``place``, or where it would be made."""
    return next(each for each in (place, *place.parents) if os.path.exists(each))  # noqa: PTH110  # `Path` may raise


def _list_folders(place: Path) -> Iterator[Path]:
    try:
        with os.scandir(place) as entries:
            yield from (Path(entry.path) for entry in entries if entry.is_dir())
    except OSError:
        return  # It has just been removed, or is for somebody else.
