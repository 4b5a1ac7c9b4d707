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
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.administration.drives import FILES, damage, find_content, opened, read_files
from tests.cli.commands import run as run_here
from tests.support.reactors import in_reactor
from tests.support.server import PATIENCE, environment, make_home, program, wait_until
from tests.support.upstream import make_upstream

MANY = {f"folder {number % 7}/{number}": str(number).encode() * (1 + number * 20) for number in range(250)}


def call(home: Path, *arguments: str | Path) -> list[str]:
    return [program("cloudsvc"), *map(str, arguments), "--home", str(home)]


def run(
    home: Path, *arguments: str | Path, status: int = 0, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """What a command says; ``status`` is the exit status that it must have."""
    done = subprocess.run(
        call(home, *arguments),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
        env=environment(),
        cwd=cwd,
    )
    assert done.returncode == status, done.stderr
    assert "Traceback" not in done.stderr
    return done


def kill_once(happened: Callable[[], bool], home: Path, *arguments: str | Path) -> None:
    """Kill a command in the middle of its work."""
    with subprocess.Popen(call(home, *arguments), stderr=subprocess.PIPE, text=True, env=environment()) as process:
        try:
            wait_until(lambda: happened() or process.poll() is not None, lambda: "it does not begin")
            assert process.poll() is None, "it ended before it could be killed"
        finally:
            process.kill()


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
    home, _ = make_home(tmp_path / "home")
    return home


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("original")
    home, _ = make_home(directory / "home")
    run(home, "import", write_tree(directory / "tree", MANY))
    return home


@pytest.fixture
def filled(original: Path, tmp_path: Path) -> Path:
    """A home whose drive has many files."""
    return shutil.copytree(original, tmp_path / "filled")


def test_there_and_back_again(home: Path, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", dict(FILES))
    assert "to store" in run(home, "import", "tree", "--dry-run", cwd=tmp_path).stderr
    assert json.loads(run(home, "stats", "--json").stdout)["files"] == 0
    assert run(home, "import", "tree", cwd=tmp_path).stderr.startswith("7 files with ")
    assert run(home, "import", tree).stderr.startswith("0 files with 0 B stored, 7 there already")
    assert run(home, "verify").stderr.startswith("7 blobs with ")
    run(home, "export", "out", cwd=tmp_path)
    assert read_files(tmp_path / "out") == FILES
    run(home, "backup", "backup.tar", cwd=tmp_path)
    other, _ = make_home(tmp_path / "other")
    assert run(other, "restore", tmp_path / "backup.tar").stderr.startswith("7 blobs with ")
    run(other, "export", tmp_path / "again")
    assert read_files(tmp_path / "again") == FILES
    statistics = json.loads(run(other, "stats", "--json", "--largest", "1").stdout)
    assert (statistics["files"], statistics["folders"]) == (7, 3)
    assert statistics["stored_bytes"] == sum(map(len, FILES.values()))
    assert len(statistics["largest"]) == 1
    lines = run(other, "stats").stdout.splitlines()
    assert lines[0] == "7 files in 3 folders; 7 versions; 0 in the trash"
    assert re.search(r"'folder/deep/ünï 🎉'$", lines[4])


def test_what_is_in_the_way_of_an_import_is_listed_and_nothing_stored(home: Path, tmp_path: Path) -> None:
    run(home, "import", write_tree(tmp_path / "old", {"a": b"old", "b": b"same"}))
    tree = write_tree(tmp_path / "new", {"a": b"new", "b": b"same", "c": b"c", "bad\n": b"x"})
    (tree / "link").symlink_to("a")
    refused = run(home, "import", tree, status=1)
    assert refused.stderr.count("cloudsvc: ") == 3
    assert "nothing was stored" in refused.stderr
    assert "link' is a link" in refused.stderr
    assert json.loads(run(home, "stats", "--json").stdout)["files"] == 2
    assert "contradict" in run(home, "import", tree, "--skip", "--replace", status=1).stderr
    skipped = run(home, "import", tree, "--skip", status=1)
    assert "1 file with 1 B stored, 1 there already" in skipped.stderr
    assert "another file is at 'a' and stays there" in skipped.stderr
    (tree / "bad\n").unlink()
    run(home, "import", tree, "--replace")
    run(home, "export", tmp_path / "out")
    assert read_files(tmp_path / "out") == {"a": b"new", "b": b"same", "c": b"c"}


def test_an_upstream_servers_folder_is_taken_over(home: Path, tmp_path: Path) -> None:
    server = make_upstream(tmp_path / "server", {"animals/cat.png": (b"cat", ["pet"])})
    assert "is no time zone" in run(home, "import", server, "--timezone", "Nowhere", status=2).stderr
    run(home, "import", server, "--timezone", "Etc/GMT-2", "--into", "old")
    run(home, "export", tmp_path / "out")
    entry = json.loads((tmp_path / "out/metadata.json").read_text())["old/animals/cat.png"]
    assert (entry["tags"], entry["uploaded_at"]) == (["pet"], "2026-01-01T10:00:00.000000Z")
    (server / "metadata.json").write_text("[]")
    assert "--plain" in run(home, "import", server, status=1).stderr


def test_damage_is_named_and_keeps_a_backup_from_being_made(filled: Path, tmp_path: Path) -> None:
    damage(find_content(drive_of(filled), MANY["folder 3/10"]), "flipped")
    damage(find_content(drive_of(filled), MANY["folder 4/11"]), "missing")
    done = run(filled, "verify", status=1)
    first, second = sorted(done.stdout.splitlines())
    assert first.startswith("damaged: 'folder 3/10', version ")
    assert second.startswith("missing: 'folder 4/11', version ")
    assert "2 blobs not whole" in done.stderr
    assert "cloudsvc verify" in run(filled, "backup", tmp_path / "backup.tar", status=1).stderr
    assert not (tmp_path / "backup.tar").exists()
    run(filled, "export", tmp_path / "out", status=1)
    assert len(read_files(tmp_path / "out")) == len(MANY) - 2


@in_reactor
async def test_they_run_beside_a_server_and_restore_is_refused(filled: Path, tmp_path: Path) -> None:
    async with opened(drive_of(filled)):
        assert "freed 0 B" in run(filled, "gc").stdout
        run(filled, "verify")
        run(filled, "backup", tmp_path / "backup.tar")
        run(filled, "export", tmp_path / "out")
        refused = run(filled, "restore", tmp_path / "backup.tar", "--replace", status=1)
        assert "is in use; stop the server" in refused.stderr
    assert "--replace keeps them aside" in run(filled, "restore", tmp_path / "backup.tar", status=1).stderr
    assert "what was there before is in" in run(filled, "restore", tmp_path / "backup.tar", "--replace").stderr


def test_an_export_that_was_killed_is_resumed(filled: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    kill_once(lambda: count_files(out) > 20, filled, "export", out)
    assert all(MANY[path] == content for path, content in read_files(out).items() if not path.startswith(".cloudsvc"))
    assert "--resume" in run(filled, "export", out, status=1).stderr
    run(filled, "export", out, "--resume")
    assert read_files(out) == MANY


def test_an_import_that_was_killed_is_repeated(home: Path, tmp_path: Path) -> None:
    tree = write_tree(tmp_path / "tree", MANY)
    kill_once(lambda: count_files(drive_of(home) / "blobs") > 20, home, "import", tree)
    again = re.match(r"(\d+) files .* (\d+) there already", run(home, "import", tree).stderr)
    assert again is not None
    assert int(again[1]) + int(again[2]) == len(MANY)
    assert int(again[2]) > 0
    run(home, "gc")
    assert count_files(drive_of(home) / "blobs") == len(MANY)
    run(home, "export", tmp_path / "out")
    assert read_files(tmp_path / "out") == MANY


def test_a_backup_that_was_killed_is_repeated_and_so_is_a_restoration(filled: Path, home: Path, tmp_path: Path) -> None:
    file = tmp_path / "backup.tar"
    part = tmp_path / "backup.tar.part"
    kill_once(lambda: part.exists() and part.stat().st_size > 300_000, filled, "backup", file)
    assert not file.exists()
    run(filled, "backup", file)
    assert not part.exists()
    assert [*(drive_of(filled) / "moments").iterdir()] == []

    run(home, "import", write_tree(tmp_path / "tree", {"before": b"before"}))
    kill_once(lambda: count_files(drive_of(home) / "incoming") > 20, home, "restore", file, "--replace")
    run(home, "export", tmp_path / "unchanged")
    assert read_files(tmp_path / "unchanged") == {"before": b"before"}
    run(home, "restore", file, "--replace")
    assert count_files(drive_of(home) / "incoming") <= 1
    run(home, "export", tmp_path / "out")
    assert read_files(tmp_path / "out") == MANY


def test_on_a_terminal_progress_is_shown_and_an_interrupt_ends_it_cleanly(filled: Path, tmp_path: Path) -> None:
    terminal, end = pty.openpty()
    try:
        with subprocess.Popen(call(filled, "verify"), stderr=end, env=environment() | {"TERM": "xterm"}) as process:
            assert process.wait(PATIENCE) == 0
        shown = os.read(terminal, 65536).decode()
        assert "verifying" in shown
        assert "100%" in shown
        out = tmp_path / "out"
        with subprocess.Popen(call(filled, "export", out), stderr=end, env=environment()) as process:
            wait_until(lambda: count_files(out) > 20 or process.poll() is not None, lambda: "it does not begin")
            process.send_signal(signal.SIGINT)
            assert process.wait(PATIENCE) == 1
        assert b"Aborted!" in os.read(terminal, 65536)
    finally:
        os.close(terminal)
        os.close(end)
    assert [*(drive_of(filled) / "moments").iterdir()] == []
    run(filled, "export", out, "--resume")
    assert read_files(out) == MANY


@pytest.mark.parametrize("arguments", [("stats",), ("gc",), ("restore", "missing.tar")])
def test_a_home_without_a_drive_is_told(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    home, _ = make_home(tmp_path / "home", applications=[])
    assert "add it to config.applications" in run(home, *arguments, status=1).stderr
    assert not drive_of(home).exists()


def test_the_drive_of_another_user_is_left_alone(home: Path) -> None:
    if os.geteuid():
        pytest.skip("only root can make such a thing")
    drive_of(home).mkdir(parents=True)
    os.chown(drive_of(home), 12345, 12345)
    assert "belongs to 12345" in run(home, "gc", status=1).stderr
    assert [*drive_of(home).iterdir()] == []


def test_commands_that_need_no_drive_load_no_database() -> None:
    heavy = {"sqlalchemy", "alembic", "klein", "twisted.internet.reactor"}
    script = f"import sys; from cloudsvc.cli.main import main; print(sorted({heavy} & {{*sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True, env=environment())
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("name", ["verify", "gc", "export", "import", "backup", "restore", "stats"])
def test_each_says_what_it_does(name: str) -> None:
    assert f"{name}  " in run_here("--help").stdout
    assert "Usage: " in run_here(name, "--help").stdout
