"""``cloudsvc migrate`` as it is typed: what is wrong is one line, and nothing is touched."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudsvc.core.secrets import Secret
from cloudsvc.drive.freezing import THAWED
from tests.support.administration import FILES, fill, load_all, opened
from tests.support.blobs import find_files
from tests.support.command_processes import Shell, run_shell
from tests.support.commands import run as run_here
from tests.support.drive_servers import DRIVE
from tests.support.postgresql import find_cluster
from tests.support.reactors import in_reactor
from tests.support.server import make_home

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    with run_shell(tmp_path_factory.mktemp("shell")) as shell:
        yield shell


def make(directory: Path, url: Secret | None = None) -> Path:
    """A home; where there is a URL, its ``.env`` says so."""
    home, _ = make_home(directory, applications=[DRIVE])
    if url is not None:
        with (home / ".env").open("a") as file:
            file.write(f"CLOUDSVC__DATABASE__URL={url.reveal()}\n")
    return home


def refuse(shell: Shell, home: Path, *arguments: str | Path) -> str:
    """The one line with which it is refused."""
    [line] = shell.run(home, "migrate", *arguments, status=1).splitlines()
    return line


@in_reactor
async def test_to_another_home_and_back_again(shell: Shell, tmp_path: Path) -> None:
    home = make(tmp_path / "home")
    other = make(tmp_path / "other", find_cluster().make_url(find_cluster().make_database()))
    async with opened(home / "data" / "drive") as drive:
        await fill(drive)
    said = shell.run(home, "migrate", "--to", other)
    assert "7 files: 7 blobs" in said
    assert f"takes no changes any more; start the server at {other}" in said
    assert "moved already" in refuse(shell, home, "--to", other)
    assert json.loads(shell.run(other, "stats", "--json"))["files"] == len(FILES)
    # What is at the former home is kept aside.
    assert "before-" in shell.run(other, "migrate", "--to", home)
    async with opened(home / "data" / "drive") as drive:
        assert await load_all(drive) == FILES
    assert "takes changes again" in shell.run(other, "migrate", "--reopen")
    assert "all along" in shell.run(other, "migrate", "--reopen")


@in_reactor
async def test_what_is_wrong_is_said_and_touches_nothing(shell: Shell, tmp_path: Path) -> None:
    home = make(tmp_path / "home")
    async with opened(home / "data" / "drive") as drive:
        await fill(drive, {"a": b"a"})
    before = find_files(home)
    assert "missing: make the home with `cloudsvc init" in refuse(shell, home, "--to", tmp_path / "nowhere")
    assert "name another home to move to" in refuse(shell, home, "--to", home)
    cluster = find_cluster()
    wrong = make(tmp_path / "wrong", cluster.make_url("test_that_is_not_there"))
    assert "there is no connection to the database" in refuse(shell, home, "--to", wrong)
    foreign = cluster.make_database()
    cluster.ask("CREATE TABLE accounts (id int)", foreign)
    assert "has tables of something else" in refuse(
        shell, home, "--to", make(tmp_path / "foreign", cluster.make_url(foreign))
    )
    newer = make(tmp_path / "newer")
    async with opened(newer / "data" / "drive"):
        # Somebody works with it.
        assert "is in use" in refuse(shell, home, "--to", newer)
    assert find_files(home) == before
    async with opened(home / "data" / "drive") as drive:
        assert (await drive.catalogue.find_standing()).freeze == THAWED
        assert await load_all(drive) == {"a": b"a"}


def test_one_database_is_no_way_to_move(shell: Shell, tmp_path: Path) -> None:
    url = find_cluster().make_url(find_cluster().make_database())
    home, other = make(tmp_path / "home", url), make(tmp_path / "other", Secret(f"{url.reveal()}?connect_timeout=5"))
    assert "both homes have the same database" in refuse(shell, home, "--to", other)


def test_one_has_to_say_what_is_wanted(tmp_path: Path) -> None:
    for arguments in ((), ("--reopen", "--to", "somewhere")):
        done = run_here("migrate", "--home", tmp_path, *arguments)
        assert done.exit_code == 1
        assert "say either --to DIR" in done.stderr
