"""Durability of the catalogue: nothing takes what was committed, or brings back what was not."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from twisted.logger import capturedLogs, formatEvent

from cloudsvc.storage.local import CATALOGUE_NAME, CatalogueMissing
from tests.support.durability.inspection import find_orphans, find_problems
from tests.support.durability.strace import tracing
from tests.support.opened_drives import open_drive, refusal
from tests.support.reactors import in_reactor
from tests.support.server import PATIENCE

LOOK = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1])
print(*connection.execute("SELECT count(*) FROM version").fetchone())
connection.close()
"""


def look(file: Path) -> str:
    """What another program finds."""
    looking = [sys.executable, "-c", LOOK, str(file)]
    return subprocess.run(looking, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout


@in_reactor
async def test_whoever_looks_from_outside_clears_nothing_away(tmp_path: Path) -> None:
    """SQLite's locks tell him that he is not alone, however many connections have been made meanwhile."""
    log = tmp_path / f"{CATALOGUE_NAME}-wal"
    async with open_drive(tmp_path) as opened:
        for number in range(2):
            await opened.store(str(number), b"bytes")
            assert await opened.load(str(number)) == b"bytes"
        before = log.stat()
        assert look(tmp_path / CATALOGUE_NAME) == "2\n"
        assert (log.stat().st_ino, log.stat().st_size) == (before.st_ino, before.st_size)


@pytest.mark.parametrize("times", ["when=1", "when=1+"], ids=["once", "for a while"])
@in_reactor
async def test_a_commit_that_failed_does_not_come_true_after_a_crash(tmp_path: Path, times: str) -> None:
    """When its fsync fails, all of it is in the log already; meanwhile its bytes may have been cleared away."""
    drive, crashed = tmp_path / "drive", tmp_path / "crashed"
    async with open_drive(drive) as opened:
        await opened.store("a", b"old")
        with tracing(os.getpid(), tmp_path / "report", "fdatasync", faults=[f"fdatasync:error=EIO:{times}"]):
            assert await refusal(opened.store("a", b"new")) == "storage_failed"
        orphans = [*find_orphans(drive)]
        assert len(orphans) == (times == "when=1+"), orphans
        assert await opened.collection.quarantine_orphans() == len(orphans)
        assert [*find_orphans(drive)] == []
        # What a crash would leave now.
        shutil.copytree(drive, crashed)
        await opened.store("a", b"later")
    async with open_drive(crashed) as opened:
        assert [*find_problems(crashed)] == []
        assert await opened.load("a") == b"old"
    async with open_drive(drive) as opened:
        assert await opened.load("a") == b"later"


@pytest.mark.parametrize("how", ["missing", "empty"])
@in_reactor
async def test_without_its_catalogue_a_drive_is_not_opened(tmp_path: Path, how: str) -> None:
    """A new one would know none of the blobs."""
    catalogue = tmp_path / CATALOGUE_NAME
    async with open_drive(tmp_path) as opened:
        await opened.store("a", b"bytes")
    kept = catalogue.read_bytes()
    catalogue.unlink()
    if how == "empty":
        catalogue.touch()
    with pytest.raises(CatalogueMissing, match="is missing or empty"):
        async with open_drive(tmp_path):
            pass
    assert catalogue.exists() == (how == "empty")
    catalogue.write_bytes(kept)
    async with open_drive(tmp_path) as opened:
        assert await opened.load("a") == b"bytes"


@in_reactor
async def test_an_older_catalogue_costs_nothing_for_good(tmp_path: Path) -> None:
    catalogue, older, newer = tmp_path / CATALOGUE_NAME, tmp_path / "older", tmp_path / "newer"
    async with open_drive(tmp_path) as opened:
        await opened.store("a", b"of both")
    catalogue.rename(older)
    shutil.copy(older, catalogue)
    async with open_drive(tmp_path) as opened:
        await opened.store("b", b"of the newer one")
    catalogue.rename(newer)
    older.rename(catalogue)
    async with open_drive(tmp_path) as opened:
        with capturedLogs() as events:
            assert await opened.collection.quarantine_orphans() == 1
        assert ["put 1 orphaned blobs in quarantine" in formatEvent(event) for event in events] == [True]
        assert await opened.load("a") == b"of both"
        assert await opened.collection.quarantine_orphans() == 0
    newer.rename(catalogue)
    async with open_drive(tmp_path) as opened:
        assert await opened.collection.quarantine_orphans() == 0
        assert [await opened.load(name) for name in "ab"] == [b"of both", b"of the newer one"]


@in_reactor
async def test_a_new_drive_stays_where_it_was_made(tmp_path: Path) -> None:
    report, drive = tmp_path / "report", tmp_path / "data" / "drive"
    with tracing(os.getpid(), report, "fsync"):
        async with open_drive(drive):
            pass
    synced = [folder for folder in (tmp_path, drive.parent, drive) if f"<{folder}>) = 0\n" in report.read_text()]
    assert synced == [tmp_path, drive.parent, drive]
