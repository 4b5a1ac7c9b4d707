"""Whoever moves a drive is killed, at each step: nothing is lost, and the next attempt completes it."""

from __future__ import annotations

import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest

from cloudsvc.administration.migration import Migrated
from cloudsvc.administration.moving_house import migrate_drive, reopen_drive
from cloudsvc.administration.progress import SILENCE
from cloudsvc.core.errors import OperatorError
from cloudsvc.storage.local import CATALOGUE_NAME
from tests.support.administration import fill, load_all, open_tools, opened, store
from tests.support.furnished_drives import describe, furnish
from tests.support.migration_victim import live_there
from tests.support.reactors import in_reactor, wait_for
from tests.support.server import PATIENCE

MANY: Final = 100
"""Files, so that their blobs are noted in several steps."""

KILLS: Final = {
    "before blobs are noted": ("note", "before", 2),
    "after blobs were noted": ("note", "after", 2),
    "frozen": ("freeze", "after", 1),
    "about to install": ("intend", "after", 1),
    "installed": ("install", "after", 1),
}
"""The drive stays where it was."""

LATE_KILLS: Final = {"left": ("leave", "after", 1), "about to clear up": ("remove", "before", 1)}
"""The drive has moved."""


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drive with many files, closed."""
    directory = tmp_path_factory.mktemp("furnished") / "drive"

    async def make() -> None:
        async with opened(directory) as drive:
            await furnish(drive)
            await fill(drive, {f"many/{number}": b"content %d" % number for number in range(MANY)})

    wait_for(make())
    return directory


def kill(source: Path, target: Path, point: tuple[str, str, int]) -> None:
    command = [sys.executable, "-m", "tests.support.migration_victim", str(source), str(target), *map(str, point)]
    done = subprocess.run(
        command, cwd=Path(__file__).parents[2], capture_output=True, text=True, timeout=5 * PATIENCE, check=False
    )
    assert done.returncode == -signal.SIGKILL, done


def let_time_pass(directory: Path) -> None:
    """End what a killed program holds for a while."""
    with closing(sqlite3.connect(directory / CATALOGUE_NAME)) as connection, connection:
        connection.execute("DELETE FROM pin")
        connection.execute("UPDATE state SET frozen_until = 0")


async def migrate(source: Path, target: Path) -> Migrated:
    async with open_tools() as tools:
        return await migrate_drive(live_there(source), live_there(target), tools, SILENCE)


@pytest.mark.parametrize("point", KILLS.values(), ids=KILLS)
@in_reactor
async def test_the_drive_goes_on_and_moves_with_the_next_attempt(
    furnished: Path, tmp_path: Path, point: tuple[str, str, int]
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    shutil.copytree(furnished, source)
    kill(source, target, point)
    async with opened(source) as drive:
        standing = await drive.catalogue.find_standing()
        assert not standing.has_moved
        # Nobody waits for that.
        assert standing.freeze.until <= drive.now() + 120_000_000
    async with opened(target) as drive:
        # At no time do both take changes.
        assert (await drive.catalogue.find_standing()).is_arriving == (point[0] == "install")
    let_time_pass(source)
    async with opened(source) as drive:
        await store(drive, "between", b"stored after the kill")
        before = await describe(drive)
    migrated = await migrate(source, target)
    # What was noted is not copied again.
    assert migrated.copied.blobs < migrated.stock.blobs
    async with opened(target) as drive:
        assert await describe(drive) == before
        assert await drive.collection.quarantine_orphans() == 0
    assert not (target / "migration.sqlite3").exists()


@pytest.mark.parametrize("point", LATE_KILLS.values(), ids=LATE_KILLS)
@in_reactor
async def test_what_has_moved_is_whole(furnished: Path, tmp_path: Path, point: tuple[str, str, int]) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    shutil.copytree(furnished, source)
    async with opened(source) as drive:
        before = await describe(drive)
    kill(source, target, point)
    async with opened(target) as drive:
        assert (await drive.catalogue.find_standing()).is_arriving == (point[0] == "leave")
    assert (await migrate(source, target)).frozen_seconds is None
    assert not (target / "migration.sqlite3").exists()
    with pytest.raises(OperatorError, match="has moved already"):
        await migrate(source, target)
    async with opened(target) as drive:
        assert await describe(drive) == before
        await store(drive, "newer", b"newer")
    # Somebody goes back to the former place, which holds what it held.
    async with open_tools() as tools:
        assert await reopen_drive(live_there(source), tools)
        assert not await reopen_drive(live_there(source), tools)
    let_time_pass(source)
    async with opened(source) as drive:
        assert await describe(drive) == before
        await store(drive, "taken", b"taken")
        assert (await load_all(drive))["taken"] == b"taken"
    # Both hold something now that the other has not.
    with pytest.raises(OperatorError, match="holds files"):
        await migrate(source, target)
