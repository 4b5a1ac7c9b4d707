"""The commands that look after the drive, as an administrator types them."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.administration import FILES, damage, find_content, opened, read_files
from tests.support.blobs import let_a_day_pass
from tests.support.command_processes import Shell, open_terminal, run_shell
from tests.support.commands import run as run_here
from tests.support.reactors import in_reactor
from tests.support.server import PATIENCE, environment, make_home, program, wait_until
from tests.support.upstream import make_upstream

pytestmark = pytest.mark.slow

DRIVE = ["drive"]
MANY = {f"folder {number % 7}/{number}": str(number).encode() * (1 + number * 50) for number in range(120)}


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    with run_shell(tmp_path_factory.mktemp("shell")) as shell:
        yield shell


def write_tree(directory: Path, files: dict[str, bytes]) -> Path:
    for path, content in files.items():
        (directory / path).parent.mkdir(parents=True, exist_ok=True)
        (directory / path).write_bytes(content)
    return directory


def drive_of(home: Path) -> Path:
    return home / "data" / "drive"


def count_files(directory: Path) -> int:
    return sum(place.is_file() for place in directory.rglob("*"))


@pytest.fixture
def home(tmp_path: Path) -> Path:
    home, _ = make_home(tmp_path / "home", applications=DRIVE)
    return home


@pytest.fixture(scope="module")
def original(shell: Shell, tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("original")
    home, _ = make_home(directory / "home", applications=DRIVE)
    shell.run(home, "import", write_tree(directory / "tree", MANY))
    return home


@pytest.fixture
def filled(original: Path, tmp_path: Path) -> Path:
    """A home whose drive has many files."""
    return shutil.copytree(original, tmp_path / "filled")


def test_there_and_back_again(shell: Shell, home: Path, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", dict(FILES))
    assert "to store" in shell.run(home, "import", "tree", "--dry-run", cwd=tmp_path)
    assert json.loads(shell.run(home, "stats", "--json"))["files"] == 0
    assert shell.run(home, "import", "tree", cwd=tmp_path).startswith("7 files with ")
    assert shell.run(home, "import", tree).startswith("0 files with 0 B stored, 7 there already")
    assert shell.run(home, "verify").startswith("7 blobs with ")
    shell.run(home, "export", "out", cwd=tmp_path)
    assert read_files(tmp_path / "out") == FILES
    shell.run(home, "backup", "backup.tar", cwd=tmp_path)
    other, _ = make_home(tmp_path / "other", applications=DRIVE)
    assert shell.run(other, "restore", tmp_path / "backup.tar").startswith("7 blobs with ")
    shell.run(other, "export", tmp_path / "again")
    assert read_files(tmp_path / "again") == FILES
    statistics = json.loads(shell.run(other, "stats", "--json", "--largest", "1"))
    assert (statistics["files"], statistics["folders"]) == (7, 3)
    assert statistics["stored_bytes"] == sum(map(len, FILES.values()))
    assert len(statistics["largest"]) == 1
    lines = shell.run(other, "stats").splitlines()
    assert lines[0] == "7 files in 3 folders; 7 versions; 0 in the trash"
    assert re.search(r"'folder/deep/ünï 🎉'$", lines[4])


def start_backup(home: Path, target: int) -> subprocess.Popen[bytes]:
    """``cloudsvc backup -``, which writes to the descriptor ``target``."""
    command = [program("cloudsvc"), "backup", "-", "--home", str(home)]
    return subprocess.Popen(command, stdout=target, stderr=subprocess.PIPE, env=environment(), cwd=home)


def test_a_backup_goes_through_a_pipe(shell: Shell, filled: Path, tmp_path: Path) -> None:
    with start_backup(filled, subprocess.PIPE) as running:
        assert running.stdout is not None
        (tmp_path / "backup.tar").write_bytes(running.stdout.read())
        _, said = running.communicate(timeout=PATIENCE)
    assert (running.returncode, said.decode().startswith("120 blobs with ")) == (0, True)
    other, _ = make_home(tmp_path / "other", applications=DRIVE)
    assert shell.run(other, "restore", tmp_path / "backup.tar").startswith("120 blobs with ")
    shell.run(other, "export", tmp_path / "out")
    assert read_files(tmp_path / "out") == MANY
    assert not (filled / "-").exists()


def test_a_backup_that_nobody_reads_or_somebody_looks_at_is_refused(filled: Path) -> None:
    reading, writing = os.pipe()
    with start_backup(filled, writing) as running:
        os.close(writing)
        os.read(reading, 1)
        os.close(reading)
        _, said = running.communicate(timeout=PATIENCE)
    assert running.returncode == 1
    assert said == b"cloudsvc: standard output cannot be written: Broken pipe; nothing has changed\n"
    ours, theirs = pty.openpty()
    with start_backup(filled, theirs) as running:
        _, said = running.communicate(timeout=PATIENCE)
    os.close(ours)
    os.close(theirs)
    assert running.returncode == 1
    assert said == b"cloudsvc: a backup is nothing to look at; redirect it, or name a file\n"


def test_what_is_in_the_way_of_an_import_is_listed_and_nothing_stored(shell: Shell, home: Path, tmp_path: Path) -> None:
    shell.run(home, "import", write_tree(tmp_path / "old", {"a": b"old", "b": b"same"}))
    tree = write_tree(tmp_path / "new", {"a": b"new", "b": b"same", "c": b"c", "bad\n": b"x"})
    (tree / "link").symlink_to("a")
    refused = shell.run(home, "import", tree, status=1)
    assert refused.count("cloudsvc: ") == 3
    assert "nothing was stored" in refused
    assert "link' is a link" in refused
    assert json.loads(shell.run(home, "stats", "--json"))["files"] == 2
    assert "contradict" in shell.run(home, "import", tree, "--skip", "--replace", status=1)
    skipped = shell.run(home, "import", tree, "--skip", status=1)
    assert "1 file with 1 B stored, 1 there already" in skipped
    assert "another file is at 'a' and stays there" in skipped
    (tree / "bad\n").unlink()
    shell.run(home, "import", tree, "--replace")
    shell.run(home, "export", tmp_path / "out")
    assert read_files(tmp_path / "out") == {"a": b"new", "b": b"same", "c": b"c"}


def test_an_upstream_servers_folder_is_taken_over(shell: Shell, home: Path, tmp_path: Path) -> None:
    server = make_upstream(tmp_path / "server", {"animals/cat.png": (b"cat", ["pet"])})
    assert "is no time zone" in shell.run(home, "import", server, "--timezone", "Nowhere", status=2)
    shell.run(home, "import", server, "--timezone", "Etc/GMT-2", "--into", "old")
    shell.run(home, "export", tmp_path / "out")
    entry = json.loads((tmp_path / "out/metadata.json").read_text())["old/animals/cat.png"]
    assert (entry["tags"], entry["uploaded_at"]) == (["pet"], "2026-01-01T10:00:00.000000Z")
    (server / "metadata.json").write_text("[]")
    assert "--plain" in shell.run(home, "import", server, status=1)


def test_damage_is_named_and_keeps_a_backup_from_being_made(shell: Shell, filled: Path, tmp_path: Path) -> None:
    damage(find_content(drive_of(filled), MANY["folder 3/10"]), "flipped")
    damage(find_content(drive_of(filled), MANY["folder 4/11"]), "missing")
    said = shell.run(filled, "verify", status=1)
    first, second = sorted(line for line in said.splitlines() if "version" in line)
    assert first.startswith("altered: 'folder 3/10', version ")
    assert second.startswith("missing: 'folder 4/11', version ")
    assert "2 blobs not whole" in said
    refused = shell.run(filled, "backup", tmp_path / "backup.tar", status=1)
    assert re.search("'folder (3/10|4/11)' would be in the backup", refused)
    assert not (tmp_path / "backup.tar").exists()
    shell.run(filled, "export", tmp_path / "out", status=1)
    assert len(read_files(tmp_path / "out")) == len(MANY) - 2


@in_reactor
async def test_they_run_beside_a_server_and_restore_is_refused(shell: Shell, filled: Path, tmp_path: Path) -> None:
    async with opened(drive_of(filled)):
        assert "freed 0 B" in shell.run(filled, "gc")
        shell.run(filled, "verify")
        shell.run(filled, "backup", tmp_path / "backup.tar")
        assert "or say --replace" in shell.run(filled, "backup", tmp_path / "backup.tar", status=1)
        shell.run(filled, "export", tmp_path / "out")
        refused = shell.run(filled, "restore", tmp_path / "backup.tar", "--replace", status=1)
        assert "is in use; stop the server" in refused
    assert "--replace keeps them aside" in shell.run(filled, "restore", tmp_path / "backup.tar", status=1)
    assert "what was there before is in" in shell.run(filled, "restore", tmp_path / "backup.tar", "--replace")


def test_an_export_that_was_killed_is_resumed(shell: Shell, filled: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    shell.kill_once(lambda: count_files(out) > 8, filled, "export", out)
    assert all(MANY[path] == content for path, content in read_files(out).items() if not path.startswith(".cloudsvc"))
    assert "--resume" in shell.run(filled, "export", out, status=1)
    shell.run(filled, "export", out, "--resume")
    assert read_files(out) == MANY


def test_an_import_that_was_killed_is_repeated(shell: Shell, home: Path, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", MANY)
    shell.kill_once(lambda: count_files(drive_of(home) / "blobs") > 8, home, "import", tree)
    again = re.match(r"(\d+) files .* (\d+) there already", shell.run(home, "import", tree))
    assert again is not None
    assert int(again[1]) + int(again[2]) == len(MANY)
    assert int(again[2]) > 0
    let_a_day_pass(drive_of(home) / "blobs")
    shell.run(home, "gc")
    assert count_files(drive_of(home) / "blobs") == len(MANY)
    shell.run(home, "export", tmp_path / "out")
    assert read_files(tmp_path / "out") == MANY


def test_a_backup_or_a_restoration_that_was_killed_is_repeated(
    shell: Shell, filled: Path, home: Path, tmp_path: Path
) -> None:
    file = tmp_path / "backup.tar"
    part = tmp_path / "backup.tar.part"
    shell.kill_once(lambda: part.exists() and part.stat().st_size > 150_000, filled, "backup", file)
    assert not file.exists()
    shell.run(filled, "backup", file)
    assert not part.exists()
    assert [*(drive_of(filled) / "moments").iterdir()] == []

    shell.run(home, "import", write_tree(tmp_path / "tree", {"before": b"before"}))
    shell.kill_once(lambda: count_files(drive_of(home) / "incoming") > 8, home, "restore", file, "--replace")
    shell.run(home, "export", tmp_path / "unchanged")
    assert read_files(tmp_path / "unchanged") == {"before": b"before"}
    shell.run(home, "restore", file, "--replace")
    assert count_files(drive_of(home) / "incoming") <= 1
    shell.run(home, "export", tmp_path / "out")
    assert read_files(tmp_path / "out") == MANY


def test_on_a_terminal_progress_is_shown_and_an_interrupt_ends_it_cleanly(
    shell: Shell, filled: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    with open_terminal() as terminal:
        running = shell.start(filled, "verify", terminal=terminal)
        wait_until(lambda: terminal.read() is not None and running.has_ended(), lambda: "it does not end")
        assert running.end()[0] == 0
        assert re.search(r"verifying .* 100%", terminal.shown)

        running = shell.start(filled, "export", out, terminal=terminal)
        wait_until(lambda: count_files(out) > 8 or running.has_ended(), lambda: "it does not begin")
        running.send_signal(signal.SIGINT)
        assert running.end()[0] == 1
        assert terminal.read().rstrip().endswith("Aborted!")
    assert [*(drive_of(filled) / "moments").iterdir()] == []
    shell.run(filled, "export", out, "--resume")
    assert read_files(out) == MANY


def test_why_the_storage_fails_is_told(shell: Shell, home: Path) -> None:
    shell.run(home, "gc")
    catalogue = drive_of(home) / "catalogue.sqlite3"
    catalogue.write_bytes(catalogue.read_bytes()[:8192] + bytes(100_000))
    said = shell.run(home, "verify", status=1)
    assert "malformed" in said
    catalogue.write_bytes(b"nothing of the kind" * 1000)
    assert "restore a backup, or see docs/recovery.md" in shell.run(home, "verify", status=1)


@pytest.mark.parametrize("arguments", [("stats",), ("gc",), ("restore", "missing.tar")])
def test_a_home_without_a_drive_is_told(shell: Shell, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    home, _ = make_home(tmp_path / "home", applications=[])
    assert "add it to config.applications" in shell.run(home, *arguments, status=1)
    assert not drive_of(home).exists()


@pytest.mark.parametrize("is_there", [True, False])
def test_the_drive_of_another_user_is_left_alone(shell: Shell, home: Path, *, is_there: bool) -> None:
    if os.geteuid():
        pytest.skip("only root can make such a thing")
    place = drive_of(home) if is_there else drive_of(home).parent
    place.mkdir(parents=True, exist_ok=True)
    os.chown(place, 12345, 12345)
    assert f"{place} belongs to 12345" in shell.run(home, "gc", status=1)
    assert [*place.iterdir()] == []


@pytest.mark.parametrize(("arguments", "heavy"), [("--help", "database"), ("health --help", "drive")])
def test_commands_that_need_no_drive_load_none(arguments: str, heavy: str) -> None:
    script = f"""
import atexit, sys
from cloudsvc.cli.main import main

heavy = {{"sqlalchemy", "alembic", "klein", "twisted.internet.reactor", "cloudsvc.storage.catalogue"}}
if {heavy!r} == "drive":
    heavy |= {{"cloudsvc.administration", "cloudsvc.drive"}}
atexit.register(lambda: print("loaded:", sorted(heavy & {{*sys.modules}})))
main({arguments.split()!r})
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment())
    assert done.stdout.endswith("loaded: []\n")


@pytest.mark.parametrize("name", ["verify", "gc", "export", "import", "backup", "restore", "stats", "quota"])
def test_each_says_what_it_does(name: str) -> None:
    assert f"{name}  " in run_here("--help").stdout
    assert "Usage: " in run_here(name, "--help").stdout
