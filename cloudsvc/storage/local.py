"""Local drive: a catalogue and its blobs below one directory of this machine."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Callable
from pathlib import Path
from typing import Final

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

from cloudsvc.core.durable_files import sync_directory
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.nodes import Instant
from cloudsvc.storage.ballast import Ballast
from cloudsvc.storage.blobs import Disk, LocalBlobs, holds_blobs, open_blobs
from cloudsvc.storage.catalogue import HEAD, SQLiteCatalogue, find_revision, migrate, open_catalogue
from cloudsvc.storage.leadership import FileLeadership

CATALOGUE_NAME: Final = "catalogue.sqlite3"
LOCK_NAME: Final = "lock"

LEADER_NAME: Final = "leader"
"""Whose lock the process has that does the background jobs."""

SNAPSHOTS_NAME: Final = "snapshots"
"""Where copies of the catalogue are kept, which count as part of it; those that come and go do not."""


@frozen(kw_only=True)
class StorageThreads:
    """
    Where the storage blocks.

    :ivar writer: writes the catalogue; exactly one thread.
    :ivar readers: read the catalogue; at least :data:`~cloudsvc.storage.catalogue.READER_THREADS` of them, so that
        look-ups do not wait for searches.
    :ivar disk: read blobs, and whatever else is to be done with files.
    :ivar uploads: write and delete blobs; a disk that is busy with that keeps nobody from reading.
    """

    writer: ThreadRunner
    readers: ThreadRunner
    disk: ThreadRunner
    uploads: ThreadRunner


class CatalogueMissing(Exception):  # noqa: N818  # a state of affairs that callers put into words
    """There are blobs in a directory, but no catalogue: with a new one nobody would ever find them again."""


class StorageInUse(Exception):  # noqa: N818  # a state of affairs that callers decide on
    """Another program works on this directory in a way that admits nobody else, or is asked to go first."""


@frozen(kw_only=True)
class LocalStorage:
    """
    The storage of a drive. Several programs may have it open at the same time, unless one wants it for itself.

    Whoever opens it closes it.
    """

    catalogue: SQLiteCatalogue
    blobs: LocalBlobs
    ballast: Ballast
    leadership: FileLeadership
    _lock: int

    @classmethod
    async def open(
        cls,
        directory: Path,
        threads: StorageThreads,
        *,
        now: Callable[[], Instant],
        alone: bool = False,
        disk: Disk | None = None,
        clock: IReactorTime | None = None,
    ) -> LocalStorage:
        """
        Open what is in ``directory``, or make it.

        :param alone: whether nobody else may have it open.
        :param clock: as in :func:`~cloudsvc.storage.catalogue.open_catalogue`.
        :raises StorageInUse: others have it open, and one of them or this one wants to be alone.
        :raises CatalogueMissing: the catalogue was lost.
        :raises NewerSchema: a newer program has written it.
        :raises OSError: it cannot be opened.
        :raises sqlite3.Error: the catalogue cannot be opened.
        """
        lock = await threads.disk.run(lock_catalogue, directory, alone=alone)
        try:
            ballast = find_ballast(directory)
            catalogue = await open_catalogue(
                directory / CATALOGUE_NAME,
                writer=threads.writer,
                readers=threads.readers,
                now=now,
                ballast=ballast,
                beside=[directory / SNAPSHOTS_NAME],
                clock=clock,
            )
            try:
                blobs = await open_blobs(directory, threads.disk, writing=threads.uploads, disk=disk)
            except BaseException:
                await catalogue.close()
                raise
        except BaseException:
            os.close(lock)
            raise
        leadership = FileLeadership(file=directory / LEADER_NAME, threads=threads.disk)
        return cls(catalogue=catalogue, blobs=blobs, ballast=ballast, leadership=leadership, lock=lock)

    @property
    def lacks_space(self) -> bool:
        """Of the disk of the home everybody knows."""
        return False

    async def measure_clock(self) -> float:
        """The catalogue has no clock of its own."""
        return 0.0

    async def close(self) -> None:
        """Finish what is being stored, and let go of everything."""
        try:
            await self.blobs.close()
        finally:
            try:
                await self.catalogue.close()
            finally:
                os.close(self._lock)


def find_ballast(directory: Path) -> Ballast:
    """What is given up so that something can be deleted in ``directory`` though the disk is full."""
    return Ballast(directory / "reserve")


def hold_directory(directory: Path, *, alone: bool = False) -> int:
    """
    A descriptor that holds the lock of a directory, which is made where it is missing, until it is closed. Blocks.

    :raises StorageInUse: as :meth:`LocalStorage.open`.
    """
    _make(directory)
    descriptor = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        _claim(descriptor, directory, alone=alone)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def lock_catalogue(directory: Path, *, alone: bool) -> int:
    """
    As :func:`hold_directory`, of a directory with a catalogue, which is brought up to date. Blocks.

    :raises StorageInUse: as :meth:`LocalStorage.open`.
    :raises CatalogueMissing: likewise.
    :raises NewerSchema: a newer program has written the catalogue.
    """
    descriptor = hold_directory(directory, alone=alone)
    try:
        catalogue = directory / CATALOGUE_NAME
        if _find_revision(directory) != HEAD:
            # Whoever has it open knows the tables as they are now.
            _claim(descriptor, directory, alone=True)
            migrate(catalogue)
            _claim(descriptor, directory, alone=alone)
    except BaseException:
        os.close(descriptor)
        raise
    return descriptor


def _find_revision(directory: Path) -> str | None:
    revision = find_revision(directory / CATALOGUE_NAME)
    if revision is None and holds_blobs(directory):
        raise CatalogueMissing(f"{directory} has blobs, but {CATALOGUE_NAME} is missing or empty")
    return revision


def _make(directory: Path) -> None:
    """See that a directory is there, and stays there."""
    if not directory.parent.is_dir():
        _make(directory.parent)
    directory.mkdir(mode=0o700, exist_ok=True)
    # Not only when it is new: whoever made it may have died before its name was durable.
    sync_directory(directory.parent)


def _claim(descriptor: int, directory: Path, *, alone: bool) -> None:
    try:
        fcntl.flock(descriptor, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
    except BlockingIOError:
        raise StorageInUse(f"{directory} is in use; stop the server, or wait for the other command") from None
