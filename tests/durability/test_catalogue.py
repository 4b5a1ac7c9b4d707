"""What could take from the catalogue what was committed, or bring back what was not."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from cloudsvc.storage.local import CATALOGUE_NAME
from tests.support.drives import open_drive
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
