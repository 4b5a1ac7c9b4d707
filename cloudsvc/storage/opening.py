"""Opening of the drive of this machine."""

from __future__ import annotations

import os
import pathlib
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from cloudsvc.core.errors import OperatorError
from cloudsvc.drive.capacity import Capacity
from cloudsvc.drive.catalogue import Pins
from cloudsvc.drive.collection import Collection
from cloudsvc.drive.drive import Drive
from cloudsvc.drive.free_space import FreeSpace
from cloudsvc.drive.limits import Limits
from cloudsvc.drive.uploads import Uploads
from cloudsvc.storage.catalogue import NewerSchema
from cloudsvc.storage.claims import claim_home
from cloudsvc.storage.consistent_copies import ConsistentCopies
from cloudsvc.storage.engine_storage import open_engines
from cloudsvc.storage.engines import LOCAL, Engines
from cloudsvc.storage.local import CatalogueMissing, LocalStorage, StorageInUse
from cloudsvc.storage.opened import OpenedDrive, OpenStorage, Storage
from cloudsvc.storage.permissions import explain, find_forbidden, name_user
from cloudsvc.storage.resources import Resources


@asynccontextmanager
async def open_drive(
    directory: pathlib.Path, limits: Limits, resources: Resources, engines: Engines = LOCAL
) -> AsyncIterator[OpenedDrive]:
    """
    The drive in ``directory``, or wherever ``engines`` say, closed with the context. Others may have it open as well.

    :raises OperatorError: it cannot be opened.
    """
    await resources.threads.disk.run(check_owner, directory)
    storage = await open_storage(directory, resources, engines)
    try:
        # `cloudsvc gc` and the server collect; commands that import need not wait for it.
        yield assemble(storage, limits, resources, collect_soon=lambda: None)
    finally:
        await storage.close()


async def open_storage(directory: pathlib.Path, resources: Resources, engines: Engines = LOCAL) -> OpenStorage:
    """
    The storage in ``directory``, which is made where it is missing, but for what ``engines`` keep elsewhere. Whoever
    opens it closes it.

    :raises OperatorError: it cannot be opened.
    """
    try:
        if forbidden := await resources.threads.disk.run(find_forbidden, directory):
            raise OperatorError(forbidden)
        return await (
            _open_local(directory, resources) if engines.are_local else open_engines(directory, engines, resources)
        )
    except (StorageInUse, NewerSchema) as problem:
        raise OperatorError([str(problem)]) from None
    except CatalogueMissing as problem:
        advice = "bring it back or restore a backup, as docs/recovery.md says; nothing was changed"
        raise OperatorError([f"{problem}; {advice}"]) from None
    except (OSError, sqlite3.Error) as problem:
        raise OperatorError(await resources.threads.disk.run(explain, directory, problem)) from None


async def _open_local(directory: pathlib.Path, resources: Resources) -> LocalStorage:
    storage = await LocalStorage.open(directory, resources.threads, now=resources.now, clock=resources.clock)
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
