"""Snapshots: copies of a catalogue in SQLite, opened for as long as somebody reads them."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import IO, Final, Protocol

from attrs import frozen

from cloudsvc.core.coroutines import shield
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.catalogue import Catalogue, Snapshot
from cloudsvc.storage.faults import translated
from cloudsvc.storage.work_directories import OwnPlace

_NAME: Final = "catalogue.sqlite3"


class ClosableCatalogue(Catalogue, Protocol):
    """A catalogue that whoever opened it closes."""

    async def close(self) -> None:
        """Let go of it."""
        ...


@frozen(kw_only=True)
class Copier:
    """
    Makes copies of a catalogue, of whatever engine.

    :ivar directory: where they lie as long as they are needed; those of programs that were killed are removed.
    :ivar write: writes an SQLite database with all of it to a new file.
    :ivar threads: where files are opened and removed.
    :ivar open_copy: opens a copy as a catalogue.
    """

    directory: Path
    write: Callable[[Path], Awaitable[None]]
    threads: ThreadRunner
    open_copy: Callable[[Path], Awaitable[ClosableCatalogue]]

    @asynccontextmanager
    async def copy(self) -> AsyncIterator[Snapshot]:
        """
        A copy, for as long as the context lasts.

        :raises CloudError: it cannot be made.
        """
        run = self.threads.run
        with translated():
            place = await shield(run(OwnPlace.make, self.directory), OwnPlace.remove)
        try:
            file = place.directory / _NAME
            await self.write(file)
            with translated():
                content = await shield(run(_open, file), lambda late: late.close())
            # Opened before the database and closed after it: closing it gives up all locks that this process has on it.
            with content:
                catalogue = await self.open_copy(file)
                try:
                    yield Snapshot(catalogue=catalogue, content=content, size=os.fstat(content.fileno()).st_size)
                finally:
                    await catalogue.close()
        finally:
            await run(place.remove)


def _open(file: Path) -> IO[bytes]:
    return file.open("rb")
