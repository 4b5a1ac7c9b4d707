"""Each night's snapshot is whole, has a manifest, and takes the place of the oldest."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cloudsvc.administration.snapshots import Snapshots
from cloudsvc.core.actors import OWNER
from cloudsvc.drive.names import parse_path
from cloudsvc.storage.opened import OpenedDrive
from tests.support.administration import FILES, fill, find, find_blob, open_tools, opened, store
from tests.support.reactors import in_reactor

DAY = 86_400_000_000
START = 1_767_225_600_000_000


def make_snapshots(drive: OpenedDrive, directory: Path, day: float) -> Snapshots:
    return Snapshots(
        directory=directory / "snapshots", copies=drive.copies, disk=drive.disk, now=lambda: START + int(day * DAY)
    )


def list_names(directory: Path) -> list[str]:
    return sorted(place.name for place in (directory / "snapshots").iterdir())


@in_reactor
async def test_it_is_a_catalogue_and_a_manifest_of_the_same_moment(tmp_path: Path) -> None:
    async with opened(tmp_path) as drive:
        await store(drive, "plain.txt", b"an older version")
        await fill(drive)
        await store(drive, "gone", b"gone")
        await drive.drive.discard(OWNER, parse_path("gone"))
        await make_snapshots(drive, tmp_path, 0).take()
        assert list_names(tmp_path) == ["catalogue-20260101T000000Z.sqlite3", "manifest-20260101T000000Z.jsonl"]
        lines = (tmp_path / "snapshots/manifest-20260101T000000Z.jsonl").read_text("utf-8").splitlines()
        found = {entry["path"]: entry for entry in map(json.loads, lines)}
        assert found.keys() == FILES.keys()
        for path, entry in found.items():
            blob = (await find(drive, path)).version.blob
            assert blob.digest is not None
            assert (entry["blob"], entry["size"], entry["sha256"]) == (blob.id, blob.size, blob.digest.hex())
            assert find_blob(tmp_path, entry["blob"]).read_bytes() == FILES[path]
    async with open_tools() as resources:
        catalogue = await resources.open_catalogue(tmp_path / "snapshots/catalogue-20260101T000000Z.sqlite3")
        assert (await catalogue.usage(OWNER)).files == len(FILES)
        await catalogue.close()
    assert not [*(tmp_path / "moments").iterdir()]
    assert len(list_names(tmp_path)) == 2


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077])
@in_reactor
async def test_all_of_a_drive_is_for_its_owner_alone_whatever_the_umask(tmp_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        async with opened(tmp_path / "drive") as drive:
            await store(drive, "folder/a", b"content")
            await make_snapshots(drive, tmp_path / "drive", 0).take()
            modes = {(place.is_dir(), oct(place.stat().st_mode & 0o777)) for place in (tmp_path / "drive").rglob("*")}
    finally:
        os.umask(before)
    assert modes == {(True, "0o700"), (False, "0o600")}


@in_reactor
async def test_one_a_day_is_enough(tmp_path: Path) -> None:
    async with opened(tmp_path) as drive:
        for hours in (0, 1, 23, 24, 25):
            await make_snapshots(drive, tmp_path, hours / 24).take_daily()
        assert len(list_names(tmp_path)) == 4


@in_reactor
async def test_the_last_seven_remain(tmp_path: Path) -> None:
    async with opened(tmp_path) as drive:
        (tmp_path / "snapshots").mkdir()
        (tmp_path / "snapshots/mine.txt").touch()
        for day in range(9):
            await make_snapshots(drive, tmp_path, day).take()
        days = [f"202601{day:02}T000000Z" for day in range(3, 10)]
        expected = [f"catalogue-{day}.sqlite3" for day in days] + [f"manifest-{day}.jsonl" for day in days]
        assert list_names(tmp_path) == [*expected, "mine.txt"]


@in_reactor
async def test_those_of_a_clock_that_was_wrong_displace_no_other(tmp_path: Path) -> None:
    async with opened(tmp_path) as drive:
        for day in (*range(1000, 1009), *range(3)):
            await make_snapshots(drive, tmp_path, day).take()
        names = list_names(tmp_path)
        assert len(names) == 2 * (7 + 3)
        assert [name for name in names if name.startswith("catalogue-2026")] == [
            f"catalogue-202601{day:02}T000000Z.sqlite3" for day in range(1, 4)
        ]
