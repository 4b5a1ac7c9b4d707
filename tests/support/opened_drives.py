"""A real drive in a directory of its own, without a server around it."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any, Final, cast

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from cloudsvc.core.actors import OWNER, Actor
from cloudsvc.core.errors import CloudError
from cloudsvc.drive.capacity import Capacity
from cloudsvc.drive.collection import IN_FLIGHT, Collection
from cloudsvc.drive.commands import StoredFile
from cloudsvc.drive.drive import Drive
from cloudsvc.drive.free_space import FreeSpace
from cloudsvc.drive.limits import Limits
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import Instant
from cloudsvc.drive.upload import Upload
from cloudsvc.drive.uploads import Uploads
from cloudsvc.storage.blobs import Disk, LocalBlobs, open_blobs
from cloudsvc.storage.catalogue import READER_THREADS
from cloudsvc.storage.catalogue.postgresql.opening import PostgreSQLCatalogue, open_postgresql
from cloudsvc.storage.local import LocalStorage, StorageThreads
from tests.support.blobs import EVER, read_all, take_result
from tests.support.postgresql import find_database
from tests.support.reactors import run_threads

GENEROUS = Limits(
    capacity=2**30,
    file_bytes=2**26,
    upload_step=1,
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

    def receive(self, path: str, *, length: int | None, **arguments: Any) -> AbstractAsyncContextManager[Upload]:
        """Begin an upload."""
        return self.drive.receive(self.actor, parse_path(path), length=length, **arguments)

    async def store(self, path: str, content: bytes, **arguments: Any) -> StoredFile:
        """Store a whole file, as an upload of a known length does."""
        finishing = {name: arguments.pop(name) for name in ("media_type", "digest") if name in arguments}
        length = arguments.pop("length", len(content))
        async with self.receive(path, length=length, **arguments) as upload:
            await upload.write(content)
            return await upload.finish(**finishing)

    async def load(self, path: str, **arguments: Any) -> bytes:
        """All bytes of a file."""
        opened = await self.drive.open_file(self.actor, parse_path(path), **arguments)
        try:
            return await read_all(opened.reader)
        finally:
            await opened.reader.close()

    async def list_blobs(self) -> set[str]:
        """The ids of all sealed blobs in the store."""
        return {blob async for bundle in self.storage.blobs.list(EVER) for blob in bundle}


def see_from_tomorrow() -> Instant:
    """The time in two days: for whoever asks by this clock, what is sealed now is not in flight any more."""
    return time.time_ns() // 1000 + 2 * IN_FLIGHT


@frozen
class _SharedStorage:
    """A catalogue in PostgreSQL, and blobs in a directory."""

    catalogue: PostgreSQLCatalogue
    blobs: LocalBlobs

    async def close(self) -> None:
        try:
            await self.blobs.close()
        finally:
            await self.catalogue.close()


async def open_shared(
    directory: Path, threads: StorageThreads, *, now: Callable[[], Instant], disk: Disk | None = None
) -> LocalStorage:
    """What :class:`LocalStorage` is, with a catalogue in PostgreSQL."""
    from twisted.internet import reactor  # noqa: PLC0415  # installed by then

    catalogue = await open_postgresql(
        find_database(directory),
        work=directory / "work",
        writer=threads.writer,
        readers=threads.readers,
        now=now,
        reactor=reactor,  # type: ignore[arg-type]  # the module stands for it
    )
    blobs = await open_blobs(directory, threads.disk, writing=threads.uploads, disk=disk)
    # It has what tests of every engine use.
    return cast(LocalStorage, _SharedStorage(catalogue, blobs))


_OPENINGS: Final = {"sqlite": LocalStorage.open, "postgresql": open_shared}

ENGINES: Final = tuple(_OPENINGS)
"""Of catalogues."""


@contextmanager
def run_storage_threads() -> Iterator[StorageThreads]:
    """Real threads for a storage, gone at the end."""
    with (
        run_threads(1) as writer,
        run_threads(READER_THREADS) as readers,
        run_threads(2) as disk,
        run_threads(2) as uploads,
    ):
        yield StorageThreads(writer=writer, readers=readers, disk=disk, uploads=uploads)


@asynccontextmanager
async def open_drive(
    directory: Path,
    limits: Limits = GENEROUS,
    disk: Disk | None = None,
    threads: StorageThreads | None = None,
    now: Callable[[], Instant] = lambda: time.time_ns() // 1000,
    *,
    engine: str = "sqlite",
) -> AsyncIterator[OpenDrive]:
    """
    A drive in ``directory``, closed at the end; without ``threads`` it has real ones of its own.

    :param engine: of its catalogue, one of :data:`ENGINES`.
    """
    with ExitStack() as pools:
        threads = threads or pools.enter_context(run_storage_threads())
        storage = await _OPENINGS[engine](directory, threads, now=now, disk=disk)
        try:
            collection = Collection(catalogue=storage.catalogue, blobs=storage.blobs, now=see_from_tomorrow)
            capacity = Capacity(catalogue=storage.catalogue, collection=collection, limit=limits.capacity)
            hurries: list[None] = []
            drive = Drive(
                catalogue=storage.catalogue,
                blobs=storage.blobs,
                uploads=Uploads(
                    catalogue=storage.catalogue,
                    blobs=storage.blobs,
                    capacity=capacity,
                    free_space=FreeSpace(blobs=storage.blobs, clock=Clock()),
                    limits=limits,
                ),
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


def refusal_code(asked: Deferred[Any]) -> str:
    """The code of the error that ``asked`` has been refused with."""
    try:
        take_result(asked)
    except CloudError as problem:
        return problem.code
    raise AssertionError("it was not refused")
