"""Open the drive of this machine."""

from __future__ import annotations

import os
import pathlib
import pwd
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Final

from attrs import frozen
from twisted.internet.interfaces import IReactorTime
from twisted.python.threadpool import ThreadPool

from cloudsvc.administration.moments import Moments
from cloudsvc.administration.opened import OpenedDrive
from cloudsvc.administration.snapshots import Snapshots
from cloudsvc.core.errors import StartFault
from cloudsvc.core.reactors import IReactor
from cloudsvc.core.threads import PoolRunner, ThreadRunner
from cloudsvc.drive.capacity import Capacity
from cloudsvc.drive.catalogue import Pins
from cloudsvc.drive.collection import Collection
from cloudsvc.drive.drive import Drive
from cloudsvc.drive.limits import Limits
from cloudsvc.drive.nodes import Instant
from cloudsvc.drive.receiving import Reception
from cloudsvc.storage.catalogue import NewerSchema, SQLiteCatalogue, open_catalogue
from cloudsvc.storage.local import CatalogueMissing, LocalStorage, StorageInUse, StorageThreads

_DISK: Final = 8
_READERS: Final = 4


@frozen(kw_only=True)
class Workshop:
    """What working on a drive takes: threads and clocks."""

    threads: StorageThreads
    clock: IReactorTime
    now: Callable[[], Instant]

    @classmethod
    def of(cls, make_threads: Callable[[int], ThreadRunner], clock: IReactorTime) -> Workshop:
        """One with threads that ``make_threads`` gives, that many at most, and the clock of this machine."""
        return cls(
            threads=StorageThreads(
                writer=make_threads(1),
                readers=make_threads(_READERS),
                disk=make_threads(_DISK),
                uploads=make_threads(_DISK),
            ),
            clock=clock,
            now=lambda: time.time_ns() // 1000,
        )

    async def open_catalogue(self, file: pathlib.Path) -> SQLiteCatalogue:
        """The catalogue in ``file``. Whoever opened it closes it."""
        return await open_catalogue(file, writer=self.threads.writer, readers=self.threads.readers, now=self.now)


@contextmanager
def open_workshop(reactor: IReactor) -> Iterator[Workshop]:
    """A workshop whose threads end with the context."""
    with ExitStack() as pools:

        def start(most: int) -> PoolRunner:
            pool = ThreadPool(0, most, name="administration")
            pool.start()
            pools.callback(pool.stop)
            return PoolRunner(reactor, pool)

        yield Workshop.of(start, reactor)


@asynccontextmanager
async def open_drive(directory: pathlib.Path, limits: Limits, workshop: Workshop) -> AsyncIterator[OpenedDrive]:
    """
    The drive in ``directory``, closed with the context. Others may have it open as well.

    :raises StartFault: it cannot be opened.
    """
    await workshop.threads.disk.run(check_owner, directory)
    storage = await open_storage(directory, workshop)
    try:
        # `cloudsvc gc` and the server collect; commands that import need not wait for it.
        yield assemble(storage, directory, limits, workshop, collect_soon=lambda: None)
    finally:
        await storage.close()


async def open_storage(directory: pathlib.Path, workshop: Workshop) -> LocalStorage:
    """
    The storage in ``directory``, which is made where it is missing. Whoever opens it closes it.

    :raises StartFault: it cannot be opened.
    """
    try:
        return await LocalStorage.open(directory, workshop.threads, now=workshop.now)
    except (StorageInUse, NewerSchema) as problem:
        raise StartFault([str(problem)]) from None
    except CatalogueMissing as problem:
        advice = "bring it back or restore a backup, as docs/recovery.md says; nothing was changed"
        raise StartFault([f"{problem}; {advice}"]) from None
    except OSError as problem:
        raise StartFault([f"{directory} cannot be opened: {problem.strerror}"]) from None
    except sqlite3.Error as problem:
        reason = f"the catalogue in {directory} cannot be opened: {problem}"
        raise StartFault([f"{reason}; restore a backup, or see docs/recovery.md"]) from None


def check_owner(directory: pathlib.Path) -> None:
    """
    See that what is written here stays readable to the server. Blocks.

    :raises StartFault: the directory belongs to someone else.
    """
    try:
        # Where it is missing, it will be like the one in which it is made.
        place = next(place for place in (directory, *directory.parents) if place.exists())
        owner = place.stat().st_uid
    except OSError:
        return  # Opening it tells why.
    if owner != os.geteuid():
        try:
            name = pwd.getpwuid(owner).pw_name
        except KeyError:
            name = str(owner)
        raise StartFault([f"{place} belongs to {name}; run this command as that user"])


def assemble(
    storage: LocalStorage,
    directory: pathlib.Path,
    limits: Limits,
    workshop: Workshop,
    *,
    collect_soon: Callable[[], None],
) -> OpenedDrive:
    """
    The drive on ``storage``, which lies in ``directory``.

    :param collect_soon: is called when there is something to collect.
    """
    catalogue, blobs = storage.catalogue, storage.blobs
    collection = Collection(catalogue=catalogue, blobs=blobs)
    capacity = Capacity(catalogue=catalogue, collection=collection, limit=limits.capacity)
    reception = Reception(catalogue=catalogue, blobs=blobs, capacity=capacity, limits=limits)
    return OpenedDrive(
        drive=Drive(catalogue=catalogue, blobs=blobs, reception=reception, collect_soon=collect_soon, limits=limits),
        reception=reception,
        catalogue=catalogue,
        blobs=blobs,
        collection=collection,
        moments=make_moments(catalogue, directory, workshop),
        limits=limits,
        disk=workshop.threads.disk,
        now=workshop.now,
    )


def make_moments(catalogue: Pins, directory: pathlib.Path, workshop: Workshop) -> Moments:
    """What makes copies of ``catalogue``, whose drive lies in ``directory``."""
    return Moments(
        directory=directory / "moments",
        catalogue=catalogue,
        open_catalogue=workshop.open_catalogue,
        disk=workshop.threads.disk,
        clock=workshop.clock,
        now=workshop.now,
    )


def make_snapshots(catalogue: Pins, directory: pathlib.Path, workshop: Workshop) -> Snapshots:
    """What takes the nightly snapshots of the drive in ``directory``."""
    return Snapshots(
        directory=directory / "snapshots",
        moments=make_moments(catalogue, directory, workshop),
        disk=workshop.threads.disk,
        now=workshop.now,
    )
