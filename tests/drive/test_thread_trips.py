"""Trips to threads: what a request of a small file waits for, counted, since each trip costs more than the work."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, ParamSpec, TypeVar, cast

from attrs import define, field, frozen

from cloudsvc.drive.commands import Condition
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.thumbnails import Thumbnail, Thumbnails
from cloudsvc.storage.local import StorageThreads
from cloudsvc.thumbnails.cache import open_cache
from tests.support.opened_drives import open_drive, run_storage_threads
from tests.support.reactors import in_reactor
from tests.support.thumbnails.in_memory import MemoryThumbnails

P = ParamSpec("P")
T = TypeVar("T")

MADE: Final = b"\xff\xd8\xff\xd9"
"""What looks like a thumbnail."""


@define
class Trips:
    """Those that were made, by whose threads they went to."""

    made: list[str] = field(factory=list)

    def forget(self) -> None:
        self.made.clear()


@frozen
class Counted:
    """Threads that tell of each trip."""

    name: str
    trips: Trips
    threads: object

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self.trips.made.append(self.name)
        result: T = await self.threads.run(function, *args, **kwargs)  # type: ignore[attr-defined]  # a ThreadRunner
        return result


@contextmanager
def count_trips() -> Iterator[tuple[StorageThreads, Trips]]:
    trips = Trips()
    with run_storage_threads() as threads:
        names = ("writer", "readers", "disk", "uploads")
        yield StorageThreads(**{name: Counted(name, trips, getattr(threads, name)) for name in names}), trips


@in_reactor
async def test_one_trip_before_the_first_byte_of_an_upload(tmp_path: Path) -> None:
    with count_trips() as (threads, trips):
        async with open_drive(tmp_path, threads=threads) as opened:
            await opened.store("folder/first", b"the disk's free space is known now")
            for path in ("new", "folder/new", "some/where/else", "folder/first"):
                trips.forget()
                async with opened.drive.receive(opened.actor, parse_path(path), length=4096) as upload:
                    assert trips.made == ["readers"]
                    await upload.write(bytes(4096))
                    await upload.finish()
                # The same content was there: then it takes the place of what is stored.
                assert trips.made[:3] == ["readers", "uploads", "writer"]


@in_reactor
async def test_no_condition_takes_another_trip(tmp_path: Path) -> None:
    with count_trips() as (threads, trips):
        async with open_drive(tmp_path, threads=threads) as opened:
            stored = await opened.store("folder/file", b"the disk's free space is known now")
            path, named = parse_path("folder/file"), frozenset({stored.file.version.validator})
            for condition in (Condition(validators=named), Condition(unmodified_since=2**40), Condition(present=True)):
                trips.forget()
                async with opened.drive.receive(opened.actor, path, length=1, condition=condition):
                    assert trips.made == ["readers"]


@in_reactor
async def test_one_trip_for_all_of_a_small_file(tmp_path: Path) -> None:
    with count_trips() as (threads, trips):
        async with open_drive(tmp_path, threads=threads) as opened:
            await opened.store("folder/small", bytes(4096))
            await opened.store("empty", b"")
            for path, size in (("folder/small", 4096), ("empty", 0)):
                trips.forget()
                file = await opened.drive.open_file(opened.actor, parse_path(path))
                content = b"".join([piece async for piece in file.reader.stream(0, size)])
                await file.reader.close()
                assert len(content) == size
                assert trips.made == ["readers"]


@in_reactor
async def test_a_version_without_its_bytes_opens_nothing(tmp_path: Path) -> None:
    with count_trips() as (threads, trips):
        async with open_drive(tmp_path, threads=threads) as opened:
            await opened.store("large", bytes(10**6))
            trips.forget()
            _, version = await opened.drive.find_version(opened.actor, parse_path("large"))
            assert version.blob.size == 10**6
            assert trips.made == ["readers"]


@in_reactor
async def test_one_trip_for_a_thumbnail_that_is_kept(tmp_path: Path) -> None:
    with count_trips() as (threads, trips):
        async with open_drive(tmp_path / "drive", threads=threads) as opened:
            await opened.store("folder/picture.png", b"content")
            cache = await open_cache(tmp_path / "thumbnails", threads.disk, most_bytes=2**20)
            thumbnails = Thumbnails(
                drive=opened.drive, maker=MemoryThumbnails(), cache=cache, spooler=cast("Any", None), size=64
            )
            path = parse_path("folder/picture.png")
            validator = await thumbnails.find_validator(opened.actor, path)
            await cache.keep(validator, MADE)
            trips.forget()
            assert await thumbnails.get(opened.actor, path) == Thumbnail(content=MADE, validator=validator)
            assert trips.made == ["readers"]
