"""Small disks for the homes of nodes, so that one can be full: file systems in memory, which only root can make."""

from __future__ import annotations

import ctypes
import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

_SIZE: Final = "64m"

_NEW_NAMESPACE: Final = 0x00020000
"""CLONE_NEWNS of unshare(2)."""

_PIECE: Final = bytes(65536)


def keep_mounts_private() -> bool:
    """
    Let nobody else see what this process mounts, which goes with it and its children; whether that is possible.

    To be called before there are any threads.
    """
    if ctypes.CDLL(None).unshare(_NEW_NAMESPACE) != 0:
        return False
    return _run("mount", "--make-rprivate", "/")


@contextmanager
def mount_small(directory: Path) -> Iterator[None]:
    """A small disk at an empty directory, gone at the end with all that is on it."""
    directory.mkdir(parents=True)
    if not _run("mount", "-t", "tmpfs", "-o", f"size={_SIZE}", "none", str(directory)):
        raise OSError(errno.EPERM, "no file system can be mounted", str(directory))
    try:
        yield
    finally:
        _run("umount", "--lazy", str(directory))


@contextmanager
def fill(directory: Path) -> Iterator[None]:
    """Meanwhile nothing more can be written to the disk of a directory."""
    file = directory / "ballast of tests"
    try:
        with file.open("wb", buffering=0) as opened, suppress(OSError):
            while True:
                opened.write(_PIECE)
        yield
    finally:
        file.unlink()


def is_small(directory: Path) -> bool:
    """Whether a directory is on a disk of its own, so that filling it does no harm to anybody else."""
    return os.path.ismount(directory)


def _run(*command: str) -> bool:
    return subprocess.run(command, capture_output=True, check=False).returncode == 0
