"""Replacement of the storage in a directory of this machine."""

from __future__ import annotations

import hashlib
import os
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from attrs import define, field, frozen

from cloudsvc.core.actors import OWNER
from cloudsvc.core.coroutines import complete
from cloudsvc.core.durable_files import lock, sync
from cloudsvc.core.errors import OperatorError
from cloudsvc.drive.freezing import Beginning
from cloudsvc.drive.inventory import list_blobs
from cloudsvc.drive.names import ROOT
from cloudsvc.drive.nodes import Blob, BlobId
from cloudsvc.drive.replacement import Supply, read_verified
from cloudsvc.storage.blobs import holds_blobs
from cloudsvc.storage.blobs.layout import Layout
from cloudsvc.storage.catalogue import NewerSchema, SQLiteCatalogue, find_revision, migrate
from cloudsvc.storage.catalogue.sqlite.receiving import SENSELESS, receive, telling_what_is_unusable
from cloudsvc.storage.installation import Installation
from cloudsvc.storage.local import CATALOGUE_NAME, LOCK_NAME
from cloudsvc.storage.opening import check_owner
from cloudsvc.storage.resources import Resources
from cloudsvc.storage.work_directories import WORK_NAME, OwnPlace


@asynccontextmanager
async def open_replacement(directory: Path, resources: Resources) -> AsyncIterator[LocalReplacement]:
    """
    A replacement of what is in ``directory``, for as long as the context lasts.

    :raises OperatorError: others have it open, or it cannot be opened.
    """
    run = resources.threads.disk.run
    async with AsyncExitStack() as stack:
        await run(check_owner, directory)
        stack.callback(os.close, await run(claim_lock, directory))
        holds = await holds_files(directory, resources)
        is_empty = not await run(holds_blobs, directory) if holds is None else not holds
        yield LocalReplacement(is_empty=is_empty, directory=directory, resources=resources, stack=stack)


@frozen(kw_only=True)
class _Taken:
    """
    What was taken in, beside what is there. Its methods block.

    :ivar own: where the catalogue is.
    :ivar arrived: blobs that wait in this program's incoming folder.
    """

    own: Path
    layout: Layout
    arrived: list[BlobId] = field(factory=list)

    def take(self, blob: Blob, content: IO[bytes]) -> None:
        """Take in a blob, unless the store has it."""
        pieces = read_verified(blob, content)
        if self._is_there(blob):
            for _ in pieces:
                pass
        else:
            _write(pieces, self.layout.find_incoming(blob.id))
            self.arrived.append(blob.id)

    def _is_there(self, blob: Blob) -> bool:
        """Whether the store has the blob, whole: a backup of the same drive shares most of them."""
        try:
            with self.layout.find(blob.id).open("rb") as content:
                return hashlib.file_digest(content, "sha256").digest() == blob.digest
        except OSError:
            return False


@define(eq=False, kw_only=True)
class LocalReplacement:
    """
    A :class:`cloudsvc.drive.replacement.Replacement`.

    :ivar is_empty: as there.
    """

    is_empty: bool
    _directory: Path
    _resources: Resources
    _stack: AsyncExitStack
    _taken: _Taken | None = None

    async def take(self, catalogue: IO[bytes], supply: Supply | None, beginning: Beginning) -> None:
        """As :meth:`cloudsvc.drive.replacement.Replacement.take`."""
        run = self._resources.threads.disk.run
        with telling_of_the_disk(self._directory), telling_what_is_unusable():
            taken = await self._make_room()
            file = taken.own / CATALOGUE_NAME
            await run(receive, catalogue, file, beginning)
            if supply is not None:
                async with open_catalogue_in(file, self._resources) as opened:
                    async for blobs in list_blobs(opened):
                        for blob in blobs:
                            await run(taken.take, blob, await supply(blob))
        self._taken = taken

    async def install(self) -> str | None:
        """As :meth:`cloudsvc.drive.replacement.Replacement.install`."""
        if self._taken is None:
            raise ValueError("nothing was taken")
        installation = Installation(
            directory=self._directory,
            own=self._taken.own,
            layout=self._taken.layout,
            arrived=self._taken.arrived,
            former=None if self.is_empty else name_former(self._resources),
        )
        with telling_of_the_disk(self._directory):
            # With many blobs it takes long. Nobody leaves in the middle, and takes away what it works with.
            kept = await complete(self._resources.threads.disk.run(installation.run))
        return None if kept is None else str(kept)

    async def _make_room(self) -> _Taken:
        run = self._resources.threads.disk.run
        own = await run(OwnPlace.make, self._directory / WORK_NAME)
        self._stack.push_async_callback(run, own.remove)
        layout = await run(Layout.open, self._directory)
        self._stack.push_async_callback(run, layout.close)
        return _Taken(own=own.directory, layout=layout)


@contextmanager
def telling_of_the_disk(directory: Path) -> Iterator[None]:
    """Meanwhile the disk works for the storage in ``directory``."""
    try:
        yield
    except OSError as problem:
        place = problem.filename or directory
        raise OperatorError([f"{place}: {problem.strerror}; nothing was replaced, so mend it and try again"]) from None


def claim_lock(directory: Path) -> int:
    """A descriptor that holds the lock of ``directory``, for this program alone."""
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(directory / LOCK_NAME, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as problem:
        raise OperatorError([f"{directory} cannot be opened: {problem.strerror}"]) from None
    if not lock(descriptor):
        os.close(descriptor)
        raise OperatorError([f"{directory} is in use; stop the server, or wait for the other command"])
    return descriptor


async def holds_files(directory: Path, resources: Resources) -> bool | None:
    """
    Whether the catalogue in ``directory`` has anything that anybody could miss, which one has that cannot be read;
    ``None`` where there is no catalogue.

    :raises OperatorError: a newer program has written it.
    """
    run, file = resources.threads.disk.run, directory / CATALOGUE_NAME
    try:
        if await run(find_revision, file) is None:
            return None
        await run(migrate, file)
        async with open_catalogue_in(file, resources) as catalogue:
            children, trash = await catalogue.list_children(OWNER, ROOT, 1), await catalogue.list_trash(OWNER, 1)
    except NewerSchema as problem:
        raise OperatorError([str(problem)]) from None
    except SENSELESS:
        return True
    return bool(children.items or trash.items)


@asynccontextmanager
async def open_catalogue_in(file: Path, resources: Resources) -> AsyncIterator[SQLiteCatalogue]:
    """The catalogue in ``file``, open until the context ends."""
    catalogue = await resources.open_catalogue(file)
    try:
        yield catalogue
    finally:
        await catalogue.close()


def name_former(resources: Resources) -> str:
    """The name of the folder in which is kept what was there until now."""
    return datetime.fromtimestamp(resources.now() // 1_000_000, UTC).strftime("before-%Y%m%dT%H%M%SZ")


def _write(pieces: Iterator[bytes], destination: Path) -> None:
    """Write a new file, durably but for its name."""
    descriptor = os.open(destination, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        for piece in pieces:
            file.write(piece)
        sync(file)
