"""
Durable files: written whole or not at all, and kept through a power failure. Everything here blocks.

The four steps, "write, fsync, rename, fsync of the folder", stand here and nowhere else; those who write what is too
large for the memory write it to a file of their own, and then :func:`sync` and :func:`publish` it.
"""

from __future__ import annotations

import fcntl
import os
import secrets
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

from cloudsvc.core.errors import OperatorError

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
"""How a folder is opened."""


def keep_owner(descriptor: int, path: Path) -> None:
    """
    Give the new file behind ``descriptor``, which is to replace ``path``, to the owner of ``path`` or of its directory.

    Only root can: what an administrator's command replaces must stay readable for the server's user.
    """
    if os.geteuid() == 0:
        former = path if path.exists() else path.parent
        status = former.stat()
        os.fchown(descriptor, status.st_uid, status.st_gid)


def sync_directory(directory: Path) -> None:
    """Make durable which names are in ``directory``. Blocks."""
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync(stream: IO[Any]) -> None:
    """Make durable what was written to an open file. Blocks."""
    stream.flush()
    os.fsync(stream.fileno())


def sync_file(file: Path) -> None:
    """Make durable what is in a file, whoever wrote it. Blocks."""
    with file.open("rb") as content:
        sync(content)


def publish(staged: Path, destination: Path) -> None:
    """
    Give a file (or a directory) that is complete and durable its name, in place of what had it before. Whoever reads
    ``destination`` meanwhile, or after a power failure, finds the one or the other, and never a part of it. Blocks.
    """
    staged.replace(destination)
    sync_directory(destination.parent)


def write_new(file: Path, content: bytes, *, mode: int, beside: Path) -> None:
    """
    Write a file that must not be there yet, durably but for its name, which :func:`publish` sees to. Blocks.

    :param mode: its permissions, whatever the umask.
    :param beside: whose owner it gets, as by :func:`keep_owner`.
    :raises OSError: it cannot be written; nothing is left of it.
    """
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            os.fchmod(descriptor, mode)
            keep_owner(descriptor, beside)
            stream.write(content)
            sync(stream)
    except BaseException:
        file.unlink()
        raise


def replace_file(file: Path, content: bytes, *, mode: int) -> None:
    """
    Make ``file`` hold ``content``, durably; whoever reads it sees the old content or the new. Links are followed.
    Blocks.

    :param mode: permissions of the file, whatever they were before.
    :raises OperatorError: its directory cannot be written. The file is then as before, or as it should be, which may
        not be durable.
    """
    file = file.resolve()
    staged = file.with_name(f".{file.name}.{secrets.token_hex(8)}")
    try:
        write_new(staged, content, mode=mode, beside=file)
        try:
            publish(staged, file)
        except BaseException:
            staged.unlink(missing_ok=True)
            raise
    except OSError as problem:
        raise OperatorError([f"{file} cannot be written: {problem.strerror}; its directory must be writable"]) from None


def open_unlinked(file: Path | str, flags: int, mode: int = 0o666) -> int:
    """As :func:`os.open`, but no link is followed: what waits under a name in a directory of all may be a trap."""
    return os.open(file, flags | os.O_NOFOLLOW | os.O_CLOEXEC, mode)


@contextmanager
def open_folder(top: Path, names: Iterable[str]) -> Iterator[int]:
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


def unlock(descriptor: int) -> None:
    """Let go of the lock of an open file or directory before it is closed."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)
