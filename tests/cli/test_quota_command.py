"""``cloudsvc quota``, as an administrator types it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cloudsvc.storage.database.sqlite.connections import connect
from cloudsvc.storage.local import CATALOGUE_NAME
from tests.support.command_processes import Shell, run_shell
from tests.support.server import make_home

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    with run_shell(tmp_path_factory.mktemp("shell")) as shell:
        yield shell


@pytest.fixture
def home(tmp_path: Path, shell: Shell) -> Path:
    """One whose drive has two folders with a file of 2 KiB each."""
    home, _ = make_home(tmp_path / "home", applications=["drive"])
    for folder in ("a", "b c"):
        (tmp_path / "tree" / folder).mkdir(parents=True)
        (tmp_path / "tree" / folder / "file").write_bytes(folder.encode().ljust(2048))
    shell.run(home, "import", tmp_path / "tree")
    return home


def test_quotas_are_set_listed_and_ended(shell: Shell, home: Path, tmp_path: Path) -> None:
    assert shell.run(home, "quota") == ""
    assert shell.run(home, "quota", "a", "2.5KiB") == "2.0 KiB of 2.5 KiB stored in 'a'\n"
    assert shell.run(home, "quota", "b c", "1048576") == "2.0 KiB of 1.0 MiB stored in 'b c'\n"
    assert len(shell.run(home, "quota").splitlines()) == 2
    assert shell.run(home, "quota", "a") == "2.0 KiB of 2.5 KiB stored in 'a'\n"
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "new").write_bytes(bytes(1000))
    refused = shell.run(home, "import", tmp_path / "more", "--into", "a", status=1)
    assert "The quota of the folder is used up" in refused
    assert shell.run(home, "quota", "a", "none") == ""
    shell.run(home, "import", tmp_path / "more", "--into", "a")
    assert shell.run(home, "quota") == "2.0 KiB of 1.0 MiB stored in 'b c'\n"


def test_what_is_no_size_or_no_folder_is_told(shell: Shell, home: Path) -> None:
    for size in ("", "much", "1 KB", "1e3", "nan", "5000PiB", "9999999999999999PiB"):
        told = shell.run(home, "quota", "a", size, status=2)
        assert "is no size; write one such as 1048576, 500MiB or 1.5GiB, or none" in told
    reasons = {"nowhere": "There is no folder 'nowhere'.", "a/file": "There is no folder", "": "capacity"}
    for folder, reason in reasons.items():
        assert reason in shell.run(home, "quota", folder, "1GiB", status=1)
    assert shell.run(home, "quota") == ""


def test_a_quota_that_is_counted_wrong_is_told(shell: Shell, home: Path) -> None:
    shell.run(home, "quota", "a", "1MiB")
    assert shell.run(home, "verify").startswith("2 blobs with ")
    with closing(connect(home / "data" / "drive" / CATALOGUE_NAME)) as connection:
        connection.execute("UPDATE account SET stored_bytes = 1")
    told = shell.run(home, "verify", status=1)
    assert "1 bytes count to the quota of 'a', and 2,048 are stored" in told
    assert "end each quota" in told
