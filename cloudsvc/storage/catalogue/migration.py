"""Schema migration: what all engines have of it, which is one history."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from cloudsvc.drive.freezing import make_epoch
from cloudsvc.storage.database.migration import History, NewerSchema

__all__ = ["HEAD", "HISTORY", "NewerSchema", "describe_beginning"]

HEAD: Final = "0012"
"""The newest migration."""

HISTORY: Final = History(scripts=Path(__file__).with_name("migrations"), head=HEAD)
"""That of the catalogue."""


def describe_beginning() -> dict[str, str | int]:
    """The state of an empty catalogue."""
    return {"id": 1, "epoch": make_epoch(), "stored_bytes": 0, "forgotten": 0}
