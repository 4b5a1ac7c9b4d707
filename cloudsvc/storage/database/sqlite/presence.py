"""Files that several processes have open: each shares the lock of a file beside it, and who migrates is alone."""

from __future__ import annotations

import fcntl
import os
import random
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from cloudsvc.core.durable_files import open_unlinked, sync_directory
from cloudsvc.core.errors import OperatorError
from cloudsvc.storage.database.migration import History, NewerSchema
from cloudsvc.storage.database.sqlite.connections import OWNER_ONLY, SQLiteConnection, connect
from cloudsvc.storage.database.sqlite.migration import find_revision, migrate

_TRIES: Final = 20
_PAUSE_SECONDS: Final = 0.05
"""A second in all, for as long as a migration may take."""

_RANDOM: Final = random.SystemRandom()


class DatabaseInUse(Exception):  # noqa: N818  # a state of affairs that callers put into words
    """Another program works on a file in a way that admits nobody else, or is asked to go first."""


def hold_database(path: Path, *, alone: bool = False) -> int:
    """
    A descriptor that holds the lock of a file until it is closed. Blocks.

    :param path: of the file, whose directory is made where it is missing.
    :param alone: whether nobody else may have it open.
    :raises DatabaseInUse: others have it open, and one of them or this one wants to be alone.
    :raises OSError: the lock cannot be opened.
    """
    if not path.parent.is_dir():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        sync_directory(path.parent.parent)
    descriptor = open_unlinked(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, OWNER_ONLY)
    try:
        _claim(descriptor, path, alone=alone)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


@contextmanager
def telling_operators(path: Path, content: str, advice: str) -> Iterator[None]:
    """
    Meanwhile a file is opened.

    :param content: what is in it.
    :param advice: what to do where it is damaged.
    :raises OperatorError: it cannot be, and why.
    """
    try:
        yield
    except (DatabaseInUse, NewerSchema) as problem:
        raise OperatorError([str(problem)]) from None
    except OSError as problem:
        raise OperatorError([f"{problem.filename or path} cannot be opened: {problem.strerror}"]) from None
    except sqlite3.Error as problem:
        raise OperatorError([f"{content} in {path} cannot be opened: {problem}; {advice}"]) from None


def open_database(path: Path, history: History) -> tuple[int, SQLiteConnection]:
    """
    The lock of a file, shared, and a connection to it; it is made where it is missing, and migrated where it is older.
    Blocks.

    :raises DatabaseInUse: as :func:`hold_database`.
    :raises NewerSchema: a newer program has written it.
    :raises OSError: it cannot be opened.
    :raises sqlite3.Error: likewise.
    """
    for _ in range(_TRIES):
        with suppress(DatabaseInUse):
            return _open(path, history)
        # Several processes that start together may stand in each other's way, and then none of them migrates.
        time.sleep(_RANDOM.uniform(0.5, 1.5) * _PAUSE_SECONDS)
    return _open(path, history)


def let_go(opened: tuple[int, SQLiteConnection]) -> None:
    """Close what :func:`open_database` has opened. Blocks."""
    lock, connection = opened
    connection.close()
    os.close(lock)


def _open(path: Path, history: History) -> tuple[int, SQLiteConnection]:
    lock = hold_database(path)
    try:
        if find_revision(path, history) != history.head:
            # Whoever has it open knows the tables as they are now.
            _claim(lock, path, alone=True)
            migrate(path, history)
            _claim(lock, path, alone=False)
        return lock, connect(path)
    except BaseException:
        os.close(lock)
        raise


def _claim(descriptor: int, path: Path, *, alone: bool) -> None:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        raise DatabaseInUse(f"{path} is in use; stop the server, or wait for the other command") from None
