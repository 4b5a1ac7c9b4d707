"""Reasons why a drive cannot be opened, and advice on each. Only damage is a reason to restore."""

from __future__ import annotations

import os
import pathlib
import pwd
import sqlite3
from collections.abc import Iterator
from typing import Final

from cloudsvc.storage.blobs.marker import NAME as MARKER_NAME
from cloudsvc.storage.local import CATALOGUE_NAME, LOCK_NAME
from cloudsvc.storage.work_directories import WORK_NAME

_DAMAGED: Final = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR})
"""Primary result codes. The last is what a table that is missing comes to."""

_PRIMARY: Final = 0xFF
"""The bits of a result code that are not about its details."""

_NEEDED: Final = (
    LOCK_NAME,
    CATALOGUE_NAME,
    f"{CATALOGUE_NAME}-wal",
    f"{CATALOGUE_NAME}-shm",
    "blobs",
    "quarantine",
    "strays",
    "suspended",
    "incoming",
    MARKER_NAME,
    WORK_NAME,
)
"""What a drive cannot do without, once it is there. Whatever else lies beside it is nobody's business."""


def explain(directory: pathlib.Path, problem: OSError | sqlite3.Error) -> list[str]:
    """Lines for an administrator about the drive in ``directory``, which could not be opened. Blocks."""
    if forbidden := find_forbidden(directory):
        return forbidden
    if isinstance(problem, OSError):
        return [f"{problem.filename or directory} cannot be opened: {problem.strerror}"]
    code = getattr(problem, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & _PRIMARY
    reason = f"the catalogue in {directory} cannot be opened: {problem}"
    if code == sqlite3.SQLITE_FULL:
        return [f"{reason}; make room on its disk, as docs/administration.md says"]
    if code == sqlite3.SQLITE_BUSY:
        return [f"{reason}; another program holds it, so try again when that has ended"]
    if code in _DAMAGED:
        return [f"{reason}; restore a backup, or see docs/recovery.md"]
    return [f"{reason}; nothing was changed, so mend that and start again"]


def name_user(number: int) -> str:
    """The name of a user, or the number where there is none."""
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def find_forbidden(directory: pathlib.Path) -> list[str]:
    """
    Lines about what of the drive in ``directory`` is there, and may not be used by this program. Blocks.

    A catalogue that can be read and not written would open, and fail whoever stores something.
    """
    return [*_find_forbidden(directory)]


def _find_forbidden(directory: pathlib.Path) -> Iterator[str]:
    user = name_user(os.geteuid())
    for place in _list_places(directory):
        mode = os.R_OK | os.W_OK | (os.X_OK if place.is_dir() else 0)
        if os.access(place, mode, effective_ids=True):
            continue
        if os.statvfs(place).f_flag & os.ST_RDONLY:
            yield f"{place} lies on a file system that is mounted read-only; nothing is wrong with the drive itself"
            return
        owner = name_user(place.stat().st_uid)
        yield (
            f"{place} belongs to {owner}, and {user} may not read and write it: run `chown -R {user} {directory}` "
            f"(and `chmod -R u+rwX`) as root; nothing is wrong with the drive itself"
        )


def _list_places(directory: pathlib.Path) -> list[pathlib.Path]:
    """The directory and what is needed of it, or the nearest above it that is there."""
    there = next(filter(_is_there, (directory, *directory.parents)))
    needed = [there / name for name in _NEEDED] if there == directory else []
    return [there, *filter(_is_there, needed)]


def _is_there(place: pathlib.Path) -> bool:
    return os.path.exists(place)  # noqa: PTH110  # the other one raises where it may not look
