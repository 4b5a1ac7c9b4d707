"""Reasons why a drive cannot be opened, reported as they are: only damage is a reason to restore."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from cloudsvc.core.errors import OperatorError
from cloudsvc.storage.catalogue import migrate
from cloudsvc.storage.permissions import explain
from tests.support.administration import opened, store
from tests.support.reactors import in_reactor
from tests.support.required_tools import require_tool

OPEN = """
import sys
from pathlib import Path
from twisted.internet.defer import ensureDeferred
from twisted.internet.task import react
from cloudsvc.storage.opening import open_storage
from cloudsvc.storage.resources import open_resources
from cloudsvc.core.errors import OperatorError

async def main(reactor):
    with open_resources(reactor) as resources:
        try:
            storage = await open_storage(Path(sys.argv[1]), resources)
        except OperatorError as fault:
            print(fault)
        else:
            await storage.close()

react(lambda reactor: ensureDeferred(main(reactor)))
"""


def open_without_privileges(directory: Path) -> list[str]:
    """What somebody is told whom the modes of files concern, as they do not concern root."""
    command = [sys.executable, "-c", OPEN, str(directory)]
    if os.geteuid() == 0:
        command = [require_tool("setpriv", "util-linux"), "--bounding-set", "-dac_override,-dac_read_search", *command]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()


@pytest.mark.slow
def test_what_may_not_be_read_is_no_reason_to_restore(tmp_path: Path) -> None:
    catalogue = tmp_path / "catalogue.sqlite3"
    migrate(catalogue)
    catalogue.chmod(0)
    [line] = open_without_privileges(tmp_path)
    assert line.startswith(f"{catalogue} belongs to ")
    assert "may not read and write it: run `chown -R " in line
    assert "restore" not in line
    catalogue.chmod(0o400)
    [line] = open_without_privileges(tmp_path)
    assert "nothing is wrong with the drive itself" in line
    for name in ("lock", "catalogue.sqlite3"):
        (tmp_path / name).touch()
        (tmp_path / name).chmod(0o400)
    assert len(open_without_privileges(tmp_path)) == 2
    for name in ("lock", "catalogue.sqlite3"):
        (tmp_path / name).chmod(0o600)
    assert open_without_privileges(tmp_path) == []


@in_reactor
async def test_damage_is_a_reason_to_restore(tmp_path: Path) -> None:
    async with opened(tmp_path) as drive:
        await store(drive, "a", b"content")
    (tmp_path / "catalogue.sqlite3").write_bytes(b"something else entirely\n" * 1000)
    with pytest.raises(OperatorError, match="not a database; restore a backup"):
        async with opened(tmp_path):
            pytest.fail("it was opened")


@in_reactor
async def test_a_folder_in_which_a_file_lies_is_named(tmp_path: Path) -> None:
    async with opened(tmp_path) as drive:
        await store(drive, "a", b"content")
    (tmp_path / "suspended").rmdir()
    (tmp_path / "suspended").write_bytes(b"")
    with pytest.raises(OperatorError, match=f"{tmp_path}/suspended cannot be opened: File exists"):
        async with opened(tmp_path):
            pytest.fail("it was opened")


@pytest.mark.parametrize(
    ("code", "advice"),
    [
        (sqlite3.SQLITE_FULL, "make room"),
        (sqlite3.SQLITE_BUSY, "try again"),
        (sqlite3.SQLITE_IOERR_READ, "nothing was changed"),
        (sqlite3.SQLITE_CORRUPT_INDEX, "restore a backup"),
    ],
)
def test_each_trouble_has_its_advice(tmp_path: Path, code: int, advice: str) -> None:
    problem = sqlite3.OperationalError("as the test wants it")
    problem.sqlite_errorcode = code
    [line] = explain(tmp_path, problem)
    assert f"as the test wants it; {advice}" in line or advice in line
    assert ("restore" in line) == (advice == "restore a backup")
