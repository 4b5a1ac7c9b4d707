"""Storages in tests that can be replaced: every implementation, opened as a drive or for replacement."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Final, Protocol

from attrs import field, frozen

from cloudsvc.drive.replacement import Replacement
from cloudsvc.storage.blobs import open_blobs
from cloudsvc.storage.blobs.memory import MemoryBlobs, Shelf
from cloudsvc.storage.blobs.objects import ObjectBlobs, ObjectStoreSettings
from cloudsvc.storage.catalogue import SQLiteCatalogue, migrate
from cloudsvc.storage.catalogue.postgresql.exclusive import use_alone
from cloudsvc.storage.catalogue_replacement import open_catalogue_replacement
from cloudsvc.storage.local import CATALOGUE_NAME
from cloudsvc.storage.local_replacement import open_replacement
from cloudsvc.storage.memory_catalogue import Memory, MemoryCatalogue
from cloudsvc.storage.memory_replacement import MemoryReplacement
from cloudsvc.storage.opened import OpenedDrive
from cloudsvc.storage.opening import assemble
from cloudsvc.storage.resources import Resources
from cloudsvc.storage.shared_replacement import open_shared_replacement
from tests.support.administration import open_tools, opened
from tests.support.blobs import find_files
from tests.support.object_stores import ObjectServer, open_bucket
from tests.support.opened_drives import GENEROUS, open_shared, see_from_tomorrow
from tests.support.postgresql import find_database


class Place(Protocol):
    """Where a drive is kept."""

    def open(self) -> AbstractAsyncContextManager[OpenedDrive]:
        """The drive, open until the context ends."""
        ...

    def replace(self) -> AbstractAsyncContextManager[Replacement]:
        """What replaces it, while it is closed."""
        ...

    def list_kept(self) -> set[str]:
        """What is kept there but for the content of the catalogue, while it is closed."""
        ...


@frozen
class LocalPlace:
    """A directory."""

    directory: Path

    def open(self) -> AbstractAsyncContextManager[OpenedDrive]:
        """As :meth:`Place.open`."""
        return opened(self.directory)

    @asynccontextmanager
    async def replace(self) -> AsyncIterator[Replacement]:
        """As :meth:`Place.replace`."""
        async with open_tools() as resources, open_replacement(self.directory, resources) as replacement:
            yield replacement

    def list_kept(self) -> set[str]:
        """As :meth:`Place.list_kept`."""
        return find_files(self.directory)


@frozen
class _MemoryStorage:
    catalogue: MemoryCatalogue
    blobs: MemoryBlobs


@frozen
class MemoryPlace:
    """The memory of the process."""

    directory: Path
    memory: Memory = field(factory=Memory)
    shelf: Shelf = field(factory=Shelf)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenedDrive]:
        """As :meth:`Place.open`."""
        async with open_tools() as tools:
            storage = _MemoryStorage(
                MemoryCatalogue(now=tools.now, memory=self.memory), MemoryBlobs(now=tools.now, shelf=self.shelf)
            )
            drive = assemble(storage, GENEROUS, tools, collect_soon=lambda: None)
            drive.collection.now = see_from_tomorrow
            yield drive
            await storage.blobs.close()

    @asynccontextmanager
    async def replace(self) -> AsyncIterator[Replacement]:
        """As :meth:`Place.replace`."""
        async with open_tools() as tools:
            yield MemoryReplacement(memory=self.memory, shelf=self.shelf, now=tools.now)

    def list_kept(self) -> set[str]:
        """As :meth:`Place.list_kept`."""
        return {*self.shelf.sealed, *self.shelf.suspended, *self.shelf.quarantined}


@frozen
class BucketPlace:
    """A catalogue in a directory, and its blobs in a bucket."""

    directory: Path
    server: ObjectServer
    settings: ObjectStoreSettings

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenedDrive]:
        """As :meth:`Place.open`."""
        self.directory.mkdir(exist_ok=True)
        file = self.directory / CATALOGUE_NAME
        migrate(file)
        async with open_tools() as tools, self._open_blobs(tools) as blobs:
            catalogue = await tools.open_catalogue(file)
            try:
                assert (await catalogue.claim(_INSTALLATION)).installation == _INSTALLATION
                drive = assemble(_BucketStorage(catalogue, blobs), GENEROUS, tools, collect_soon=lambda: None)
                drive.collection.now = see_from_tomorrow
                yield drive
            finally:
                await catalogue.close()

    @asynccontextmanager
    async def replace(self) -> AsyncIterator[Replacement]:
        """As :meth:`Place.replace`."""
        async with (
            open_tools() as tools,
            self._open_blobs(tools) as blobs,
            open_catalogue_replacement(self.directory, blobs, _INSTALLATION, tools) as replacement,
        ):
            yield replacement

    def list_kept(self) -> set[str]:
        """As :meth:`Place.list_kept`."""
        with self.server.connect() as client:
            listed = client.list_objects_v2(Bucket=self.settings.bucket, Prefix=self.settings.prefix)
            return {*find_files(self.directory), *(each["Key"] for each in listed.get("Contents", []))}

    def _open_blobs(self, tools: Resources) -> AbstractAsyncContextManager[ObjectBlobs]:
        return open_bucket(self.settings, tools.threads.disk, self.server.sizes, installation=_INSTALLATION)


@frozen
class _BucketStorage:
    catalogue: SQLiteCatalogue
    blobs: ObjectBlobs


_INSTALLATION: Final = "0" * 32


@frozen
class SharedPlace:
    """A database in PostgreSQL, and a directory for the blobs."""

    directory: Path

    @asynccontextmanager
    async def open(self) -> AsyncIterator[OpenedDrive]:
        """As :meth:`Place.open`."""
        async with open_tools() as tools:
            storage = await open_shared(self.directory, tools.threads, now=tools.now)
            try:
                assert (await storage.catalogue.claim(_INSTALLATION)).installation == _INSTALLATION
                drive = assemble(storage, GENEROUS, tools, collect_soon=lambda: None)
                drive.collection.now = see_from_tomorrow
                yield drive
            finally:
                await storage.close()

    @asynccontextmanager
    async def replace(self) -> AsyncIterator[Replacement]:
        """As :meth:`Place.replace`."""
        async with open_tools() as tools:
            blobs = await open_blobs(self.directory, tools.threads.disk, writing=tools.threads.uploads)
            try:
                with use_alone(find_database(self.directory)) as database:
                    work = self.directory / "work"
                    async with open_shared_replacement(database, blobs, _INSTALLATION, work, tools) as replacement:
                        yield replacement
            finally:
                await blobs.close()

    def list_kept(self) -> set[str]:
        """As :meth:`Place.list_kept`."""
        return find_files(self.directory)


PLACES: Final[dict[str, Callable[[Path], Place]]] = {"local": LocalPlace, "memory": MemoryPlace}
"""Every implementation of ``Replacement`` for which no program has to be started."""
