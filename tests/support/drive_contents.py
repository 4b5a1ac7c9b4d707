"""Contents of a drive's directory, to see that they stay as they are."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

State = tuple[tuple[str, ...], tuple[tuple[str, int], ...]]


def read_state(directory: Path) -> State:
    """Everything in the catalogue of the drive in ``directory``, and every other file with its size."""
    with closing(sqlite3.connect(f"file:{directory / 'catalogue.sqlite3'}?mode=ro", uri=True)) as connection:
        rows = tuple(connection.iterdump())
    files = (path for path in directory.rglob("*") if path.is_file() and not path.name.startswith("catalogue."))
    return rows, tuple(sorted((str(path), path.stat().st_size) for path in files))
