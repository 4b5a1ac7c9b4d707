"""An export is a plain tree of what the drive holds, and says what it could not write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from attrs import evolve

from cloudsvc.administration.exporting import Exported, Exporter
from cloudsvc.administration.progress import SILENCE
from cloudsvc.administration.target import STAGING_NAME, Target
from cloudsvc.core.actors import OWNER
from cloudsvc.core.errors import OperatorError
from cloudsvc.drive.names import fold_case, parse_path
from cloudsvc.storage.opened import OpenedDrive
from tests.support.administration import DAMAGES, FILES, damage, fill, find, find_content, opened, read_files, store
from tests.support.reactors import in_reactor


async def export(
    drive: OpenedDrive, directory: Path, *, resume: bool = False, metadata_file: Path | None = None, folds: bool = False
) -> Exported:
    target = Target.open(directory, resume=resume)
    if folds:
        target = evolve(target, fold=fold_case)
    complete = False
    try:
        async with drive.copies.hold() as snapshot:
            exporter = Exporter(
                catalogue=snapshot.catalogue, blobs=drive.blobs, disk=drive.disk, metadata_file=metadata_file
            )
            exported = await exporter.export(target, SILENCE)
            complete = True
            return exported
    finally:
        target.close(complete=complete)


@in_reactor
async def test_all_current_files_are_written(tmp_path: Path) -> None:
    async with opened(tmp_path / "drive") as drive:
        await store(drive, "plain.txt", b"an older version")
        await fill(drive)
        await store(drive, "gone", b"gone")
        await drive.drive.discard(OWNER, parse_path("gone"))
        await drive.drive.make_folder(OWNER, parse_path("nothing/in it"))
        done = await export(drive, tmp_path / "out")
        assert read_files(tmp_path / "out") == FILES
        assert (tmp_path / "out/nothing/in it").is_dir()
        assert (done.files, done.kept, done.faults) == (len(FILES), 0, [])
        assert done.size == sum(map(len, FILES.values()))
        for path in FILES:
            status = (tmp_path / "out" / path).stat()
            assert status.st_mtime_ns == (await find(drive, path)).version.modified_at * 1000
    assert not [*(tmp_path / "drive/moments").iterdir()]


@in_reactor
async def test_tags_types_and_dates_are_beside_them(tmp_path: Path) -> None:
    async with opened(tmp_path / "drive") as drive:
        await store(drive, "a.png", b"a", "red", "blue")
        await export(drive, tmp_path / "out")
        await export(drive, tmp_path / "other", metadata_file=tmp_path / "elsewhere.json")
    entry = json.loads((tmp_path / "out/metadata.json").read_text())["a.png"]
    assert (entry["mime_type"], entry["tags"], entry["size"]) == ("image/png", ["blue", "red"], 1)
    assert [place.name for place in (tmp_path / "other").iterdir()] == ["a.png"]
    assert json.loads((tmp_path / "elsewhere.json").read_text()) == {"a.png": entry}


@in_reactor
async def test_an_empty_drive_gives_an_empty_tree(tmp_path: Path) -> None:
    async with opened(tmp_path / "drive") as drive:
        assert await export(drive, tmp_path / "out") == Exported()
    assert (tmp_path / "out/metadata.json").read_text() == "{}\n"


@in_reactor
async def test_an_earlier_one_is_brought_up_to_date(tmp_path: Path) -> None:
    async with opened(tmp_path / "drive") as drive:
        await fill(drive, {"same": b"same", "changed": b"before", "size": b"1"})
        await export(drive, tmp_path / "out")
        (tmp_path / "out/mine").write_bytes(b"not in the drive")
        (tmp_path / "out/same").touch()
        await fill(drive, {"changed": b"after!", "size": b"22", "new": b"new"})
        done = await export(drive, tmp_path / "out", resume=True)
        assert (done.files, done.kept, done.size) == (4, 1, 11)
        assert (tmp_path / "out/same").stat().st_mtime_ns == (await find(drive, "same")).updated_at * 1000
    assert read_files(tmp_path / "out") == {
        "same": b"same",
        "changed": b"after!",
        "size": b"22",
        "new": b"new",
        "mine": b"not in the drive",
    }


@pytest.mark.parametrize("how", DAMAGES)
@in_reactor
async def test_what_is_damaged_is_named_and_everything_else_written(tmp_path: Path, how: str) -> None:
    async with opened(tmp_path / "drive") as drive:
        await fill(drive)
        damage(find_content(tmp_path / "drive", FILES["plain.txt"]), how)
        done = await export(drive, tmp_path / "out")
    assert done.faults == ["'plain.txt' is damaged in the drive, and was not written"]
    assert read_files(tmp_path / "out") == {path: FILES[path] for path in FILES if path != "plain.txt"}
    assert "plain.txt" not in json.loads((tmp_path / "out/metadata.json").read_text())


@in_reactor
async def test_names_that_would_be_one_are_named_together_before_anything_is_written(tmp_path: Path) -> None:
    async with opened(tmp_path / "drive") as drive:
        await fill(drive, {"folder/Straße": b"1", "folder/STRASSE": b"2", "a/x": b"3", "A/x": b"4", "other": b"5"})
        with pytest.raises(OperatorError) as caught:
            await export(drive, tmp_path / "out", folds=True)
        assert len(caught.value.lines) == 2
        [twins] = (line for line in caught.value.lines if "Straße" in line)
        assert "'STRASSE'" in twins
        assert "in 'folder'" in twins
        assert read_files(tmp_path / "out") == {}
        assert (await export(drive, tmp_path / "exact")).files == 5


@pytest.mark.parametrize("name", ["metadata.json", STAGING_NAME])
@in_reactor
async def test_a_name_that_the_export_needs_is_told(tmp_path: Path, name: str) -> None:
    async with opened(tmp_path / "drive") as drive:
        await fill(drive, {name: b"mine", f"folder/{name}": b"harmless"})
        with pytest.raises(OperatorError, match="needs for itself"):
            await export(drive, tmp_path / "out")
        if name == "metadata.json":
            await export(drive, tmp_path / "other", metadata_file=tmp_path / "elsewhere.json")
            assert (tmp_path / "other" / name).read_bytes() == b"mine"


@in_reactor
async def test_what_is_in_the_way_is_named(tmp_path: Path) -> None:
    async with opened(tmp_path / "drive") as drive:
        await fill(drive, {"folder/a": b"a", "file": b"file"})
        await export(drive, tmp_path / "out")
        (tmp_path / "out/folder/a").unlink()
        (tmp_path / "out/folder").rmdir()
        (tmp_path / "out/folder").touch()
        (tmp_path / "out/file").unlink()
        (tmp_path / "out/file").mkdir()
        done = await export(drive, tmp_path / "out", resume=True)
    assert done.files == 0
    assert [fault.split(":")[0] for fault in sorted(done.faults)] == [
        f"'{name}' cannot be written" for name in ("file", "folder", "folder/a")
    ]


@in_reactor
async def test_it_is_the_drive_of_one_moment(tmp_path: Path) -> None:
    async with opened(tmp_path / "drive") as drive, opened(tmp_path / "drive") as server:
        await fill(drive)
        async with drive.copies.hold() as snapshot:
            await server.drive.discard(OWNER, parse_path("folder"))
            await server.drive.purge(OWNER, None)
            assert await server.collection.collect() == 0
            await store(server, "young", b"young")
            exporter = Exporter(catalogue=snapshot.catalogue, blobs=drive.blobs, disk=drive.disk)
            target = Target.open(tmp_path / "out", resume=False)
            await exporter.export(target, SILENCE)
            target.close(complete=True)
        assert await server.collection.collect() == 3
    assert read_files(tmp_path / "out") == FILES
