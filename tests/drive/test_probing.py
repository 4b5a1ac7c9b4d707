"""A store is probed by use, at a bounded rate, and nothing of it remains."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from cloudsvc.drive.probing import EVERY, PATIENCE, Soundness, StoreProbe, probe
from cloudsvc.storage.blobs import Disk, LocalBlobs
from tests.support.blobs import TrialDisk, list_blobs, open_local
from tests.support.inline_threads import Inline
from tests.support.reactors import in_reactor, run_threads


class Forgetful(Disk):
    """One that gives other bytes than it took."""

    def read(self, descriptor: int, length: int, offset: int) -> bytes:
        return bytes(length)

    def read_cached(self, descriptor: int, length: int, offset: int) -> bytes | None:
        return None


async def list_all(store: LocalBlobs) -> list[str]:
    return [*await list_blobs(store)]


def find_files(directory: Path) -> list[Path]:
    return [place for place in directory.rglob("*") if place.is_file() and place.name != "lock"]


@in_reactor
async def test_a_sound_store_keeps_nothing_of_it(tmp_path: Path) -> None:
    with run_threads(2) as threads:
        async with open_local(tmp_path, threads) as store:
            assert await probe(store) is Soundness.SOUND
            assert await list_all(store) == []
    assert find_files(tmp_path) == []


@pytest.mark.parametrize(
    ("step", "code", "found"),
    [
        ("create", errno.ENOSPC, Soundness.FULL),
        ("write", errno.EDQUOT, Soundness.FULL),
        ("create", errno.EACCES, Soundness.FAILING),
        ("write", errno.EIO, Soundness.FAILING),
        ("sync", errno.EIO, Soundness.FAILING),
        ("rename", errno.EROFS, Soundness.FAILING),
        ("open", errno.EIO, Soundness.FAILING),
    ],
)
@in_reactor
async def test_what_is_wrong_is_found(tmp_path: Path, step: str, code: int, found: Soundness) -> None:
    disk = TrialDisk()
    async with open_local(tmp_path, Inline(), disk) as store:
        disk.trouble[step, 0] = OSError(code, "as the test wants it")
        with capturedLogs():
            assert await probe(store) is found
        assert await list_all(store) == []
        assert await probe(store) is Soundness.SOUND


@in_reactor
async def test_other_bytes_than_were_stored(tmp_path: Path) -> None:
    async with open_local(tmp_path, Inline(), Forgetful()) as store:
        assert await probe(store) is Soundness.ALTERING


@in_reactor
async def test_however_often_somebody_asks_it_is_used_now_and_then(tmp_path: Path) -> None:
    disk, clock = TrialDisk(), Clock()
    async with open_local(tmp_path, Inline(), disk) as store:
        asked = StoreProbe(blobs=store, clock=clock)
        for _ in range(100):
            assert await asked.ask() is Soundness.SOUND
            clock.advance(EVERY / 50)
        assert disk.calls.count("create") == 2
        disk.trouble["create", disk.calls.count("create")] = OSError(errno.EIO, "as the test wants it")
        clock.advance(EVERY)
        with capturedLogs():
            assert [await asked.ask() for _ in range(5)] == [Soundness.FAILING] * 5
        clock.advance(EVERY)
        assert await asked.ask() is Soundness.SOUND


@in_reactor
async def test_a_disk_that_hangs_is_waited_for_and_not_asked_twice() -> None:
    class Hanging:
        calls = 0

        async def create(self) -> object:
            self.calls += 1
            await hanging
            raise ZeroDivisionError

    hanging: Deferred[None] = Deferred()
    store, clock = Hanging(), Clock()
    asked = StoreProbe(blobs=store, clock=clock)  # type: ignore[arg-type]  # it does not get further than that

    def ask() -> Deferred[Soundness]:
        answer = Deferred.fromCoroutine(asked.ask())
        clock.advance(1.0)
        return answer

    assert await ask() is Soundness.SOUND
    clock.advance(PATIENCE)
    assert await ask() is Soundness.HANGING
    assert store.calls == 1
    stopping = Deferred.fromCoroutine(asked.stop())
    assert not stopping.called
    with capturedLogs():
        hanging.callback(None)
    await stopping
    assert await asked.ask() is Soundness.FAILING
