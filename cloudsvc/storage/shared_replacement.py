"""Replacement of a storage that several machines share: a catalogue in a database, and blobs in a store of any kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import IO, Protocol

from attrs import define

from cloudsvc.core.coroutines import complete
from cloudsvc.drive.blobs import BlobStore
from cloudsvc.drive.freezing import Beginning
from cloudsvc.drive.replacement import Supply
from cloudsvc.storage.backup_intake import BackupIntake, telling_of_the_store
from cloudsvc.storage.blob_intake import BlobIntake
from cloudsvc.storage.local_replacement import name_former, telling_of_the_disk
from cloudsvc.storage.resources import Resources


class ReplaceableDatabase(Protocol):
    """A database that nobody else uses. Its methods block, and raise ``OperatorError`` where it fails."""

    def is_empty(self) -> bool:
        """Whether nothing is in it that anybody could miss."""
        ...

    def save(self, destination: Path) -> None:
        """Write all that it holds to a new file, as an SQLite database, durably."""
        ...

    def replace(self, source: Path) -> None:
        """Let it hold what is in an SQLite database, and nothing else, durably and at once."""
        ...


@asynccontextmanager
async def open_shared_replacement(
    database: ReplaceableDatabase, blobs: BlobStore, installation: str, work: Path, resources: Resources
) -> AsyncIterator[SharedReplacement]:
    """
    A replacement of what is in ``database`` and ``blobs``, for as long as the context lasts.

    :param blobs: nobody else uses it meanwhile; whoever has opened it closes it.
    :param installation: to whom they belong, and so the catalogue.
    :param work: a directory of this machine, which is made, for the catalogue as it is taken in. Beside it the former
        one is kept.
    :raises OperatorError: the database cannot be asked.
    """
    async with AsyncExitStack() as stack:
        yield SharedReplacement(
            is_empty=await resources.threads.disk.run(database.is_empty),
            database=database,
            intake=BackupIntake(
                blobs=BlobIntake(blobs=blobs, threads=resources.threads.disk),
                installation=installation,
                work=work,
                resources=resources,
                stack=stack,
            ),
            work=work,
            resources=resources,
        )


@define(eq=False, kw_only=True)
class SharedReplacement:
    """
    A :class:`cloudsvc.drive.replacement.Replacement`. Blobs that only the former catalogue knows stay in the store;
    with time they go into quarantine, as all that is orphaned.

    :ivar is_empty: as there.
    """

    is_empty: bool
    _database: ReplaceableDatabase
    _intake: BackupIntake
    _work: Path
    _resources: Resources
    _taken: Path | None = None

    async def take(self, catalogue: IO[bytes], supply: Supply | None, beginning: Beginning) -> None:
        """As :meth:`cloudsvc.drive.replacement.Replacement.take`."""
        self._taken = await self._intake.take(catalogue, supply, beginning)

    async def install(self) -> str | None:
        """As :meth:`cloudsvc.drive.replacement.Replacement.install`."""
        if self._taken is None:
            raise ValueError("nothing was taken")
        return await complete(self._install(self._taken))

    async def _install(self, file: Path) -> str | None:
        run, kept = self._resources.threads.disk.run, None
        with telling_of_the_disk(self._work):
            if not self.is_empty:
                kept = self._work.with_name(f"{name_former(self._resources)}.sqlite3")
                await run(self._database.save, kept)
            with telling_of_the_store():
                await self._intake.blobs.replace()
            await run(self._database.replace, file)
        self._intake.blobs.keep()
        return None if kept is None else str(kept)
