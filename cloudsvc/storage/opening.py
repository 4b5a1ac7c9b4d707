"""Opening of the drive of this machine."""

from __future__ import annotations

import os
import pathlib
import sqlite3
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack, asynccontextmanager, contextmanager
from typing import Final

from attrs import frozen
from twisted.internet.interfaces import IReactorTime

from cloudsvc.core.errors import OperatorError
from cloudsvc.core.reactors import IReactor
from cloudsvc.core.threads import ThreadRunner, WorkerThreads
from cloudsvc.drive.capacity import Capacity
from cloudsvc.drive.catalogue import Pins
from cloudsvc.drive.collection import Collection
from cloudsvc.drive.drive import Drive
from cloudsvc.drive.free_space import FreeSpace
from cloudsvc.drive.limits import Limits
from cloudsvc.drive.nodes import Instant
from cloudsvc.drive.uploads import Uploads
from cloudsvc.storage.catalogue import READER_THREADS, NewerSchema, SQLiteCatalogue, open_catalogue
from cloudsvc.storage.claims import claim_home
from cloudsvc.storage.consistent_copies import ConsistentCopies
from cloudsvc.storage.local import CatalogueMissing, LocalStorage, StorageInUse, StorageThreads
from cloudsvc.storage.opened import OpenedDrive, Storage
from cloudsvc.storage.permissions import explain, find_forbidden, name_user

_DISK: Final = 8
_READERS: Final = READER_THREADS + 2
"""Two for the copies of the catalogue that are read while it is in use."""


@frozen(kw_only=True)
class Resources:
    """What working on a drive takes: threads and clocks."""

    threads: StorageThreads
    clock: IReactorTime
    now: Callable[[], Instant]

    @classmethod
    def of(cls, make_threads: Callable[[int], ThreadRunner], clock: IReactorTime) -> Resources:
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
def open_resources(reactor: IReactor) -> Iterator[Resources]:
    """Resources whose threads end with the context."""
    with ExitStack() as stack:

        def start(most: int) -> WorkerThreads:
            threads = WorkerThreads(reactor=reactor, most=most, name="administration")
            threads.start()
            stack.callback(threads.stop)
            return threads

        yield Resources.of(start, reactor)


@asynccontextmanager
async def open_drive(directory: pathlib.Path, limits: Limits, resources: Resources) -> AsyncIterator[OpenedDrive]:
    """
    The drive in ``directory``, closed with the context. Others may have it open as well.

    :raises OperatorError: it cannot be opened.
    """
    await resources.threads.disk.run(check_owner, directory)
    storage = await open_storage(directory, resources)
    try:
        # `cloudsvc gc` and the server collect; commands that import need not wait for it.
        yield assemble(storage, limits, resources, collect_soon=lambda: None)
    finally:
        await storage.close()


async def open_storage(directory: pathlib.Path, resources: Resources) -> LocalStorage:
    """
    The storage in ``directory``, which is made where it is missing. Whoever opens it closes it.

    :raises OperatorError: it cannot be opened.
    """
    try:
        if forbidden := await resources.threads.disk.run(find_forbidden, directory):
            raise OperatorError(forbidden)
        return await _open_claimed(directory, resources)
    except (StorageInUse, NewerSchema) as problem:
        raise OperatorError([str(problem)]) from None
    except CatalogueMissing as problem:
        advice = "bring it back or restore a backup, as docs/recovery.md says; nothing was changed"
        raise OperatorError([f"{problem}; {advice}"]) from None
    except (OSError, sqlite3.Error) as problem:
        raise OperatorError(await resources.threads.disk.run(explain, directory, problem)) from None


async def _open_claimed(directory: pathlib.Path, resources: Resources) -> LocalStorage:
    storage = await LocalStorage.open(directory, resources.threads, now=resources.now)
    try:
        await claim_home(storage.catalogue, directory, resources.threads.disk)
    except BaseException:
        await storage.close()
        raise
    return storage


def check_owner(directory: pathlib.Path) -> None:
    """
    See that what is written here stays readable to the server. Blocks.

    :raises OperatorError: the directory belongs to someone else.
    """
    try:
        # Where it is missing, it will be like the one in which it is made.
        place = next(place for place in (directory, *directory.parents) if place.exists())
        owner = place.stat().st_uid
    except OSError:
        return  # Opening it tells why.
    if owner != os.geteuid():
        raise OperatorError([f"{place} belongs to {name_user(owner)}; run this command as that user"])


def assemble(
    storage: Storage,
    limits: Limits,
    resources: Resources,
    *,
    collect_soon: Callable[[], None],
) -> OpenedDrive:
    """
    The drive on ``storage``.

    :param collect_soon: is called when there is something to collect.
    """
    catalogue, blobs = storage.catalogue, storage.blobs
    collection = Collection(catalogue=catalogue, blobs=blobs, now=resources.now)
    capacity = Capacity(catalogue=catalogue, collection=collection, limit=limits.capacity)
    free_space = FreeSpace(blobs=blobs, clock=resources.clock)
    uploads = Uploads(catalogue=catalogue, blobs=blobs, capacity=capacity, free_space=free_space, limits=limits)
    return OpenedDrive(
        drive=Drive(catalogue=catalogue, blobs=blobs, uploads=uploads, collect_soon=collect_soon, limits=limits),
        uploads=uploads,
        catalogue=catalogue,
        blobs=blobs,
        collection=collection,
        copies=make_copies(catalogue, resources),
        limits=limits,
        disk=resources.threads.disk,
        now=resources.now,
    )


def make_copies(catalogue: Pins, resources: Resources) -> ConsistentCopies:
    """What makes copies of ``catalogue``."""
    return ConsistentCopies(catalogue=catalogue, clock=resources.clock, now=resources.now)
