"""Storage with an engine of its own for the catalogue, for the blobs, or for both."""

from __future__ import annotations

import os
import pathlib
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any

from attrs import frozen

from cloudsvc.core.errors import OperatorError
from cloudsvc.drive.blobs import BlobStore
from cloudsvc.drive.leadership import Leadership
from cloudsvc.storage.ballast import Ballast
from cloudsvc.storage.blobs import open_blobs
from cloudsvc.storage.catalogue import open_catalogue
from cloudsvc.storage.catalogue.catalogue import DatabaseCatalogue
from cloudsvc.storage.claims import claim, claim_directory
from cloudsvc.storage.engines import Engines
from cloudsvc.storage.leadership import FileLeadership
from cloudsvc.storage.local import (
    CATALOGUE_NAME,
    LEADER_NAME,
    SNAPSHOTS_NAME,
    find_ballast,
    hold_directory,
    lock_catalogue,
)
from cloudsvc.storage.work_directories import WORK_NAME

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from cloudsvc.core.secrets import Secret
    from cloudsvc.storage.blobs.objects.settings import ObjectStoreSettings
    from cloudsvc.storage.catalogue.postgresql.opening import PostgreSQLCatalogue
    from cloudsvc.storage.resources import Resources

# Drivers of databases and of object stores are extras: only who uses one imports it.


@frozen(kw_only=True)
class EngineStorage:
    """
    A :class:`cloudsvc.storage.opened.OpenStorage`. Whoever opens it closes it.

    :ivar ballast: where the catalogue is in the directory of the drive.
    """

    catalogue: DatabaseCatalogue[Any]
    blobs: BlobStore
    leadership: Leadership
    ballast: Ballast | None
    _measure_clock: Callable[[], Awaitable[float]]
    _is_full: Callable[[], bool]
    _stack: AsyncExitStack

    @property
    def lacks_space(self) -> bool:
        """As :attr:`cloudsvc.storage.opened.OpenStorage.lacks_space`."""
        return self._is_full()

    async def measure_clock(self) -> float:
        """As :meth:`cloudsvc.storage.opened.OpenStorage.measure_clock`."""
        return await self._measure_clock()

    async def close(self) -> None:
        """Finish what is being stored, and let go of everything."""
        await self._stack.aclose()


async def open_engines(directory: pathlib.Path, engines: Engines, resources: Resources) -> EngineStorage:
    """
    What keeps the drive of ``directory``, of which ``engines`` are not all local.

    :param directory: for what is local, and for copies that come and go; it is made where it is missing.
    :raises OperatorError: it cannot be opened. Nothing was changed but that there may be tables and a marker now.
    :raises StorageInUse: others want ``directory`` for themselves.
    :raises Exception: what :meth:`cloudsvc.storage.local.LocalStorage.open` raises of the parts that are local.
    """
    async with AsyncExitStack() as stack:
        opening = _Opening(directory=directory, resources=resources, stack=stack)
        if engines.database is None:
            ballast: Ballast | None = find_ballast(directory)
            catalogue, leadership = await opening.open_sqlite(ballast)
            measure_clock, is_full = _find_no_other, _know_nothing
        else:
            ballast = None
            shared, leadership = await opening.open_postgresql(engines.database)
            catalogue, measure_clock, is_full = shared, shared.measure_clock, lambda: shared.lacks_space
        blobs = await (
            opening.open_files(catalogue) if engines.bucket is None else opening.open_bucket(engines.bucket, catalogue)
        )
        opened = stack.pop_all()
    return EngineStorage(
        catalogue=catalogue,
        blobs=blobs,
        leadership=leadership,
        ballast=ballast,
        measure_clock=measure_clock,
        is_full=is_full,
        stack=opened,
    )


async def _find_no_other() -> float:
    """What the clock of this machine is off that of a file."""
    return 0.0


def _know_nothing() -> bool:
    """Of the disk of the home everybody knows."""
    return False


@frozen(kw_only=True)
class _Opening:
    """Parts that are opened one after the other, and closed the other way round."""

    directory: pathlib.Path
    resources: Resources
    stack: AsyncExitStack

    async def open_sqlite(self, ballast: Ballast | None) -> tuple[DatabaseCatalogue[Any], Leadership]:
        """The catalogue in the directory."""
        threads = self.resources.threads
        self.stack.callback(os.close, await threads.disk.run(lock_catalogue, self.directory, alone=False))
        catalogue = await open_catalogue(
            self.directory / CATALOGUE_NAME,
            writer=threads.writer,
            readers=threads.readers,
            now=self.resources.now,
            ballast=ballast,
            beside=[self.directory / SNAPSHOTS_NAME],
            clock=self.resources.clock,
        )
        self.stack.push_async_callback(catalogue.close)
        return catalogue, FileLeadership(file=self.directory / LEADER_NAME, threads=threads.disk)

    async def open_postgresql(self, url: Secret) -> tuple[PostgreSQLCatalogue, Leadership]:
        """The catalogue in a database."""
        from cloudsvc.storage.catalogue.postgresql.migration import migrate  # noqa: PLC0415  # likewise
        from cloudsvc.storage.catalogue.postgresql.opening import open_postgresql  # noqa: PLC0415  # likewise
        from cloudsvc.storage.database.postgresql.clocks import check_clock  # noqa: PLC0415  # see above
        from cloudsvc.storage.database.postgresql.leadership import DatabaseLeadership  # noqa: PLC0415  # likewise

        threads = self.resources.threads
        self.stack.callback(os.close, await threads.disk.run(hold_directory, self.directory))
        if await threads.disk.run((self.directory / CATALOGUE_NAME).exists):
            raise OperatorError(
                [f"{self.directory} has a catalogue of its own: drop database.url, or use a home without a drive"]
            )
        await threads.disk.run(check_clock, url, self.resources.now)
        await threads.disk.run(migrate, url)
        catalogue = await open_postgresql(
            url,
            work=self.directory / WORK_NAME,
            writer=threads.writer,
            readers=threads.readers,
            now=self.resources.now,
            reactor=self.resources.reactor,
            meter=self.resources.meter,
        )
        self.stack.push_async_callback(catalogue.close)
        return catalogue, DatabaseLeadership.of(url, threads.disk, self.resources.reactor, self.resources.meter)

    async def open_files(self, catalogue: DatabaseCatalogue[Any]) -> BlobStore:
        """The blobs in the directory."""
        threads = self.resources.threads
        await claim_directory(catalogue, self.directory, threads.disk)
        blobs = await open_blobs(self.directory, threads.disk, writing=threads.uploads)
        self.stack.push_async_callback(blobs.close)
        return blobs

    async def open_bucket(self, bucket: ObjectStoreSettings, catalogue: DatabaseCatalogue[Any]) -> BlobStore:
        """The blobs in a bucket."""
        from cloudsvc.storage.blobs.objects import open_objects  # noqa: PLC0415  # see above

        identity = await claim(catalogue)
        blobs = await open_objects(
            bucket,
            installation=identity.installation,
            knows_blobs=identity.knows_blobs,
            threads=self.resources.network,
            clock=self.resources.clock,
            note=self.resources.note_request,
        )
        self.stack.push_async_callback(blobs.close)
        return blobs
