"""Free space: a store with plenty of it is not asked for each upload, and one with little is."""

from __future__ import annotations

from pathlib import Path

from attrs import define
from twisted.internet.task import Clock

from cloudsvc.drive.free_space import FreeSpace
from cloudsvc.storage.blobs import Disk, open_blobs
from tests.support.inline_threads import Inline
from tests.support.reactors import in_reactor


@define
class Metered(Disk):
    """A disk with so much room, which counts how often it is asked."""

    free: int = 1000
    asked: int = 0

    def free_bytes(self, path: Path) -> int:
        self.asked += 1
        return self.free


@in_reactor
async def test_it_is_asked_once_a_second_while_there_is_plenty(tmp_path: Path) -> None:
    disk, clock = Metered(), Clock()
    store = await open_blobs(tmp_path, Inline(), disk=disk)
    space = FreeSpace(blobs=store, clock=clock)
    for _ in range(10):
        assert await space.holds(50)
    assert disk.asked == 1
    clock.advance(1)
    assert await space.holds(50)
    assert disk.asked == 2
    await store.close()


@in_reactor
async def test_it_is_asked_each_time_when_it_becomes_scarce(tmp_path: Path) -> None:
    disk = Metered()
    store = await open_blobs(tmp_path, Inline(), disk=disk)
    space = FreeSpace(blobs=store, clock=Clock())
    assert await space.holds(400)
    disk.free = 600
    assert await space.holds(101)
    assert disk.asked == 2
    assert not await space.holds(601)
    disk.free = 601
    assert await space.holds(601)
    assert disk.asked == 4
    await store.close()
