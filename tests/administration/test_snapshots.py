"""Each night's snapshot is whole, has a manifest, and takes the place of the oldest."""

from __future__ import annotations

import json
from pathlib import Path

from cloudsvc.administration.opened import OpenedDrive
from cloudsvc.administration.snapshots import Snapshots
from cloudsvc.core.actors import OWNER
from cloudsvc.drive.names import parse_path
from tests.administration.drives import FILES, fill, find, find_blob, opened, store
from tests.support.reactors import in_reactor

DAY = 86_400_000_000
START = 1_767_225_600_000_000


def make_snapshots(drive: OpenedDrive, directory: Path, day: float) -> Snapshots:
    return Snapshots(
        directory=directory / "snapshots", moments=drive.moments, disk=drive.disk, now=lambda: START + int(day * DAY)
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
            assert (entry["blob"], entry["size"], entry["sha256"]) == (blob.id, blob.size, blob.digest.hex())
            assert find_blob(tmp_path, entry["blob"]).read_bytes() == FILES[path]
        async with drive.moments.open(tmp_path / "snapshots/catalogue-20260101T000000Z.sqlite3") as catalogue:
            assert (await catalogue.usage()).files == len(FILES)
    assert not [*(tmp_path / "moments").iterdir()]
    assert len(list_names(tmp_path)) == 2


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
