"""Schema migration: what all engines have of it, which is one history."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from cloudsvc.drive.freezing import make_epoch

if TYPE_CHECKING:
    from alembic.config import Config

HEAD: Final = "0010"
"""The newest migration, so that one need not look where nothing is to be done."""


class NewerSchema(Exception):  # noqa: N818  # a state of affairs that callers put into words
    """A newer program has written this catalogue."""


def list_revisions() -> frozenset[str]:
    """All that this program knows. Whatever else a catalogue has come to, a newer one has brought it there."""
    from alembic.script import ScriptDirectory  # noqa: PLC0415  # as below

    return frozenset(script.revision for script in ScriptDirectory.from_config(make_config()).walk_revisions())


def make_config() -> Config:
    """What Alembic needs to know, without a file."""
    from alembic.config import Config  # noqa: PLC0415  # most starts need not wait for its import

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.set_main_option("path_separator", "os")
    return config


def describe_beginning() -> dict[str, str | int]:
    """The state of an empty catalogue."""
    return {"id": 1, "epoch": make_epoch(), "stored_bytes": 0, "forgotten": 0}
