"""Stores of blobs in tests: every implementation, a disk that tests meddle with, threads that go step by step."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeAlias, TypeVar

from attrs import define, field
from twisted.internet.defer import Deferred

from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.blobs import BlobReader, BlobStore
from cloudsvc.drive.nodes import Blob, BlobId
from cloudsvc.storage.blobs import Disk, LocalBlobs, open_blobs

P = ParamSpec("P")
T = TypeVar("T")

OpenStore: TypeAlias = Callable[[Path, ThreadRunner], AbstractAsyncContextManager[BlobStore]]
"""A way to a store in an empty directory, closed at the end."""


@asynccontextmanager
async def open_local(directory: Path, threads: ThreadRunner, disk: Disk | None = None) -> AsyncIterator[LocalBlobs]:
    """A store on this machine, closed at the end."""
    store = await open_blobs(directory, threads, disk=disk)
    try:
        yield store
    finally:
        await store.close()


STORES: Final[dict[str, OpenStore]] = {"local": open_local}
"""Every implementation of ``BlobStore``."""


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
    writer.release()
    return blob


async def load_blob(store: BlobStore, blob: BlobId) -> bytes:
    """All bytes of a blob."""
    reader = await store.open(blob)
    try:
        return await reader.read(0, reader.size)
    finally:
        await reader.close()


async def list_blobs(store: BlobStore) -> set[BlobId]:
    """All that a store lists."""
    return {blob async for bundle in store.list() for blob in bundle}


async def list_aside(store: BlobStore) -> set[BlobId]:
    """All that a store has set aside."""
    return {blob async for bundle in store.list_aside() for blob in bundle}


@asynccontextmanager
async def reading(store: BlobStore, blob: BlobId) -> AsyncIterator[BlobReader]:
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
