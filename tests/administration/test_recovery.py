"""docs/recovery.md rebuilds a tree with the standard library alone, as it is written there."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudsvc.administration.snapshots import Snapshots
from cloudsvc.core.actors import OWNER
from cloudsvc.drive.names import parse_path
from tests.administration.test_backup import back_up
from tests.support.administration import FILES, damage, fill, find_content, opened, read_files, store
from tests.support.reactors import wait_for

PAGE = Path(__file__).parents[2] / "docs" / "recovery.md"
BLOCK = re.compile(r"^```(\w+) (?:file=)?(\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
OLD = -144_719_999_999_999
"""In 1965."""

LATER = {"plain.txt": b"changed after that night", "came later": b"came later"}


def read_blocks(target: str) -> Iterator[str]:
    for _, name, text in BLOCK.findall(PAGE.read_text("utf-8")):
        if name == target:
            yield text


async def make_drive(directory: Path) -> None:
    async with opened(directory) as drive:
        await store(drive, "plain.txt", b"an older version")
        await fill(drive)
        await store(drive, "folder/.hidden", FILES["folder/.hidden"], modified_at=OLD)
        snapshots = Snapshots(directory=directory / "snapshots", copies=drive.copies, disk=drive.disk, now=drive.now)
        await snapshots.take()
        await fill(drive, LATER)
        for content in (b"first", b"second"):
            await store(drive, "twice/thrown away", content)
            await drive.drive.discard(OWNER, parse_path("twice"))
        await back_up(drive, directory.with_name("backup.tar"))


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where a reader of the page stands: the scripts are written, and ``drive`` is there."""
    wait_for(make_drive(tmp_path / "drive"))
    for name in ("rebuild.py", "list.py"):
        [script] = read_blocks(name)
        (tmp_path / name).write_text(script)
    return tmp_path


def run(place: Path, script: str) -> subprocess.CompletedProcess[str]:
    """With a Python that has nothing but its standard library."""
    script = script.replace("python3", f"{sys.executable} -I -S")
    return subprocess.run(["sh", "-e"], input=script, cwd=place, capture_output=True, text=True, check=False)


def test_the_page_rebuilds_the_tree_from_the_manifest_and_from_the_catalogue(place: Path) -> None:
    for script in read_blocks("run"):
        done = run(place, script)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert read_files(place / "recovered") == FILES
    assert read_files(place / "recovered-from-catalogue") == {**FILES, **LATER}
    dates = {}
    for line in (place / "manifest.jsonl").read_text("utf-8").splitlines():
        entry = json.loads(line)
        dates[entry["path"]] = entry["modified_at"]
        assert (place / "recovered-from-catalogue" / entry["path"]).stat().st_size == entry["size"]
    assert dates.keys() == {**FILES, **LATER}.keys()
    assert dates["folder/.hidden"] == "1965-06-01T00:00:00.000001+00:00"
    for target in ("recovered", "recovered-from-catalogue"):
        assert (place / target / "folder/.hidden").stat().st_mtime_ns == OLD * 1000


def test_a_snapshot_of_the_catalogue_does_as_well(place: Path) -> None:
    _, script = read_blocks("run")
    [snapshot] = (place / "drive/snapshots").glob("catalogue-*.sqlite3")
    assert run(place, script.replace("drive/catalogue.sqlite3", str(snapshot))).returncode == 0
    assert read_files(place / "recovered-from-catalogue") == FILES


def test_an_unpacked_backup_does_as_well(place: Path) -> None:
    _, script = read_blocks("run")
    script = "mkdir unpacked\ntar -xf backup.tar -C unpacked\n" + script.replace("drive", "unpacked")
    done = run(place, script)
    assert (done.returncode, done.stderr) == (0, "")
    assert read_files(place / "recovered-from-catalogue") == {**FILES, **LATER}


def test_what_is_lost_and_what_is_damaged_is_named(place: Path) -> None:
    damage(find_content(place / "drive", FILES["folder/100%.txt"]), "flipped")
    damage(find_content(place / "drive", FILES["folder/.hidden"]), "missing")
    script, _ = read_blocks("run")
    done = run(place, script)
    assert done.returncode == 1
    assert sorted(done.stdout.splitlines()) == [
        "damaged: 'folder/100%.txt'",
        "lost: 'folder/.hidden': No such file or directory",
    ]
    assert read_files(place / "recovered").keys() == FILES.keys() - {"folder/.hidden"}


def test_what_is_no_path_is_refused_and_the_rest_rebuilt(place: Path) -> None:
    [snapshot] = (place / "drive/snapshots").glob("manifest-*.jsonl")
    good = json.loads(snapshot.read_text("utf-8").splitlines()[0])
    paths = ["../outside", "/outside", "a/../../outside", "a//b", "", "nul\0", "/".join(["deep" * 50] * 30)]
    manifest = place / "manifest.jsonl"
    manifest.write_text("".join(json.dumps({**good, "path": path}) + "\n" for path in [*paths, "good"]))
    done = run(place, "python3 rebuild.py manifest.jsonl drive recovered")
    assert (done.returncode, done.stderr) == (1, "")
    assert [line.partition(": ")[0] for line in done.stdout.splitlines()] == ["lost"] * len(paths)
    assert [*read_files(place / "recovered")] == ["good"]
    assert not (place / "outside").exists()


def test_everything_in_the_trash_is_found(place: Path) -> None:
    [trash] = re.findall(r"`(SELECT id, .* WHERE parent = 2)`", PAGE.read_text("utf-8"))
    script = place / "list.py"
    script.write_text(script.read_text("utf-8").replace("SELECT id, name FROM node WHERE parent = 1", trash))
    _, commands = read_blocks("run")
    assert run(place, commands).returncode == 0
    found = read_files(place / "recovered-from-catalogue")
    assert {*found.values()} == {b"first", b"second"}
    assert {path.partition(" ")[2] for path in found} == {"twice/thrown away"}
