"""Bring the catalogue of an older program or of a backup up to date; leave that of a newer program alone."""

from __future__ import annotations

import secrets
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cloudsvc.drive.names import UNICODE_VERSION
from cloudsvc.storage.catalogue.connections import connect

if TYPE_CHECKING:
    from alembic.config import Config

HEAD: Final = "0001"
"""The newest migration, so that one need not look where nothing is to be done."""


class NewerSchema(Exception):  # noqa: N818  # a state of affairs that callers put into words
    """A newer program has written this catalogue."""


def find_revision(path: Path) -> str | None:
    """
    Which migration a catalogue has come to; ``None`` for none at all. Blocks.

    :raises sqlite3.Error: it is no database, or cannot be opened.
    """
    if not path.exists():
        return None
    with closing(connect(path)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone():
            return None
        found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return found[0] if found else None


def migrate(path: Path) -> None:
    """
    Bring the catalogue in ``path`` to :data:`HEAD`. Nobody else may have it open. Blocks.

    :raises NewerSchema: it is beyond that.
    :raises sqlite3.Error: it is no database, or cannot be written.
    """
    # Half of Alembic's price is importing it; most starts need nothing of it.
    from alembic import command  # noqa: PLC0415
    from alembic.script import ScriptDirectory  # noqa: PLC0415
    from sqlalchemy import NullPool, create_engine  # noqa: PLC0415
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415

    config = make_config()
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    revision = find_revision(path)
    if revision is not None and revision not in known:
        raise NewerSchema(
            f"{path} was written by a newer cloudsvc (schema {revision}); install that again, or restore a backup"
        )
    engine = create_engine("sqlite://", creator=lambda: connect(path), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            command.upgrade(config, "head")
            connection.commit()
    except DBAPIError as problem:
        raise problem.orig or problem from None
    finally:
        engine.dispose()


def make_config() -> Config:
    """What Alembic needs to know, without a file."""
    from alembic.config import Config  # noqa: PLC0415 - as above

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).with_name("migrations")))
    config.set_main_option("path_separator", "os")
    return config


def make_epoch() -> str:
    """The name of a new history."""
    return secrets.token_hex(4)


def begin_anew(path: Path) -> None:
    """
    Make the catalogue of a backup one that begins: nobody uses it, and only the blobs that a version consists of are
    there. Its history is a new one, so that nobody takes its numbers for those of the lost one.

    Blocks. Nobody else may have it open.

    :raises sqlite3.Error: it cannot be done.
    """
    with closing(connect(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM pin")
        connection.execute("DELETE FROM upload")
        connection.execute("UPDATE blob SET refs = (SELECT count(*) FROM version WHERE version.blob = blob.id)")
        # Their bytes are in no backup. An upload of the same must not be joined with them, and thrown away.
        connection.execute("DELETE FROM blob WHERE refs = 0")
        connection.execute("UPDATE blob SET condemned = 0")
        connection.execute(
            "UPDATE state SET epoch = ?, stored_bytes = (SELECT coalesce(sum(size), 0) FROM blob)", (make_epoch(),)
        )
        connection.execute("COMMIT")


def describe_beginning() -> dict[str, str | int]:
    """The state of an empty catalogue."""
    return {"id": 1, "epoch": make_epoch(), "unicode": UNICODE_VERSION, "stored_bytes": 0, "forgotten": 0}
