"""Disks for homes and engines, each of its own, so that one can be full: only root can mount them."""

from __future__ import annotations

import ctypes
import errno
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from attrs import frozen

_MEMORY: Final = "64m"
"""Size of what is in memory. A home of a node, whose files are elsewhere, takes little."""

_IMAGE: Final = 32 * 2**30
"""
Bytes of what is in a file, which takes no more of the disk below than is written. An engine that keeps all that is
stored in an hour has room in it.
"""

_BLOCK: Final = 4096

_NEW_NAMESPACE: Final = 0x00020000
"""CLONE_NEWNS of unshare(2)."""


def keep_mounts_private() -> bool:
    """
    Let nobody else see what this process mounts, which goes with it and its children; whether that is possible.

    To be called before there are any threads.
    """
    if ctypes.CDLL(None).unshare(_NEW_NAMESPACE) != 0:
        return False
    return _run("mount", "--make-rprivate", "/")


@contextmanager
def mount_memory(directory: Path) -> Iterator[None]:
    """A small disk at a new directory, gone at the end with all that is on it."""
    directory.mkdir(parents=True)
    if not _run("mount", "-t", "tmpfs", "-o", f"size={_MEMORY}", "none", str(directory)):
        raise OSError(errno.EPERM, "no file system can be mounted", str(directory))
    try:
        yield
    finally:
        _run("umount", "--lazy", str(directory))


@contextmanager
def mount_image(directory: Path, image: Path) -> Iterator[None]:
    """
    A disk at an empty directory, gone at the end with all that is on it. What is flushed there reaches the disk below.

    Where no file can be mounted, as in most containers, the directory stays what it is.

    :param image: the file that holds it, which is not there yet.
    """
    with image.open("wb") as made:
        made.truncate(_IMAGE)
    try:
        # Nothing is kept for root: whoever fills it is root.
        options = ["-q", "-m", "0", "-b", str(_BLOCK), "-T", "largefile", "-E", "lazy_itable_init=1"]
        is_mounted = _run("mkfs.ext4", *options, str(image)) and _run("mount", "-o", "loop", str(image), str(directory))
        if is_mounted:
            # Who finds something there takes it for somebody else's.
            (directory / "lost+found").rmdir()
        try:
            yield
        finally:
            if is_mounted:
                _run("umount", "--lazy", str(directory))
    finally:
        image.unlink()


@frozen
class Ballast:
    """A file that takes all room of a disk."""

    file: Path

    def grow(self) -> None:
        """Take what others have given up meanwhile."""
        with self.file.open("ab") as opened:
            found = os.statvfs(opened.fileno())
            size = found.f_bavail * found.f_frsize
            while size >= _BLOCK:
                try:
                    os.posix_fallocate(opened.fileno(), os.fstat(opened.fileno()).st_size, size)
                except OSError:
                    # What is free is not free for one file to its last block.
                    size //= 2


@contextmanager
def fill(directory: Path) -> Iterator[Ballast]:
    """Meanwhile nothing more can be written to the disk of a directory."""
    ballast = Ballast(directory / "ballast of tests")
    try:
        ballast.grow()
        yield ballast
    finally:
        ballast.file.unlink()


def has_own_disk(directory: Path) -> bool:
    """Whether filling the disk of a directory does no harm to anybody else."""
    return os.path.ismount(directory)


def _run(*command: str) -> bool:
    """Whether a program has done what it was told to."""
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
