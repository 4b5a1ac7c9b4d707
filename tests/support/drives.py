"""A real drive in a directory of its own, without a server around it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

from attrs import frozen

from cloudsvc.core.actors import OWNER, Actor
from cloudsvc.core.errors import CloudError
from cloudsvc.drive.capacity import Capacity
from cloudsvc.drive.collection import Collection
from cloudsvc.drive.commands import StoredFile
from cloudsvc.drive.drive import Drive
from cloudsvc.drive.limits import Limits
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.receiving import Reception
from cloudsvc.storage.blobs import Disk
from cloudsvc.storage.local import LocalStorage, StorageThreads
from tests.support.reactors import run_threads

GENEROUS = Limits(
    capacity=2**30,
    file_bytes=2**26,
    tags=10,
    tag_length=50,
    versions=10,
    version_seconds=86_400,
    trash_seconds=86_400,
)


@frozen(kw_only=True)
class OpenDrive:
    """A drive with what it is made of, and an actor who may do everything."""

    drive: Drive
    storage: LocalStorage
    collection: Collection
    capacity: Capacity
    hurries: Sequence[None]
    actor: Actor

    async def store(self, path: str, content: bytes, **arguments: Any) -> StoredFile:
        """Store a whole file, as an upload of a known length does."""
        finishing = {name: arguments.pop(name) for name in ("media_type", "digest") if name in arguments}
        length = arguments.pop("length", len(content))
        async with self.drive.receive(self.actor, parse_path(path), length=length, **arguments) as incoming:
            await incoming.write(content)
            return await incoming.finish(**finishing)

    async def load(self, path: str, **arguments: Any) -> bytes:
        """All bytes of a file."""
        opened = await self.drive.open_file(self.actor, parse_path(path), **arguments)
        try:
            return await opened.reader.read(0, opened.reader.size)
        finally:
            await opened.reader.close()

    async def list_blobs(self) -> set[str]:
        """The ids of all sealed blobs in the store."""
        return {blob async for bundle in self.storage.blobs.list() for blob in bundle}


@contextmanager
def run_storage_threads() -> Iterator[StorageThreads]:
    """Real threads for a storage, gone at the end."""
    with run_threads(1) as writer, run_threads(2) as readers, run_threads(2) as disk, run_threads(2) as uploads:
        yield StorageThreads(writer=writer, readers=readers, disk=disk, uploads=uploads)


@asynccontextmanager
async def open_drive(
    directory: Path, limits: Limits = GENEROUS, disk: Disk | None = None, threads: StorageThreads | None = None
) -> AsyncIterator[OpenDrive]:
    """A drive in ``directory``, closed at the end; without ``threads`` it has real ones of its own."""
    with ExitStack() as pools:
        threads = threads or pools.enter_context(run_storage_threads())
        storage = await LocalStorage.open(directory, threads, now=lambda: time.time_ns() // 1000, disk=disk)
        try:
            collection = Collection(catalogue=storage.catalogue, blobs=storage.blobs)
            capacity = Capacity(catalogue=storage.catalogue, collection=collection, limit=limits.capacity)
            hurries: list[None] = []
            drive = Drive(
                catalogue=storage.catalogue,
                blobs=storage.blobs,
                reception=Reception(catalogue=storage.catalogue, blobs=storage.blobs, capacity=capacity, limits=limits),
                collect_soon=lambda: hurries.append(None),
                limits=limits,
            )
            yield OpenDrive(
                drive=drive,
                storage=storage,
                collection=collection,
                capacity=capacity,
                hurries=hurries,
                actor=OWNER,
            )
        finally:
            await storage.close()


async def refusal(work: Any) -> str:
    """The code of the error with which ``work`` is refused."""
    try:
        await work
    except CloudError as problem:
        return problem.code
    raise AssertionError("it was not refused")
