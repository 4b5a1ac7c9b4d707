"""Room: what arrives counts, what is announced does not, and what nobody would miss makes way for what is stored."""

from __future__ import annotations

import errno
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred, DeferredList, gatherResults
from twisted.logger import capturedLogs, formatEvent

from cloudsvc.core.actors import OWNER
from cloudsvc.core.errors import CloudError
from cloudsvc.drive import capacity
from cloudsvc.drive.accounts import Allowance
from cloudsvc.drive.capacity import LEAST_STEP
from cloudsvc.drive.commands import Move
from cloudsvc.drive.limits import Limits
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.upload import Upload
from cloudsvc.storage.blobs import Disk
from tests.support.opened_drives import GENEROUS, OpenDrive, open_drive, refusal
from tests.support.reactors import in_reactor

UNIT = 2**16
FOUR_UNITS: Limits = evolve(GENEROUS, capacity=4 * UNIT)
STEP = LEAST_STEP
FOUR_STEPS: Limits = evolve(GENEROUS, capacity=4 * STEP)


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
async def test_what_has_arrived_counts_and_what_is_announced_does_not(tmp_path: Path) -> None:
    async with open_drive(tmp_path, FOUR_STEPS) as opened, AsyncExitStack() as uploads:
        silent = [
            await uploads.enter_async_context(opened.receive(f"silent-{number}", length=4 * STEP))
            for number in range(20)
        ]
        half = await uploads.enter_async_context(opened.receive("half", length=4 * STEP))
        await half.write(b"h" * 2 * STEP)
        assert await refusal(opened.capacity.check(2 * STEP + 1)) == "no_capacity"
        await opened.store("other", b"o" * 2 * STEP)
        assert await refusal(half.write(b"h" * 2 * STEP)) == "no_capacity"
        # It has not ended yet, and counts no more.
        await opened.store("another", b"a" * 2 * STEP)
        assert all(upload.size == 0 for upload in silent)


@in_reactor
async def test_of_two_that_fit_alone_one_is_stored(tmp_path: Path) -> None:
    async def store(upload: Upload) -> str | None:
        try:
            for _ in range(3):
                await upload.write(str(upload.path).encode() * STEP)
            await upload.finish()
        except CloudError as problem:
            return problem.code
        return None

    async with open_drive(tmp_path, FOUR_STEPS) as opened, AsyncExitStack() as uploads:
        await opened.store("thrown away", b"t" * STEP)
        await discard(opened, "thrown away")
        both = [await uploads.enter_async_context(opened.receive(name, length=3 * STEP)) for name in "ab"]
        outcomes = await gatherResults([Deferred.fromCoroutine(store(upload)) for upload in both])
        assert sorted(code or "" for code in outcomes) == ["", "no_capacity"]
        assert len((await opened.drive.list_trash(opened.actor, 10)).items) == 1
        assert await opened.storage.catalogue.stored_bytes() == 4 * STEP


async def leave(upload: Upload) -> None:
    raise ZeroDivisionError


async def send_another_digest(upload: Upload) -> None:
    await upload.finish(digest=bytes(32))


async def find_another_file(upload: Upload) -> None:
    await upload.finish(also=[Move(path=parse_path("kept"), destination=parse_path("new"))])


@pytest.mark.parametrize("end", [leave, send_another_digest, find_another_file])
@pytest.mark.parametrize("length", [3 * UNIT, None])
@in_reactor
async def test_what_is_not_stored_in_the_end_has_cost_nothing(
    tmp_path: Path, end: Callable[[Upload], Awaitable[None]], length: int | None
) -> None:
    async with open_drive(tmp_path, FOUR_UNITS) as opened:
        await opened.store("kept", unit("k"))
        for name in "abc":
            await opened.store(name, unit(name))
            await discard(opened, name)
        with suppress(ZeroDivisionError, CloudError):
            async with opened.receive("new", length=length) as upload:
                await upload.write(b"n" * 3 * UNIT)
                await end(upload)
                pytest.fail("it was stored")
        assert len((await opened.drive.list_trash(opened.actor, 10)).items) == 3
        assert len(await opened.list_blobs()) == 4
        await opened.store("new", b"n" * 3 * UNIT)
        assert (await opened.drive.list_trash(opened.actor, 10)).items == []


@in_reactor
async def test_bytes_that_are_there_already_need_no_room(tmp_path: Path) -> None:
    async with open_drive(tmp_path, FOUR_UNITS) as opened:
        await opened.store("kept", unit("k"))
        await opened.store("thrown away", b"t" * 3 * UNIT)
        await discard(opened, "thrown away")
        await opened.store("same", unit("k"), length=None)
        assert len((await opened.drive.list_trash(opened.actor, 10)).items) == 1


@in_reactor
async def test_what_cannot_be_given_up_at_once_is_when_room_is_needed_again(tmp_path: Path) -> None:
    disk = StubbornDisk()
    async with open_drive(tmp_path, FOUR_UNITS, disk=disk) as opened:
        disk.stuck = (await opened.store("old", b"o" * 3 * UNIT)).file.version.blob.id
        await discard(opened, "old")
        with capturedLogs():
            await opened.store("new", b"n" * 2 * UNIT)
            assert await opened.storage.catalogue.stored_bytes() == 5 * UNIT
            assert await refusal(opened.store("newer", b"m" * 2 * UNIT)) == "no_capacity"
        disk.stuck = ""
        await opened.store("newer", b"m" * 2 * UNIT)
        assert await opened.storage.catalogue.stored_bytes() == 4 * UNIT


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
        uploads = [Deferred.fromCoroutine(opened.store(str(size), b"n" * size * UNIT)) for size in sizes]
        outcomes = dict(zip(sizes, await DeferredList(uploads, consumeErrors=True), strict=True))
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
            assert await refusal(opened.store("large", b"l" * 3 * UNIT)) == "no_capacity"
            assert len((await opened.drive.list_trash(opened.actor, 10)).items) == 1
            await opened.store("small", b"s" * 2 * UNIT)


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
async def test_orphaned_blobs_go_into_quarantine_and_nothing_else(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        await opened.store("a", b"kept")
        orphan = await opened.storage.blobs.create()
        await orphan.write(b"orphan")
        await orphan.seal()
        in_flight = await opened.storage.blobs.create()
        await in_flight.write(b"in flight")
        await in_flight.seal()
        orphan.close()
        assert await opened.collection.quarantine_orphans() == 1
        in_flight.close()
        assert await opened.collection.quarantine_orphans() == 1
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


@in_reactor
async def test_the_catalogue_counts_beyond_its_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudsvc.storage.catalogue.sqlite.footprint._BELIEVED_SECONDS", 0.0)
    async with open_drive(tmp_path, FOUR_UNITS) as opened:
        await opened.store("a", unit("a"))
        catalogue = opened.storage.catalogue
        before = await catalogue.catalogue_bytes()
        assert before > 0
        (tmp_path / "snapshots").mkdir()
        (tmp_path / "snapshots" / "catalogue-20260101T000000Z.sqlite3").write_bytes(b"c" * 5 * UNIT)
        assert await catalogue.catalogue_bytes() >= before + 5 * UNIT
        assert (await catalogue.usage(OWNER)).catalogue_bytes >= before + 5 * UNIT
        # Within its share, it takes nothing from the files.
        await opened.drive.make_folder(opened.actor, parse_path("folder"))
        await opened.store("b", unit("b"))

        monkeypatch.setattr(capacity, "CATALOGUE_SHARE", before)
        limits: list[int] = []

        async def store(limit: int, _: Allowance) -> None:
            limits.append(limit)

        await opened.capacity.admit(opened.actor, 1, store)
        assert limits == [FOUR_UNITS.capacity - (await catalogue.catalogue_bytes() - before)]
        assert await refusal(opened.store("c", unit("c"))) == "no_capacity"
        assert await refusal(opened.store("empty", b"")) == "no_capacity"
        assert await refusal(opened.drive.copy(opened.actor, parse_path("a"), parse_path("d"))) == "no_capacity"
        assert await refusal(opened.drive.make_folder(opened.actor, parse_path("new"))) == "no_capacity"
        # What takes little goes on, and so does what makes room.
        await opened.drive.move(opened.actor, parse_path("a"), parse_path("folder/a"))
        await discard(opened, "b")

        (tmp_path / "snapshots" / "catalogue-20260101T000000Z.sqlite3").unlink()
        monkeypatch.setattr(capacity, "CATALOGUE_SHARE", await catalogue.catalogue_bytes() + UNIT)
        await opened.drive.copy(opened.actor, parse_path("folder/a"), parse_path("d"))
