"""Spool files for whoever needs a file, such as another process: a blob store gives bytes, and need not have any."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Protocol, runtime_checkable

from attrs import frozen

from cloudsvc.core.coroutines import shield
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.blobs import BlobReader
from cloudsvc.drive.errors import image_too_large


@runtime_checkable
class LocalFile(Protocol):
    """What a reader may also be, where the blob is a file of this machine: then nothing needs to be spooled."""

    async def descriptor(self) -> int:
        """
        A file descriptor at position 0, always the same, which the reader closes.

        :raises CloudError: the store fails.
        """
        ...


@frozen(kw_only=True)
class Spooler:
    """
    Spools blobs into files that have no names, and are gone when nobody has them open any more.

    :ivar directory: where they take their space.
    :ivar most_bytes: of one file.
    """

    directory: Path
    threads: ThreadRunner
    most_bytes: int

    @asynccontextmanager
    async def spool(self, reader: BlobReader) -> AsyncIterator[int]:
        """
        A descriptor of a file with the bytes of ``reader``, at position 0, for as long as the context lasts.

        :raises CloudError: they are too many, or cannot be read.
        :raises OSError: they cannot be written.
        """
        if isinstance(reader, LocalFile):
            yield await reader.descriptor()
            return
        if reader.size > self.most_bytes:
            raise image_too_large()
        file = await shield(self.threads.run(self._open), lambda opened: opened.close())
        with file:
            async for piece in reader.stream(0, reader.size):
                await self.threads.run(file.write, piece)
            await self.threads.run(file.seek, 0)
            yield file.fileno()

    def _open(self) -> IO[bytes]:
        return TemporaryFile(dir=self.directory)  # whoever asked closes it
