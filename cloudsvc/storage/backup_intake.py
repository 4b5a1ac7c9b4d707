"""Intake of a backup: its catalogue beside what is there, and its blobs into a store that is in use by nobody else."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import IO

from attrs import frozen

from cloudsvc.core.errors import CloudError, OperatorError
from cloudsvc.drive.catalogue import Inventory
from cloudsvc.drive.freezing import Beginning
from cloudsvc.drive.inventory import list_blobs
from cloudsvc.drive.replacement import Supply
from cloudsvc.storage.blob_intake import BlobIntake
from cloudsvc.storage.catalogue.sqlite.receiving import receive, telling_what_is_unusable
from cloudsvc.storage.local import CATALOGUE_NAME
from cloudsvc.storage.local_replacement import open_catalogue_in, telling_of_the_disk
from cloudsvc.storage.resources import Resources
from cloudsvc.storage.work_directories import OwnPlace


@frozen(kw_only=True)
class BackupIntake:
    """
    Where a backup is taken in.

    :ivar blobs: those of its blobs that the store has not.
    :ivar installation: to whom the store belongs, and so the catalogue.
    :ivar work: a directory of this machine, which is made, for the catalogue.
    :ivar stack: removes what was taken in, unless it is kept.
    """

    blobs: BlobIntake
    installation: str
    work: Path
    resources: Resources
    stack: AsyncExitStack

    async def take(self, catalogue: IO[bytes], supply: Supply | None, beginning: Beginning) -> Path:
        """
        The catalogue, examined, once each blob that it refers to is in the store.

        :param supply: as :meth:`cloudsvc.drive.replacement.Replacement.take`.
        :raises Unusable: as :meth:`cloudsvc.drive.replacement.Replacement.take`.
        :raises OperatorError: the disk or the store fails.
        """
        run = self.resources.threads.disk.run
        with telling_of_the_disk(self.work), telling_what_is_unusable():
            own = await run(OwnPlace.make, self.work)
            self.stack.push_async_callback(run, own.remove)
            self.stack.push_async_callback(self.blobs.undo)
            file = own.directory / CATALOGUE_NAME
            await run(receive, catalogue, file, beginning)
            async with open_catalogue_in(file, self.resources) as opened:
                await opened.claim(self.installation)
                if supply is not None:
                    await self._take_blobs(opened, supply)
        return file

    async def _take_blobs(self, catalogue: Inventory, supply: Supply) -> None:
        async for bundle in list_blobs(catalogue):
            for blob in bundle:
                content = await supply(blob)
                with telling_of_the_store():
                    await self.blobs.take(blob, content)


@contextmanager
def telling_of_the_store() -> Iterator[None]:
    """
    Meanwhile the store of the blobs is used.

    :raises OperatorError: it fails.
    """
    try:
        yield
    except CloudError as problem:
        raise OperatorError([f"{problem.message} Nothing was replaced, so mend it and try again"]) from None
