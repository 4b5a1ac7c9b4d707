"""Blobs whose checksums are unknown are read in the background, so many bytes a round, and deduplicated."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec, TypeVar

import pytest
from twisted.logger import capturedLogs, formatEvent

from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive import measuring
from cloudsvc.drive.commands import StoreFile
from cloudsvc.drive.measuring import Measuring
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import Blob
from cloudsvc.storage.blobs.drafts import UNHASHED
from tests.support.blobs import store_blob
from tests.support.catalogues import hide_checksums, writing_connection
from tests.support.inline_threads import Inline
from tests.support.opened_drives import OpenDrive, open_drive
from tests.support.reactors import in_reactor

P = ParamSpec("P")
T = TypeVar("T")


async def commit(opened: OpenDrive, path: str, blob: Blob) -> None:
    """Make ``blob`` the content of a file, without its checksums."""
    command = StoreFile(path=parse_path(path), blob=hide_checksums(blob), media_type="a/b", versions_kept=1)
    await opened.storage.catalogue.apply(opened.actor, [command])


async def store(opened: OpenDrive, path: str, content: bytes) -> Blob:
    """A file whose checksums are not known."""
    blob = await store_blob(opened.storage.blobs, content)
    await commit(opened, path, blob)
    return blob


def begin(opened: OpenDrive, threads: ThreadRunner) -> Measuring:
    return Measuring(catalogue=opened.storage.catalogue, blobs=opened.storage.blobs, threads=threads)


async def find(opened: OpenDrive, path: str) -> Blob:
    return (await opened.drive.find_file(opened.actor, parse_path(path))).version.blob


@in_reactor
async def test_what_was_stored_without_checksums_gets_them(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        known = (await opened.store("known", b"same")).file.version.blob
        await store(opened, "late", b"same")
        large = await store(opened, "large", bytes(2**20))
        assert (await find(opened, "large")).digest is None
        assert await begin(opened, Inline()).run() == 2
        assert await find(opened, "large") == large
        # The same bytes twice are one blob, and the other goes.
        assert await find(opened, "late") == known
        assert await opened.collection.collect() == 1
        assert await opened.load("late") == b"same"
        assert await begin(opened, Inline()).run() == 0


@in_reactor
async def test_an_upload_that_was_resumed_too_late_to_be_hashed_is_hashed_later(tmp_path: Path) -> None:
    content = bytes(UNHASHED + 5 * 2**20)
    async with open_drive(tmp_path) as opened:
        writer = await opened.storage.blobs.create()
        await writer.write(content)
        await writer.suspend()
        resumed = await opened.storage.blobs.resume(writer.id)
        await resumed.write(b"end")
        blob = await resumed.seal()
        assert (blob.size, blob.digest, blob.crc32) == (len(content) + 3, None, None)
        await commit(opened, "large", blob)
        resumed.close()
        assert await begin(opened, Inline()).run() == 1
        found = await find(opened, "large")
        assert found.digest == hashlib.sha256(content + b"end").digest()
        assert found.crc32 == zlib.crc32(content + b"end")


@in_reactor
async def test_a_round_is_bounded_and_the_next_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(measuring, "ROUND", 5)
    monkeypatch.setattr(measuring, "ROUND_BLOBS", 3)
    async with open_drive(tmp_path) as opened:
        for number in range(5):
            await store(opened, f"large{number}", bytes([number]) * 4)
        job = begin(opened, Inline())
        assert [await job.run() for _ in range(4)] == [2, 2, 1, 0]
        for number in range(4):
            await store(opened, f"small{number}", bytes([number]))
        assert [await job.run() for _ in range(3)] == [3, 1, 0]


@pytest.mark.parametrize("damage", ["missing", "altered", "shorter"])
@in_reactor
async def test_what_is_damaged_is_told_once_and_holds_up_nothing(tmp_path: Path, damage: str) -> None:
    async with open_drive(tmp_path) as opened:
        blob = (await opened.store("damaged", b"content")).file.version.blob
        file = tmp_path / "blobs" / blob.id[:2] / blob.id
        if damage == "missing":
            file.unlink()
        else:
            file.write_bytes({"altered": b"cOntent", "shorter": b"con"}[damage])
        forget_crc32(opened)
        whole = await store(opened, "whole", b"whole")
        job = begin(opened, Inline())
        with capturedLogs() as events:
            assert [await job.run() for _ in range(2)] == [1, 0]
        [told] = [formatEvent(event) for event in events if event["log_namespace"] == "cloudsvc.drive"]
        assert told is not None
        assert told.startswith(f"the blob {blob.id} cannot be read whole")
        assert await find(opened, "whole") == whole
        assert (await find(opened, "damaged")).crc32 is None


def forget_crc32(opened: OpenDrive) -> None:
    """As an older program would have stored all that there is."""
    connection = writing_connection(opened.storage.catalogue)
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("UPDATE blob SET crc32 = NULL")
    connection.execute("COMMIT")


@in_reactor
async def test_it_leaves_off_when_the_server_stops(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        await store(opened, "large", bytes(2**20))
        threads = Stopping()
        threads.job = job = begin(opened, threads)
        assert await job.run() == 0
        assert (await find(opened, "large")).digest is None


class Stopping(Inline):
    """Threads during whose first work the server stops."""

    job: Measuring

    async def run(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        self.job.stop()
        return await super().run(function, *args, **kwargs)
