"""Replacement of a catalogue in a directory of this machine, whose blobs are elsewhere."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import IO, Final

from attrs import define

from cloudsvc.core.coroutines import complete
from cloudsvc.drive.blobs import BlobStore
from cloudsvc.drive.freezing import Beginning
from cloudsvc.drive.replacement import Supply
from cloudsvc.storage.backup_intake import BackupIntake, telling_of_the_store
from cloudsvc.storage.blob_intake import BlobIntake
from cloudsvc.storage.installation import Installation
from cloudsvc.storage.local_replacement import (
    claim_lock,
    holds_files,
    name_former,
    telling_of_the_disk,
)
from cloudsvc.storage.opening import check_owner
from cloudsvc.storage.resources import Resources
from cloudsvc.storage.work_directories import WORK_NAME

_EVER: Final = 2**62
"""A moment before which all blobs were sealed."""


@asynccontextmanager
async def open_catalogue_replacement(
    directory: Path, blobs: BlobStore, installation: str, resources: Resources
) -> AsyncIterator[CatalogueReplacement]:
    """
    A replacement of the catalogue in ``directory`` and of its blobs, for as long as the context lasts.

    :param blobs: where they are. Nobody else uses it meanwhile; whoever has opened it closes it.
    :param installation: to whom they belong, and so the catalogue.
    :raises OperatorError: others have the directory open, or it cannot be opened.
    :raises CloudError: the store of the blobs fails.
    """
    run = resources.threads.disk.run
    async with AsyncExitStack() as stack:
        await run(check_owner, directory)
        stack.callback(os.close, await run(claim_lock, directory))
        holds = await holds_files(directory, resources)
        yield CatalogueReplacement(
            is_empty=not await _holds_blobs(blobs) if holds is None else not holds,
            directory=directory,
            intake=BackupIntake(
                blobs=BlobIntake(blobs=blobs, threads=resources.threads.disk),
                installation=installation,
                work=directory / WORK_NAME,
                resources=resources,
                stack=stack,
            ),
            resources=resources,
        )


@define(eq=False, kw_only=True)
class CatalogueReplacement:
    """
    A :class:`cloudsvc.drive.replacement.Replacement`. Blobs that only the former catalogue knows stay in the store;
    with time they go into quarantine, as all that is orphaned.

    :ivar is_empty: as there.
    """

    is_empty: bool
    _directory: Path
    _intake: BackupIntake
    _resources: Resources
    _own: Path | None = None

    async def take(self, catalogue: IO[bytes], supply: Supply | None, beginning: Beginning) -> None:
        """As :meth:`cloudsvc.drive.replacement.Replacement.take`."""
        self._own = (await self._intake.take(catalogue, supply, beginning)).parent

    async def install(self) -> str | None:
        """As :meth:`cloudsvc.drive.replacement.Replacement.install`."""
        if self._own is None:
            raise ValueError("nothing was taken")
        return await complete(self._install(self._own))

    async def _install(self, own: Path) -> str | None:
        installation = Installation(
            directory=self._directory,
            own=own,
            layout=None,
            arrived=[],
            former=None if self.is_empty else name_former(self._resources),
        )
        with telling_of_the_store():
            await self._intake.blobs.replace()
        with telling_of_the_disk(self._directory):
            kept = await self._resources.threads.disk.run(installation.run)
        self._intake.blobs.keep()
        return None if kept is None else str(kept)


async def _holds_blobs(blobs: BlobStore) -> bool:
    async for bundle in blobs.list(_EVER):
        if bundle:
            return True
    async for bundle in blobs.list_quarantined():
        if bundle:
            return True
    return False
