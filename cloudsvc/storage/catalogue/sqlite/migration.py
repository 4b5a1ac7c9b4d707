"""Schema migration of older catalogues and of backups; those of a newer program are left alone."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Final

from cloudsvc.drive.freezing import Beginning
from cloudsvc.storage.catalogue.migration import NewerSchema, list_revisions, make_config
from cloudsvc.storage.catalogue.sqlite.connections import connect

_LOST_NODES: Final = 2**32
"""Ids that are left out when a backup becomes the catalogue: more than can have been given since it was written."""

_RECOUNT: Final = """
    UPDATE account SET stored_bytes = (
        SELECT coalesce(sum(size), 0) FROM version JOIN blob ON blob.id = version.blob
        WHERE version.account = account.owner AND version.account != 1
    )
"""


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


def migrate(path: Path, revision: str = "head") -> None:
    """
    Bring the catalogue in ``path`` to the newest schema. Nobody else may have it open. Blocks.

    :param revision: an earlier one to end at.
    :raises NewerSchema: it is beyond that.
    :raises sqlite3.Error: it is no database, or cannot be written.
    """
    # Half of Alembic's price is importing it; most starts need nothing of it.
    from alembic import command  # noqa: PLC0415  # as above
    from sqlalchemy import NullPool, create_engine  # noqa: PLC0415  # as above
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415  # as above

    config = make_config()
    found = find_revision(path)
    if found is not None and found not in list_revisions():
        raise NewerSchema(
            f"{path} was written by a newer cloudsvc (schema {found}); install that again, or restore a backup"
        )
    engine = create_engine("sqlite://", creator=lambda: connect(path), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            config.attributes["connection"] = connection
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            command.upgrade(config, revision)
            connection.commit()
    except DBAPIError as problem:
        raise problem.orig or problem from None
    finally:
        engine.dispose()


def begin_anew(path: Path, beginning: Beginning) -> None:
    """
    Make the catalogue of a backup one that begins: nobody uses it, and only the blobs that a version consists of are
    there. Its history is a new one, so that nobody takes its numbers for those of the lost one.

    Blocks. Nobody else may have it open.

    :raises sqlite3.Error: it cannot be done.
    """
    with closing(connect(path)) as connection:
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("DELETE FROM pin")
        connection.execute("UPDATE blob SET refs = (SELECT count(*) FROM version WHERE version.blob = blob.id)")
        # Their bytes are in no backup. An upload of the same must not be deduplicated, and thrown away.
        connection.execute("DELETE FROM blob WHERE refs = 0")
        connection.execute("UPDATE blob SET marked = 0")
        connection.execute(_RECOUNT)
        # Nodes that came to be after the backup are lost, and grants on them may be written down elsewhere.
        connection.execute("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'node'", (_LOST_NODES,))
        connection.execute(
            "UPDATE state SET last_change = max(last_change, forgotten, coalesce((SELECT max(number) FROM change), 0)),"
            " epoch = ?, indexed = 0, installation = '', frozen_until = ?,"
            " stored_bytes = (SELECT coalesce(sum(size), 0) FROM blob)",
            (beginning.epoch, beginning.frozen_until),
        )
        connection.execute("COMMIT")
