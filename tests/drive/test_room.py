"""Room is promised before it is used, and found among what nobody would miss."""

from __future__ import annotations

import errno
import time
from pathlib import Path

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred, DeferredList, gatherResults
from twisted.logger import capturedLogs, formatEvent

from cloudsvc.drive.limits import Limits
from cloudsvc.drive.names import parse_path
from cloudsvc.storage.blobs import Disk
from tests.support.drives import GENEROUS, OpenDrive, open_drive, refusal
from tests.support.reactors import in_reactor

UNIT = 2**16
FOUR_UNITS: Limits = evolve(GENEROUS, capacity=4 * UNIT)


class StubbornDisk(Disk):
    """One that does not let go of one file."""

    stuck = ""

    def remove(self, path: Path) -> None:
        if path.name == self.stuck:
            raise PermissionError(errno.EPERM, "Operation not permitted", str(path))
        super().remove(path)


def unit(letter: str) -> bytes:
    return letter.encode() * UNIT


async def discard(opened: OpenDrive, path: str) -> None:
    await opened.drive.discard(opened.actor, parse_path(path))


@in_reactor
async def test_promises_are_kept_from_others(tmp_path: Path) -> None:
    async with open_drive(tmp_path, FOUR_UNITS) as opened:
        first = await opened.capacity.promise(3 * UNIT)
        assert await refusal(opened.capacity.promise(2 * UNIT)) == "no_capacity"
        second = await opened.capacity.promise(UNIT)
        assert await refusal(second.grow(2 * UNIT)) == "no_capacity"
        first.give_back()
        first.give_back()
        await second.grow(4 * UNIT)
        await second.grow(1)
        assert second.size == 4 * UNIT


@in_reactor
async def test_uploads_at_the_same_time_stay_within_the_capacity(tmp_path: Path) -> None:
    async with open_drive(tmp_path, FOUR_UNITS) as opened:
        uploads = [Deferred.fromCoroutine(refusal_or_none(opened, str(number))) for number in range(8)]
        codes = await gatherResults(uploads)
        assert sorted(code or "" for code in codes) == [""] * 4 + ["no_capacity"] * 4
        assert await opened.storage.catalogue.stored_bytes() == 4 * UNIT


@in_reactor
async def test_uploads_through_several_programs_stay_within_the_capacity_too(tmp_path: Path) -> None:
    async with open_drive(tmp_path, FOUR_UNITS) as one, open_drive(tmp_path, FOUR_UNITS) as other:
        await one.store("a", b"a" * 3 * UNIT)
        uploads = [Deferred.fromCoroutine(refusal_or_none(each, name)) for each, name in ((one, "b"), (other, "c"))]
        assert {*await gatherResults(uploads)} == {None, "no_capacity"}
        assert await one.storage.catalogue.stored_bytes() == 4 * UNIT
        assert len(await one.list_blobs()) == 2


async def refusal_or_none(opened: OpenDrive, name: str) -> str | None:
    try:
        return await refusal(opened.store(name, unit(name)))
    except AssertionError:
        return None


@in_reactor
async def test_the_oldest_trash_goes_first_then_the_oldest_versions_current_files_never(tmp_path: Path) -> None:
    async with open_drive(tmp_path, FOUR_UNITS) as opened:
        superseded = await opened.store("kept", unit("a"))
        await opened.store("kept", unit("b"))
        await opened.store("old", unit("c"))
        await opened.store("young", unit("d"))
        await discard(opened, "old")
        await discard(opened, "young")

        await opened.store("new", unit("e"))
        trash = await opened.drive.list_trash(opened.actor, 10)
        assert [str(entry.node.path) for entry in trash.items] == ["young"]

        await opened.store("newer", unit("f"))
        assert not (await opened.drive.list_trash(opened.actor, 10)).items
        assert await opened.load("kept", version=superseded.file.version.id) == unit("a")

        await opened.store("newest", unit("g"))
        versions = await opened.drive.list_versions(opened.actor, parse_path("kept"), 10)
        assert len(versions.items) == 1

        assert await refusal(opened.store("too much", unit("h"))) == "no_capacity"
        assert [await opened.load(name) for name in ("kept", "new", "newer", "newest")] == [*map(unit, "befg")]


@in_reactor
async def test_what_cannot_be_enough_is_not_thrown_away(tmp_path: Path) -> None:
    async with open_drive(tmp_path, FOUR_UNITS) as opened:
        await opened.store("a", unit("a"))
        await opened.store("b", unit("b"))
        await discard(opened, "b")
        assert await refusal(opened.store("huge", b"h" * 4 * UNIT)) == "no_capacity"
        assert len((await opened.drive.list_trash(opened.actor, 10)).items) == 1


@pytest.mark.parametrize("sizes", [(1, 3), (3, 1)])
@in_reactor
async def test_what_cannot_fit_costs_nothing_to_what_can(tmp_path: Path, sizes: tuple[int, int]) -> None:
    async with open_drive(tmp_path, FOUR_UNITS) as opened:
        await opened.store("kept", b"k" * 2 * UNIT)
        for name in "ab":
            await opened.store(name, unit(name))
            await discard(opened, name)
        promises = [Deferred.fromCoroutine(opened.capacity.promise(size * UNIT)) for size in sizes]
        outcomes = dict(zip(sizes, await DeferredList(promises, consumeErrors=True), strict=True))
        assert {size: granted for size, (granted, _) in outcomes.items()} == {1: True, 3: False}
        assert len((await opened.drive.list_trash(opened.actor, 10)).items) == 1


@in_reactor
async def test_what_the_disk_does_not_give_back_is_not_reckoned_with(tmp_path: Path) -> None:
    disk = StubbornDisk()
    async with open_drive(tmp_path, FOUR_UNITS, disk=disk) as opened:
        disk.stuck = (await opened.store("stuck", b"s" * 2 * UNIT)).file.version.blob.id
        await discard(opened, "stuck")
        await opened.drive.purge(opened.actor, None)
        await opened.store("thrown away", unit("t"))
        await discard(opened, "thrown away")
        with capturedLogs():
            assert await refusal(opened.capacity.promise(3 * UNIT)) == "no_capacity"
            assert len((await opened.drive.list_trash(opened.actor, 10)).items) == 1
            await opened.capacity.promise(2 * UNIT)


@in_reactor
async def test_what_the_trash_shares_with_a_file_gives_no_room(tmp_path: Path) -> None:
    async with open_drive(tmp_path, FOUR_UNITS) as opened:
        for name in "ab":
            await opened.store(name, unit("same"[:1]))
        await discard(opened, "b")
        assert await opened.storage.catalogue.reclaimable_bytes() == 0
        assert await refusal(opened.store("c", b"c" * 4 * UNIT)) == "no_capacity"


@in_reactor
async def test_while_a_backup_is_written_nothing_is_given_up(tmp_path: Path) -> None:
    async with open_drive(tmp_path, FOUR_UNITS) as opened:
        await opened.store("kept", unit("a"))
        await opened.store("kept", unit("b"))
        await opened.store("thrown away", unit("c"))
        await discard(opened, "thrown away")
        catalogue = opened.storage.catalogue
        pin = await catalogue.pin(time.time_ns() // 1000 + 60 * 1_000_000)
        assert await refusal(opened.store("new", b"n" * 2 * UNIT)) == "no_capacity"
        assert len((await opened.drive.list_trash(opened.actor, 10)).items) == 1
        assert len((await opened.drive.list_versions(opened.actor, parse_path("kept"), 10)).items) == 2
        await catalogue.unpin(pin)
        await opened.store("new", b"n" * 2 * UNIT)
        assert not (await opened.drive.list_trash(opened.actor, 10)).items
        assert len((await opened.drive.list_versions(opened.actor, parse_path("kept"), 10)).items) == 2


@in_reactor
async def test_of_an_unknown_length_the_last_room_is_used(tmp_path: Path) -> None:
    async with open_drive(tmp_path, FOUR_UNITS) as opened:
        await opened.store("a", unit("a"))
        await opened.store("b", b"b" * 3 * UNIT, length=None)
        assert await refusal(opened.store("c", b"c", length=None)) == "no_capacity"


@in_reactor
async def test_what_was_given_up_before_goes_first(tmp_path: Path) -> None:
    async with open_drive(tmp_path, FOUR_UNITS) as opened:
        for name in "abc":
            await opened.store(name, unit(name))
            await discard(opened, name)
        [*_, oldest] = (await opened.drive.list_trash(opened.actor, 10)).items
        await opened.drive.purge(opened.actor, oldest.id)
        await opened.store("new", b"n" * 2 * UNIT)
        assert len((await opened.drive.list_trash(opened.actor, 10)).items) == 2


@pytest.mark.parametrize("everything", [True, False])
@in_reactor
async def test_what_is_purged_gives_its_bytes_back(tmp_path: Path, *, everything: bool) -> None:
    async with open_drive(tmp_path) as opened:
        await opened.store("folder/a", unit("a"))
        await opened.store("b", unit("b"))
        await discard(opened, "folder")
        [entry] = (await opened.drive.list_trash(opened.actor, 10)).items
        assert await opened.drive.purge(opened.actor, None if everything else entry.id) == 1
        assert len(opened.hurries) == 1
        assert await opened.collection.collect() == 1
        assert len(await opened.list_blobs()) == 1
        assert await opened.storage.catalogue.stored_bytes() == UNIT
        assert await opened.load("b") == unit("b")


@in_reactor
async def test_strays_are_cleared_and_nothing_else(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        await opened.store("a", b"kept")
        stray = await opened.storage.blobs.create()
        await stray.write(b"stray")
        await stray.seal()
        in_flight = await opened.storage.blobs.create()
        await in_flight.write(b"in flight")
        await in_flight.seal()
        stray.release()
        assert await opened.collection.clear_strays() == 1
        in_flight.release()
        assert await opened.collection.clear_strays() == 1
        assert await opened.load("a") == b"kept"


@in_reactor
async def test_a_blob_that_cannot_be_deleted_holds_up_no_other(tmp_path: Path) -> None:
    disk = StubbornDisk()
    async with open_drive(tmp_path, disk=disk) as opened:
        blobs = sorted(
            [(await opened.store(str(number), bytes([number]) * 1000)).file.version.blob.id for number in range(5)]
        )
        disk.stuck = blobs[1]
        for number in range(5):
            await opened.drive.discard(opened.actor, parse_path(str(number)))
        await opened.drive.purge(opened.actor, None)
        with capturedLogs() as events:
            assert await opened.collection.collect() == 4
        assert [disk.stuck in formatEvent(event) for event in events] == [True]
        assert await opened.list_blobs() == {disk.stuck}
        assert await opened.storage.catalogue.stored_bytes() == 1000
        disk.stuck = ""
        assert await opened.collection.collect() == 1
        assert await opened.storage.catalogue.stored_bytes() == 0
