"""A tree becomes files of the drive, with tags and dates; what is in the way is told before anything is stored."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from attrs import evolve

from cloudsvc.administration.exporting import Exporter
from cloudsvc.administration.importing import Imported, Importer
from cloudsvc.administration.planning import Existing, Plan, Planner
from cloudsvc.administration.progress import SILENCE
from cloudsvc.administration.source import read_tree
from cloudsvc.administration.target import Target
from cloudsvc.core.actors import OWNER
from cloudsvc.core.errors import CloudError
from cloudsvc.drive.errors import no_capacity
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.pages import FileQuery, Order
from cloudsvc.storage.opened import OpenedDrive
from tests.support.administration import FILES, fill, find, load, load_all, opened, store
from tests.support.opened_drives import GENEROUS
from tests.support.reactors import in_reactor
from tests.support.upstream import LATER, NOON, make_upstream

AGES = {
    "1601": -11_644_473_600_000_000_000,
    "1901": -2_147_483_648_000_000_000,
    "1965": -144_720_000_000_000_001,
    "1970": 0,
    "2038": 2_147_483_648_123_456_789,
    "2106": 4_294_967_296_000_000_000,
    "9999": 253_402_300_799_000_000_000,
}
"""Nanoseconds, of which many a file system keeps the nearest that it has."""


async def plan(
    drive: OpenedDrive, directory: Path, existing: Existing = Existing.REFUSE, into: str = "", *, plain: bool = False
) -> Plan:
    planner = Planner(
        actor=OWNER,
        uploads=drive.uploads,
        disk=drive.disk,
        into=parse_path(into),
        existing=existing,
    )
    return await planner.plan(read_tree(directory, plain=plain), SILENCE)


async def carry_out(drive: OpenedDrive, found: Plan) -> Imported:
    return await Importer(drive=drive.drive, actor=OWNER, disk=drive.disk).carry_out(found, SILENCE)


def write(directory: Path, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(content)
    return directory


@in_reactor
async def test_a_plain_tree_becomes_files_with_its_dates(tmp_path: Path) -> None:
    tree = write(tmp_path / "tree", dict(FILES))
    (tree / "nothing/in it").mkdir(parents=True)
    os.utime(tree / "plain.txt", ns=(0, 1_500_000_000_123_456_789))
    async with opened(tmp_path / "drive") as drive:
        found = await plan(drive, tree)
        assert found.faults == found.left_out == []
        done = await carry_out(drive, found)
        assert (done.files, done.faults) == (len(FILES), [])
        assert done.size == found.size == sum(map(len, FILES.values()))
        assert await load_all(drive) == FILES
        file = await find(drive, "plain.txt")
        assert (file.created_at, file.updated_at) == (1_500_000_000_123_456, 1_500_000_000_123_456)
        assert file.version.media_type == "text/plain"
        await drive.drive.find(OWNER, parse_path("nothing/in it"))


def write_dated(directory: Path) -> dict[str, int]:
    """Files of all ages, by what this file system makes of them."""
    directory.mkdir()
    dates = {}
    for year, nanoseconds in AGES.items():
        (directory / year).write_bytes(year.encode())
        os.utime(directory / year, ns=(0, nanoseconds))
        dates[year] = (directory / year).stat().st_mtime_ns // 1000
    return dates


@in_reactor
async def test_files_of_all_ages_keep_their_dates_in_and_out(tmp_path: Path) -> None:
    dates = write_dated(tmp_path / "tree")
    assert sum(date < 0 for date in dates.values()) >= 3
    assert dates["1965"] == -144_720_000_000_001
    async with opened(tmp_path / "drive") as drive:
        await carry_out(drive, await plan(drive, tmp_path / "tree"))
        for year, date in dates.items():
            file = await find(drive, year)
            assert (file.created_at, file.updated_at, file.version.modified_at) == (date, date, date)
        by_age = sorted(dates, key=lambda year: dates[year])
        pages = [await drive.catalogue.list_files(OWNER, FileQuery(order=Order.UPDATED, descending=False), 1)]
        while (cursor := pages[-1].cursor) is not None:
            pages.append(
                await drive.catalogue.list_files(OWNER, FileQuery(order=Order.UPDATED, descending=False), 1, cursor)
            )
        assert sorted((str(file.path) for page in pages for file in page.items), key=by_age.index) == by_age
        assert [file.updated_at for page in pages for file in page.items] == sorted(dates.values())
        target = Target.open(tmp_path / "out", resume=False)
        await Exporter(catalogue=drive.catalogue, blobs=drive.blobs, disk=drive.disk).export(target, SILENCE)
        target.close(complete=True)
    for year, date in dates.items():
        assert (tmp_path / "out" / year).stat().st_mtime_ns == date * 1000
    # What was exported says it beside the files as well, for those that lose their dates on the way.
    (tmp_path / "out/1965").touch()
    async with opened(tmp_path / "another") as drive:
        await carry_out(drive, await plan(drive, tmp_path / "out"))
        for year, date in dates.items():
            assert (await find(drive, year)).version.modified_at == date


@in_reactor
async def test_an_upstream_servers_folder_keeps_types_tags_and_dates(tmp_path: Path) -> None:
    files = {"animals/cat.png": (b"cat", ["pet", "fur"]), "notes": (b"text", [])}
    async with opened(tmp_path / "drive") as drive:
        await carry_out(drive, await plan(drive, make_upstream(tmp_path / "server", files), into="old cloud"))
        assert await load_all(drive) == {"old cloud/animals/cat.png": b"cat", "old cloud/notes": b"text"}
        cat = await find(drive, "old cloud/animals/cat.png")
        assert (cat.tags, cat.version.media_type) == (("fur", "pet"), "image/png")
        assert (cat.created_at, cat.updated_at) == (NOON, LATER)
        # Its metadata do not say; the file does.
        file = next((tmp_path / "server").rglob("cat.png"))
        assert cat.version.modified_at == file.stat().st_mtime_ns // 1000


@in_reactor
async def test_an_export_comes_back_as_it_was(tmp_path: Path) -> None:
    async with opened(tmp_path / "drive") as drive:
        await fill(drive)
        await store(drive, "tagged.png", b"t", "a", "b")
        before = [await find(drive, path) for path in (*FILES, "tagged.png")]
        target = Target.open(tmp_path / "out", resume=False)
        await Exporter(catalogue=drive.catalogue, blobs=drive.blobs, disk=drive.disk).export(target, SILENCE)
        target.close(complete=True)
    async with opened(tmp_path / "new") as drive:
        await carry_out(drive, await plan(drive, tmp_path / "out"))
        for file in before:
            again = await find(drive, str(file.path))
            assert again.version.blob.digest == file.version.blob.digest
            assert again.version.media_type == file.version.media_type
            assert (again.tags, again.created_at, again.updated_at) == (file.tags, file.created_at, file.updated_at)


@in_reactor
async def test_what_is_there_already_is_passed_over(tmp_path: Path) -> None:
    tree = write(tmp_path / "tree", dict(FILES))
    async with opened(tmp_path / "drive") as drive:
        await carry_out(drive, await plan(drive, tree))
        versions = {path: (await find(drive, path)).version.id for path in FILES}
        again = await plan(drive, tree)
        assert (again.arrivals, again.same, again.faults) == ([], len(FILES), [])
        await carry_out(drive, again)
        assert {path: (await find(drive, path)).version.id for path in FILES} == versions


@in_reactor
async def test_everything_that_is_in_the_way_is_named(tmp_path: Path) -> None:
    tree = write(tmp_path / "tree", {"taken": b"new", "folder": b"new", "file/below": b"new", "fine": b"new"})
    (tree / "file/empty").mkdir()
    async with opened(tmp_path / "drive") as drive:
        await fill(drive, {"taken": b"old", "folder/a": b"old", "file": b"old"})
        found = await plan(drive, tree)
        assert [str(arrival.path) for arrival in found.arrivals] == ["fine"]
        assert len(found.faults) == 4
        text = "\n".join(sorted(found.faults))
        assert "something at 'taken' already" in text
        assert "'folder' is a folder, so it cannot be a file" in text
        assert text.count("'file' is a file, so nothing can be in it") == 2


@in_reactor
async def test_files_that_are_there_stay_or_get_a_new_version_as_one_says(tmp_path: Path) -> None:
    tree = write(tmp_path / "tree", {"taken": b"new"})
    async with opened(tmp_path / "drive") as drive:
        await store(drive, "taken", b"old", "tag")
        kept = await plan(drive, tree, Existing.KEEP)
        assert (kept.arrivals, kept.faults, len(kept.left_out)) == ([], [], 1)
        await carry_out(drive, await plan(drive, tree, Existing.REPLACE))
        assert await load(drive, "taken") == b"new"
        assert (await find(drive, "taken")).tags == ("tag",)
        assert len((await drive.drive.list_versions(OWNER, parse_path("taken"), 10)).items) == 2


@in_reactor
async def test_what_was_stored_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    tree = write(tmp_path / "tree", {"new": b"new", "taken": b"new"})
    async with opened(tmp_path / "drive") as drive:
        await store(drive, "taken", b"old")
        found = await plan(drive, tree, Existing.REPLACE)
        await fill(drive, {"new": b"meanwhile", "taken": b"meanwhile"})
        done = await carry_out(drive, found)
        assert (done.files, len(done.faults)) == (0, 2)
        assert await load_all(drive) == {"new": b"meanwhile", "taken": b"meanwhile"}


@in_reactor
async def test_limits_hold(tmp_path: Path) -> None:
    files = {
        "too large": (b"x" * 11, []),
        "too many": (b"x", ["1", "2", "3"]),
        "too long": (b"x", ["long" * 10]),
        "no tag": (b"x", [" "]),
        "fine": (b"x" * 10, ["1", "2"]),
    }
    limits = evolve(GENEROUS, file_bytes=10, tags=2, tag_length=10)
    async with opened(tmp_path / "drive", limits) as drive:
        found = await plan(drive, make_upstream(tmp_path / "server", files))
        assert [str(arrival.path) for arrival in found.arrivals] == ["fine"]
        assert len(found.faults) == 4
        deep = await plan(drive, tmp_path / "server", into="/".join(["x" * 250] * 16 + ["x" * 79]))
        assert any("4096 bytes" in fault for fault in deep.faults)
        deeper = await plan(drive, tmp_path / "server", into="/".join("x" * 128))
        assert any("fine'" in fault and "128 names" in fault for fault in deeper.faults)


@in_reactor
async def test_a_full_drive_ends_it_and_keeps_what_is_stored(tmp_path: Path) -> None:
    tree = write(tmp_path / "tree", {name: name.encode() * 1000 for name in "abcdef"})
    async with opened(tmp_path / "drive", evolve(GENEROUS, capacity=3000)) as drive:
        found = await plan(drive, tree)
        assert found.faults == ["6000 bytes are to be stored: " + no_capacity().message]
        with pytest.raises(CloudError) as caught:
            await carry_out(drive, found)
        assert caught.value.code == "no_capacity"
        stored = await load_all(drive)
        assert 1 <= len(stored) <= 3
        assert all(content == path.encode() * 1000 for path, content in stored.items())
    async with opened(tmp_path / "drive") as drive:
        again = await plan(drive, tree)
        assert again.same == len(stored)
        await carry_out(drive, again)
        assert len(await load_all(drive)) == 6


@in_reactor
async def test_a_file_that_cannot_be_read_is_named_and_the_rest_stored(tmp_path: Path) -> None:
    tree = write(tmp_path / "tree", {"a": b"a", "b": b"b", "c": b"c"})
    async with opened(tmp_path / "drive") as drive:
        found = await plan(drive, tree)
        (tree / "a").unlink()
        (tree / "b").write_bytes(b"changed since")
        done = await carry_out(drive, found)
        assert (done.files, len(done.faults)) == (1, 2)
        assert await load_all(drive) == {"c": b"c"}
        assert await drive.collection.quarantine_orphans() == 0
