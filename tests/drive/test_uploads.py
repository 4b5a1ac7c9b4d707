"""Uploads: checked before the first byte, safe from the last one on, and nothing left of those that fail."""

from __future__ import annotations

import errno
from pathlib import Path

import pytest
from attrs import evolve
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs

from cloudsvc.core.actors import OWNER
from cloudsvc.core.errors import CloudError
from cloudsvc.drive.commands import Condition
from cloudsvc.drive.names import parse_path
from cloudsvc.storage.blobs import Disk
from tests.support.administration import DAMAGES, find_blob
from tests.support.administration import damage as do_damage
from tests.support.blobs import TrialDisk
from tests.support.opened_drives import GENEROUS, OpenDrive, open_drive, refusal
from tests.support.reactors import in_reactor

SHA256_OF_HELLO = bytes.fromhex("2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")


async def assert_nothing_left(opened: OpenDrive) -> None:
    """No blob, and nothing that counts as arriving."""
    assert await opened.list_blobs() == set()
    assert await opened.storage.catalogue.stored_bytes() == 0
    await opened.capacity.check(GENEROUS.capacity)


@in_reactor
async def test_what_was_stored_is_there(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        stored = await opened.store("photos/2026/sea.jpeg", b"hello", digest=SHA256_OF_HELLO)
        assert (stored.created, stored.deduplicated) == (True, False)
        assert stored.file.version.blob.digest == SHA256_OF_HELLO
        assert stored.file.version.media_type == "image/jpeg"
        assert await opened.load("photos/2026/sea.jpeg") == b"hello"
    async with open_drive(tmp_path) as opened:
        assert await opened.load("photos/2026/sea.jpeg") == b"hello"
        file = await opened.drive.find_file(opened.actor, parse_path("photos/2026/sea.jpeg"))
        assert file == stored.file


@in_reactor
async def test_storing_again_keeps_what_was_there(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        first = await opened.store("a.txt", b"one")
        second = await opened.store("a.txt", b"two", media_type="text/x-poem")
        assert (second.created, second.file.id) == (False, first.file.id)
        assert second.file.version.media_type == "text/x-poem"
        assert await opened.load("a.txt") == b"two"
        assert await opened.load("a.txt", version=first.file.version.id) == b"one"


@in_reactor
async def test_equal_bytes_are_stored_once(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        await opened.store("a", b"same")
        assert (await opened.store("b", b"same")).deduplicated
        assert len(await opened.list_blobs()) == 1
        assert await opened.storage.catalogue.stored_bytes() == 4
        assert await opened.load("b") == b"same"


@pytest.mark.parametrize("damage", DAMAGES)
@in_reactor
async def test_bytes_that_come_again_mend_what_was_damaged(tmp_path: Path, damage: str) -> None:
    async with open_drive(tmp_path) as opened:
        stored = await opened.store("a", b"the same bytes")
        blob = stored.file.version.blob.id
        do_damage(find_blob(tmp_path, blob), damage)
        again = await opened.store("b", b"the same bytes")
        assert (again.deduplicated, again.file.version.blob.id) == (True, blob)
        assert await opened.list_blobs() == {blob}
        for path in ("a", "b"):
            assert await opened.load(path) == b"the same bytes"


@in_reactor
async def test_what_cannot_be_mended_is_not_acknowledged(tmp_path: Path) -> None:
    disk = TrialDisk()
    async with open_drive(tmp_path, disk=disk) as opened:
        await opened.store("a", b"the same bytes")
        disk.trouble["rename", 2] = OSError(errno.EIO, "as the test wants it")
        with capturedLogs():
            assert await refusal(opened.store("b", b"the same bytes")) == "storage_failed"
        assert len(await opened.list_blobs()) == 1
        assert await opened.load("a") == b"the same bytes"


@in_reactor
async def test_the_storage_is_closed_when_what_has_arrived_is_stored(tmp_path: Path) -> None:
    with capturedLogs() as events:
        async with (
            open_drive(tmp_path) as opened,
            opened.drive.receive(opened.actor, parse_path("a"), length=5) as upload,
        ):
            await upload.write(b"hello")
            waiting = Deferred.fromCoroutine(upload.finish())
            waiting.cancel()
            with pytest.raises(CancelledError):
                await waiting
    assert not events
    async with open_drive(tmp_path) as opened:
        assert await opened.load("a") == b"hello"


@pytest.mark.parametrize(
    ("path", "arguments", "code"),
    [
        ("", {}, "root_immutable"),
        ("folder", {}, "is_folder"),
        ("folder/file/below", {}, "is_file"),
        ("folder/file/below/deep/down", {}, "is_file"),
        ("folder/file", {"replace": False}, "already_exists"),
        ("folder/file", {"condition": Condition(absent=True)}, "precondition_failed"),
        ("new", {"condition": Condition(present=True)}, "precondition_failed"),
        ("folder/file", {"condition": Condition(validators=frozenset({"another"}))}, "precondition_failed"),
        ("new", {"length": GENEROUS.file_bytes + 1}, "file_too_large"),
        ("new", {"length": 2**20}, "no_capacity"),
    ],
)
@in_reactor
async def test_what_is_hopeless_is_refused_before_the_first_byte(
    tmp_path: Path, path: str, arguments: dict[str, object], code: str
) -> None:
    async with open_drive(tmp_path, evolve(GENEROUS, capacity=2**20)) as opened:
        await opened.store("folder/file", b"here")
        with pytest.raises(CloudError) as caught:
            async with opened.drive.receive(
                opened.actor,
                parse_path(path),
                **{"length": 1, **arguments},  # type: ignore[arg-type]  # mixed values
            ):
                pytest.fail("it was let in")
        assert caught.value.code == code
        assert await opened.load("folder/file") == b"here"
        assert len(await opened.list_blobs()) == 1


class SmallDisk(Disk):
    """One with so little room."""

    def free_bytes(self, path: Path) -> int:
        return 1000


@in_reactor
async def test_more_than_the_disk_could_take_is_refused_before_the_first_byte(tmp_path: Path) -> None:
    async with open_drive(tmp_path, disk=SmallDisk()) as opened:
        with pytest.raises(CloudError) as caught:
            async with opened.drive.receive(opened.actor, parse_path("a"), length=1001):
                pytest.fail("it was let in")
        assert caught.value.code == "no_space"
        await opened.store("a", b"a" * 1000)
        await opened.store("empty", b"")


@in_reactor
async def test_a_file_that_turns_out_too_large(tmp_path: Path) -> None:
    async with open_drive(tmp_path, evolve(GENEROUS, file_bytes=1000)) as opened:
        assert await refusal(opened.store("a", b"x" * 1001, length=None)) == "file_too_large"
        assert await refusal(opened.store("a", b"x" * 1001, length=10)) == "file_too_large"
        await assert_nothing_left(opened)
        await opened.store("a", b"x" * 1000, length=None)


@in_reactor
async def test_a_drive_that_turns_out_full(tmp_path: Path) -> None:
    async with open_drive(tmp_path, evolve(GENEROUS, capacity=2**21)) as opened:
        await opened.store("a", b"x" * 2**20, length=2**20)
        assert await refusal(opened.store("b", b"y" * (2**20 + 1), length=None)) == "no_capacity"
        await opened.store("b", b"y" * 2**20, length=2**20)


@in_reactor
async def test_left_before_the_end_nothing_remains(tmp_path: Path) -> None:
    async def leave_early() -> None:
        async with opened.drive.receive(opened.actor, parse_path("a"), length=2**22) as upload:
            await upload.write(b"x" * 2**21)
            raise ZeroDivisionError

    async with open_drive(tmp_path) as opened:
        with pytest.raises(ZeroDivisionError):
            await leave_early()
        async with opened.drive.receive(opened.actor, parse_path("a"), length=None) as upload:
            await upload.write(b"x" * 2**21)
            assert upload.size == 2**21
        await assert_nothing_left(opened)
        assert not find_large(tmp_path)


def find_large(directory: Path) -> list[Path]:
    """Files of a MiB and more; the catalogue is smaller."""
    return [entry for entry in directory.rglob("*") if entry.is_file() and entry.stat().st_size >= 2**20]


@in_reactor
async def test_bytes_with_another_digest_than_announced(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        assert await refusal(opened.store("a", b"hallo", digest=SHA256_OF_HELLO)) == "digest_mismatch"
        await assert_nothing_left(opened)


@in_reactor
async def test_a_condition_is_looked_at_again_at_the_end(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        async with opened.drive.receive(
            opened.actor, parse_path("a"), length=4, condition=Condition(absent=True)
        ) as late:
            await late.write(b"late")
            await opened.store("a", b"first")
            assert await refusal(late.finish()) == "precondition_failed"
        assert await opened.load("a") == b"first"
        assert len(await opened.list_blobs()) == 1


@in_reactor
async def test_a_date_is_no_excuse_for_what_came_in_the_same_second(tmp_path: Path) -> None:
    async with open_drive(tmp_path, now=lambda: 1_000_500_000) as opened:
        await opened.store("a", b"seen")
        before, same = Condition(unmodified_since=999), Condition(unmodified_since=1000)
        assert await refusal(opened.store("a", b"late", condition=before)) == "precondition_failed"
        async with opened.receive("a", length=4, condition=same) as late:
            await late.write(b"late")
            await opened.store("a", b"meanwhile")
            assert await refusal(late.finish()) == "precondition_failed"
        assert await opened.load("a") == b"meanwhile"
        await opened.store("a", b"at last", condition=same)
        assert await opened.load("a") == b"at last"


@in_reactor
async def test_a_client_that_leaves_once_all_is_there_undoes_nothing(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        async with opened.drive.receive(opened.actor, parse_path("a"), length=5) as upload:
            await upload.write(b"hello")
            waiting = Deferred.fromCoroutine(upload.finish())
            waiting.cancel()
            with pytest.raises(CancelledError):
                await waiting
        while await opened.storage.catalogue.find(OWNER, parse_path("a")) is None:
            pass
        assert await opened.load("a") == b"hello"
        # The commit can be seen before the writer lets go of the blob, which is not listed until then.
        while not (blobs := await opened.list_blobs()):
            pass
        assert len(blobs) == 1


@in_reactor
async def test_a_client_that_leaves_while_the_end_fails_leaves_nothing(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        with capturedLogs() as events:
            async with opened.drive.receive(opened.actor, parse_path("a"), length=5) as upload:
                await upload.write(b"hallo")
                waiting = Deferred.fromCoroutine(upload.finish(digest=SHA256_OF_HELLO))
                waiting.cancel()
                with pytest.raises(CancelledError):
                    await waiting
            while not events:
                await opened.list_blobs()
        assert events[0]["log_failure"].value.code == "digest_mismatch"
        await assert_nothing_left(opened)
