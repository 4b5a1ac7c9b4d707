"""Stores of blobs in tests: every implementation, a disk that tests meddle with, threads that go step by step."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, AbstractContextManager, asynccontextmanager, contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeAlias, TypeVar

from attrs import define, field, frozen
from twisted.internet.defer import Deferred

from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.blobs import BlobReader, BlobStore
from cloudsvc.drive.collection import IN_FLIGHT
from cloudsvc.drive.nodes import Blob, BlobId, Instant
from cloudsvc.storage.blobs import Disk, LocalBlobs, open_blobs
from cloudsvc.storage.blobs.memory import MemoryBlobs, Shelf
from tests.support.object_stores import ObjectServer, open_bucket, run_moto, run_seaweedfs

P = ParamSpec("P")
T = TypeVar("T")

OpenStore: TypeAlias = Callable[[Path, ThreadRunner], AbstractAsyncContextManager[BlobStore]]
"""A way to a store in an empty directory, closed at the end."""

RunEngine: TypeAlias = Callable[[Path], AbstractContextManager["Engine"]]


@asynccontextmanager
async def open_local(directory: Path, threads: ThreadRunner, disk: Disk | None = None) -> AsyncIterator[LocalBlobs]:
    """A store on this machine, closed at the end."""
    store = await open_blobs(directory, threads, disk=disk)
    try:
        yield store
    finally:
        await store.close()


def share_memory() -> OpenStore:
    """A way to stores in memory that are one, whatever directory they are asked for."""
    shelf = Shelf()

    @asynccontextmanager
    async def open_memory(_directory: Path, _threads: ThreadRunner) -> AsyncIterator[MemoryBlobs]:
        store = MemoryBlobs(now=lambda: time.time_ns() // 1000, shelf=shelf)
        try:
            yield store
        finally:
            await store.close()

    return open_memory


@frozen(kw_only=True)
class Engine:
    """
    An implementation of ``BlobStore``.

    :ivar begin: a way to an empty store, whatever directory it is asked for.
    :ivar knows_others: whether a store can tell of another one, on the same bytes, what is being written there.
    :ivar is_near: whether it is no further away than a disk.
    """

    begin: Callable[[], OpenStore]
    knows_others: bool = True
    is_near: bool = True


@contextmanager
def _run_local(_directory: Path) -> Iterator[Engine]:
    yield Engine(begin=lambda: open_local)


@contextmanager
def _run_memory(_directory: Path) -> Iterator[Engine]:
    yield Engine(begin=share_memory)


def _in_buckets(run: Callable[[Path], AbstractContextManager[ObjectServer]]) -> RunEngine:
    @contextmanager
    def run_engine(directory: Path) -> Iterator[Engine]:
        with run(directory) as server:

            def begin() -> OpenStore:
                settings = server.choose_prefix()
                return lambda _directory, threads: open_bucket(settings, threads, server.sizes)

            yield Engine(begin=begin, knows_others=False, is_near=False)

    return run_engine


ENGINES: Final[dict[str, RunEngine]] = {
    "local": _run_local,
    "memory": _run_memory,
    "seaweedfs": _in_buckets(run_seaweedfs),
    "moto": _in_buckets(run_moto),
}
"""Every implementation of ``BlobStore``, each for as long as the context lasts, in an empty directory."""

SERVED: Final = frozenset({"seaweedfs", "moto"})
"""Those for which a program is started."""

EVER: Final = 2**62
"""A moment before which all blobs were sealed."""


async def store_blob(store: BlobStore, *pieces: bytes) -> Blob:
    """Store a blob that arrives in ``pieces``; nobody waits for it any more."""
    writer = await store.create()
    try:
        for piece in pieces:
            await writer.write(piece)
        blob = await writer.seal()
    except BaseException:
        await writer.discard()
        raise
    writer.close()
    return blob


async def load_blob(store: BlobStore, blob: Blob) -> bytes:
    """All bytes of a blob."""
    reader = await store.open(blob)
    try:
        return await read_all(reader)
    finally:
        await reader.close()


async def read_all(reader: BlobReader) -> bytes:
    """All bytes of an open blob."""
    return await read_part(reader, 0, reader.size)


async def read_part(reader: BlobReader, start: int, stop: int) -> bytes:
    """Some bytes of an open blob."""
    pieces = [piece async for piece in reader.stream(start, stop)]
    assert all(pieces)
    return b"".join(pieces)


async def list_blobs(store: BlobStore, before: Instant = EVER) -> set[BlobId]:
    """All that a store lists."""
    return {blob async for bundle in store.list(before) for blob in bundle}


async def list_suspended(store: BlobStore, before: Instant = EVER) -> set[BlobId]:
    """All that can be resumed."""
    return {blob async for bundle in store.list_suspended(before) for blob in bundle}


async def list_quarantined(store: BlobStore) -> set[BlobId]:
    """All that a store has in quarantine."""
    return {blob async for bundle in store.list_quarantined() for blob in bundle}


@asynccontextmanager
async def reading(store: BlobStore, blob: Blob) -> AsyncIterator[BlobReader]:
    """An open blob, closed at the end."""
    reader = await store.open(blob)
    try:
        yield reader
    finally:
        await reader.close()


def find_files(directory: Path) -> set[str]:
    """What a store keeps: the paths of its files below ``directory``, locks left out."""
    files = (path for path in directory.rglob("*") if path.is_file() and path.name != "lock")
    return {str(path.relative_to(directory)) for path in files}


def let_a_day_pass(blobs: Path) -> None:
    """Date all files of blobs back, so that no process takes one for what is about to be committed."""
    moment = time.time() - 2 * IN_FLIGHT / 1_000_000
    for file in blobs.rglob("*"):
        os.utime(file, (moment, moment))


class TrialDisk(Disk):
    """
    A real disk that writes down what it is asked, and lets a test say first what happens.

    :ivar calls: what was called, in order.
    :ivar arguments: the last argument of each call.
    :ivar trouble: what a method raises, by its name and how many calls of it there were before.
    """

    def __init__(self, trouble: dict[tuple[str, int], BaseException] | None = None) -> None:
        self.calls: list[str] = []
        self.arguments: list[object] = []
        self.trouble = trouble or {}

    def __getattribute__(self, name: str) -> Any:
        found = super().__getattribute__(name)
        if name not in vars(Disk):
            return found

        def call(*args: Any) -> Any:
            problem = self.trouble.get((name, self.calls.count(name)))
            self.calls.append(name)
            self.arguments.append(args[-1])
            if problem is not None:
                raise problem
            return found(*args)

        return call


@define
class SteppingThreads:
    """
    A thread runner that does nothing until a test says so; like that of the server, it goes on with what was cancelled.

    :ivar steps: how many were done.
    """

    steps: int = 0
    _waiting: list[Callable[[], None]] = field(factory=list)

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """What ``function`` returns or raises, when its step has come."""
        done: Deferred[T] = Deferred()

        def work() -> None:
            try:
                result = function(*args, **kwargs)
            except BaseException:  # noqa: BLE001  # whatever it is, the caller gets it
                done.errback()
            else:
                done.callback(result)

        self._waiting.append(work)
        return await done

    def step(self, choice: int = 0) -> bool:
        """Do what was asked first, or after any number of others; whether there was anything."""
        if not self._waiting:
            return False
        self.steps += 1
        self._waiting.pop(choice % len(self._waiting))()
        return True

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """What ``work`` returns, with all the steps it takes."""
        return self.finish(Deferred.fromCoroutine(work))

    def finish(self, started: Deferred[T]) -> T:
        """What ``started`` gives, when all steps are done."""
        while self.step():
            pass
        return take_result(started)


def take_result(deferred: Deferred[T]) -> T:
    """What ``deferred`` has been fired with."""
    results: list[T] = []
    failures: list[BaseException] = []
    deferred.addCallbacks(results.append, lambda failure: failures.append(failure.value))
    for problem in failures:
        raise problem
    [result] = results
    return result


def split(data: bytes, places: list[int]) -> Iterator[bytes]:
    """``data``, cut at ``places``."""
    edges = [0, *sorted(places), len(data)]
    return (data[start:end] for start, end in pairwise(edges))
