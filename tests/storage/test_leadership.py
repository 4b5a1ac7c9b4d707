"""Leadership by the lock of a file: one at a time, whatever process it is, and nothing is left of who has gone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from cloudsvc.core.errors import CloudError
from cloudsvc.storage.leadership import FileLeadership
from tests.support.coroutines import finish
from tests.support.inline_threads import Inline

OTHER = """
import fcntl, sys
file = open(sys.argv[1], "a")
fcntl.flock(file, fcntl.LOCK_EX)
print("leads", flush=True)
sys.stdin.read()
"""


def claim(file: Path) -> FileLeadership:
    return FileLeadership(file=file, threads=Inline())


def test_one_at_a_time_until_it_resigns(tmp_path: Path) -> None:
    first, second = claim(tmp_path / "leader"), claim(tmp_path / "leader")
    assert finish(first.campaign())
    assert finish(first.campaign()), "it goes on with it"
    assert not finish(second.campaign())
    finish(first.resign())
    finish(first.resign())
    assert finish(second.campaign())
    assert (tmp_path / "leader").stat().st_mode & 0o777 == 0o600
    finish(second.resign())


def test_a_process_that_is_killed_leads_no_more(tmp_path: Path) -> None:
    file = tmp_path / "leader"
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"leads\n"
        mine = claim(file)
        assert not finish(mine.campaign())
        other.kill()
        other.wait()
        assert finish(mine.campaign())
        finish(mine.resign())


@pytest.mark.parametrize("obstacle", ["link", "directory"])
def test_what_is_no_file_of_ours_is_a_failure_of_the_storage(tmp_path: Path, obstacle: str) -> None:
    file = tmp_path / "leader"
    if obstacle == "link":
        file.symlink_to(tmp_path / "elsewhere")
    else:
        file.mkdir()
    with pytest.raises(CloudError):
        finish(claim(file).campaign())
    assert not (tmp_path / "elsewhere").exists()
