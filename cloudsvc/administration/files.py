"""Files that appear whole or not at all. Everything here blocks."""

from __future__ import annotations

import fcntl
import os
import pathlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from cloudsvc.core.files import sync_directory

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
"""How a folder is opened."""


def publish(staged: pathlib.Path, destination: pathlib.Path) -> None:
    """Give a file that is complete and durable its name, in place of what had it before."""
    staged.replace(destination)
    sync_directory(destination.parent)


def open_unlinked(file: pathlib.Path | str, flags: int, mode: int = 0o666) -> int:
    """As :func:`os.open`, but no link is followed: what waits under a name in a directory of all may be a trap."""
    return os.open(file, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode)


@contextmanager
def open_folder(top: pathlib.Path, names: Iterable[str]) -> Iterator[int]:
    """
    A descriptor of the folder to which ``names`` lead from ``top``. Links among them are not followed, whoever made
    them, and whenever.

    :raises OSError: there is no such folder.
    """
    descriptor = os.open(top, FOLDER)
    try:
        for name in names:
            below = os.open(name, FOLDER | os.O_NOFOLLOW, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def lock(descriptor: int) -> bool:
    """Whether the lock of an open file or directory could be had. It is held until the descriptor is closed."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
