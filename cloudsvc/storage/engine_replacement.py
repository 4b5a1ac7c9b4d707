"""Replacement of what a drive holds, whichever engines keep it."""

from __future__ import annotations

import os
import pathlib
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING

from cloudsvc.core.errors import CloudError
from cloudsvc.drive.blobs import BlobStore
from cloudsvc.drive.replacement import Replacement
from cloudsvc.storage.blobs import open_blobs
from cloudsvc.storage.blobs.marker import make_installation
from cloudsvc.storage.catalogue_replacement import open_catalogue_replacement
from cloudsvc.storage.claims import claim_blobs
from cloudsvc.storage.engines import Engines
from cloudsvc.storage.local import CATALOGUE_NAME, hold_directory
from cloudsvc.storage.local_replacement import open_catalogue_in, open_replacement
from cloudsvc.storage.shared_replacement import open_shared_replacement
from cloudsvc.storage.work_directories import WORK_NAME

if TYPE_CHECKING:
    from cloudsvc.core.secrets import Secret
    from cloudsvc.storage.blobs.objects import ObjectStoreSettings
    from cloudsvc.storage.resources import Resources

# Drivers of databases and of object stores are extras: only who uses one imports it.


@asynccontextmanager
async def open_any_replacement(
    directory: pathlib.Path, engines: Engines, resources: Resources
) -> AsyncIterator[Replacement]:
    """
    A replacement of what ``engines`` keep for the drive of ``directory``, for as long as the context lasts.

    To whom the blobs belong that are there, the catalogue belongs afterwards: it may be a new one, after the former one
    was lost.

    :raises OperatorError: others have it open, it cannot be opened, or catalogue and blobs are of two installations.
    """
    async with AsyncExitStack() as stack:
        if engines.database is not None:
            yield await _open_shared(directory, engines.database, engines.bucket, resources, stack)
        elif engines.bucket is not None:
            owner = await _find_owner(directory / CATALOGUE_NAME, resources)
            blobs, installation = await _open_bucket(engines.bucket, owner, resources, stack)
            yield await stack.enter_async_context(open_catalogue_replacement(directory, blobs, installation, resources))
        else:
            yield await stack.enter_async_context(open_replacement(directory, resources))


async def _open_shared(
    directory: pathlib.Path,
    url: Secret,
    bucket: ObjectStoreSettings | None,
    resources: Resources,
    stack: AsyncExitStack,
) -> Replacement:
    from cloudsvc.storage.catalogue.postgresql.exclusive import use_alone  # noqa: PLC0415  # see above

    run = resources.threads.disk.run
    stack.callback(os.close, await run(lambda: hold_directory(directory, alone=True)))
    using = use_alone(url)
    database = await run(using.__enter__)
    stack.push_async_callback(run, using.__exit__, None, None, None)
    owner = await run(database.find_installation)
    if bucket is None:
        installation = await claim_blobs(directory, owner, resources.threads.disk)
        files = await open_blobs(directory, resources.threads.disk, writing=resources.threads.uploads)
        stack.push_async_callback(files.close)
        blobs: BlobStore = files
    else:
        blobs, installation = await _open_bucket(bucket, owner, resources, stack)
    return await stack.enter_async_context(
        open_shared_replacement(database, blobs, installation, directory / WORK_NAME, resources)
    )


async def _open_bucket(
    settings: ObjectStoreSettings, owner: str, resources: Resources, stack: AsyncExitStack
) -> tuple[BlobStore, str]:
    """The blobs in a bucket, and to whom they belong."""
    from cloudsvc.storage.blobs.objects import find_installation, open_objects  # noqa: PLC0415  # see above

    threads, clock = resources.network, resources.clock
    found = await find_installation(settings, threads=threads, clock=clock)
    installation = owner or found or make_installation()
    # Where the two differ, opening tells it.
    blobs = await open_objects(settings, installation=installation, threads=threads, clock=clock)
    stack.push_async_callback(blobs.close)
    return blobs, installation


async def _find_owner(file: pathlib.Path, resources: Resources) -> str:
    """To whom a catalogue belongs; empty where there is none that can be read: it is what is to be replaced."""
    if not await resources.threads.disk.run(file.exists):
        return ""
    try:
        async with open_catalogue_in(file, resources) as catalogue:
            return (await catalogue.identify()).installation
    except (CloudError, sqlite3.Error, OSError):
        return ""
