"""Replacement of a catalogue in a directory of this machine, whose blobs are elsewhere."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import IO, Final

from attrs import define

from cloudsvc.core.coroutines import shield
from cloudsvc.core.errors import CloudError, OperatorError
from cloudsvc.drive.blobs import BlobStore
from cloudsvc.drive.inventory import list_blobs
from cloudsvc.drive.replacement import Supply
from cloudsvc.storage.blob_intake import BlobIntake
from cloudsvc.storage.catalogue.sqlite.receiving import receive, telling_what_is_unusable
from cloudsvc.storage.installation import Installation
from cloudsvc.storage.local import CATALOGUE_NAME
from cloudsvc.storage.local_replacement import (
    claim_lock,
    holds_files,
    name_former,
    open_catalogue_in,
    telling_of_the_disk,
)
from cloudsvc.storage.opening import check_owner
from cloudsvc.storage.resources import Resources
from cloudsvc.storage.work_directories import WORK_NAME, OwnPlace

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
            intake=BlobIntake(blobs=blobs, threads=resources.threads.disk),
            installation=installation,
            resources=resources,
            stack=stack,
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
    _intake: BlobIntake
    _installation: str
    _resources: Resources
    _stack: AsyncExitStack
    _own: Path | None = None

    async def take(self, catalogue: IO[bytes], supply: Supply) -> None:
        """As :meth:`cloudsvc.drive.replacement.Replacement.take`."""
        run = self._resources.threads.disk.run
        with telling_of_the_disk(self._directory), telling_what_is_unusable():
            own = await run(OwnPlace.make, self._directory / WORK_NAME)
            self._stack.push_async_callback(run, own.remove)
            self._stack.push_async_callback(self._undo)
            file = own.directory / CATALOGUE_NAME
            await run(receive, catalogue, file)
            async with open_catalogue_in(file, self._resources) as opened:
                await opened.claim(self._installation)
                async for bundle in list_blobs(opened):
                    for blob in bundle:
                        await self._intake.take(blob, await supply(blob))
        self._own = own.directory

    async def install(self) -> str | None:
        """As :meth:`cloudsvc.drive.replacement.Replacement.install`."""
        if self._own is None:
            raise ValueError("nothing was taken")
        return await shield(self._install(self._own))

    async def _install(self, own: Path) -> str | None:
        installation = Installation(
            directory=self._directory,
            own=own,
            layout=None,
            arrived=[],
            former=None if self.is_empty else name_former(self._resources),
        )
        try:
            await self._intake.replace()
        except CloudError as problem:
            raise OperatorError([f"{problem}; nothing was replaced, so mend it and try again"]) from None
        with telling_of_the_disk(self._directory):
            kept = installation.run()
        self._intake.keep()
        return None if kept is None else str(kept)

    async def _undo(self) -> None:
        await self._intake.undo()


async def _holds_blobs(blobs: BlobStore) -> bool:
    async for bundle in blobs.list(_EVER):
        if bundle:
            return True
    async for bundle in blobs.list_quarantined():
        if bundle:
            return True
    return False
