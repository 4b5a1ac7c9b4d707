"""Thumbnails on disk: kept for as long as there is room, and made again when anything is wrong with them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from twisted.logger import capturedLogs

from cloudsvc.thumbnails.cache import open_cache
from tests.support.reactors import in_reactor, run_threads


def picture(size: int) -> bytes:
    """What looks like a JPEG of so many bytes."""
    return b"\xff\xd8\xff" + bytes(size - 5) + b"\xff\xd9"


def names(directory: Path) -> set[str]:
    return {file.name for file in directory.iterdir()}


def measure(directory: Path) -> int:
    return sum(file.stat().st_size for file in directory.iterdir())


ROOM = 10_000


@in_reactor
async def test_what_was_kept_is_there_again(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "thumbnails"
    with run_threads(1) as threads:
        cache = await open_cache(directory, threads, most_bytes=ROOM)
        assert cache.load("a") is None
        await cache.keep("a", picture(100))
        await cache.keep("a", picture(101))
        cache = await open_cache(directory, threads, most_bytes=ROOM)
        assert cache.load("a") == picture(101)
        assert cache.load("b") is None
    assert [(file.name, file.stat().st_mode & 0o777) for file in directory.iterdir()] == [("a", 0o600)]
    assert directory.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize("left", [b"", bytes(100), picture(100)[:50], picture(100)[50:]])
@in_reactor
async def test_what_a_power_failure_has_damaged_is_not_there(tmp_path: Path, left: bytes) -> None:
    with run_threads(1) as threads:
        cache = await open_cache(tmp_path, threads, most_bytes=ROOM)
        await cache.keep("a", picture(100))
        (tmp_path / "a").write_bytes(left)
        assert cache.load("a") is None
        await cache.keep("a", picture(100))
        assert cache.load("a") == picture(100)


@in_reactor
async def test_what_a_killed_process_has_left_is_cleared(tmp_path: Path) -> None:
    (tmp_path / ".draft").write_bytes(b"half")
    os.utime(tmp_path / ".draft", (0, 0))
    (tmp_path / ".of another process").write_bytes(b"half")
    (tmp_path / "a").write_bytes(picture(100))
    with run_threads(1) as threads:
        cache = await open_cache(tmp_path, threads, most_bytes=ROOM)
        assert cache.load("a") == picture(100)
    assert names(tmp_path) == {"a", ".of another process"}


@in_reactor
async def test_those_go_first_that_nobody_asks_for(tmp_path: Path) -> None:
    with run_threads(1) as threads:
        cache = await open_cache(tmp_path, threads, most_bytes=ROOM)
        for number in range(5):
            await cache.keep(str(number), picture(2000))
            os.utime(tmp_path / str(number), (number, number))
        assert names(tmp_path) == {*"01234"}
        assert cache.load("0") == picture(2000)
        await cache.keep("5", picture(2000))
        assert names(tmp_path) == {*"0345"}
        # The bytes of what was there before the start count too.
        cache = await open_cache(tmp_path, threads, most_bytes=ROOM)
        await cache.keep("6", picture(2000))
        await cache.keep("7", picture(2000))
        assert len(names(tmp_path)) <= ROOM // 2000


@in_reactor
async def test_that_it_cannot_be_kept_is_only_told(tmp_path: Path) -> None:
    with run_threads(1) as threads:
        cache = await open_cache(tmp_path / "gone", threads, most_bytes=ROOM)
        (tmp_path / "gone").rmdir()
        with capturedLogs() as events:
            await cache.keep("a", picture(100))
        assert [event["log_format"] for event in events] == ["cannot keep a thumbnail: {reason}"]
        assert cache.load("a") is None


@in_reactor
async def test_a_draft_that_cannot_be_finished_is_removed(tmp_path: Path) -> None:
    with run_threads(1) as threads:
        cache = await open_cache(tmp_path, threads, most_bytes=ROOM)
        (tmp_path / "a").mkdir()  # no file takes the place of a folder
        await cache.keep("a", picture(100))
    assert names(tmp_path) == {"a"}


@in_reactor
async def test_several_processes_together_keep_hardly_more_than_one(tmp_path: Path) -> None:
    with run_threads(1) as threads:
        caches = [await open_cache(tmp_path, threads, most_bytes=ROOM) for _ in range(4)]
        for number in range(400):
            await caches[number % 4].keep(f"{number}", picture(100))
            assert measure(tmp_path) <= ROOM * (1 + 5 / 16)
