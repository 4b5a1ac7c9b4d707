"""Schema migration of older catalogues and of backups; those of a newer program are left alone."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import Final

from cloudsvc.drive.freezing import Beginning
from cloudsvc.storage.catalogue import payers
from cloudsvc.storage.catalogue.freezing import list_values
from cloudsvc.storage.catalogue.migration import HISTORY
from cloudsvc.storage.database.sqlite import migration
from cloudsvc.storage.database.sqlite.connections import connect

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
    return migration.find_revision(path, HISTORY)


def migrate(path: Path, revision: str = "head") -> None:
    """
    Bring the catalogue in ``path`` to the newest schema. Nobody else may have it open. Blocks.

    :param revision: an earlier one to end at.
    :raises NewerSchema: it is beyond that.
    :raises sqlite3.Error: it is no database, or cannot be written.
    """
    migration.migrate(path, HISTORY, revision)


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
        payers.recount(connection)
        # Nodes that came to be after the backup are lost, and grants on them may be written down elsewhere.
        connection.execute("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'node'", (_LOST_NODES,))
        connection.execute(
            "UPDATE state SET last_change = max(last_change, forgotten, coalesce((SELECT max(number) FROM change), 0)),"
            " epoch = :epoch, indexed = 0, installation = '',"
            " frozen_until = :frozen_until, arriving = :arriving, successor = :successor,"
            " stored_bytes = (SELECT coalesce(sum(size), 0) FROM blob)",
            {"epoch": beginning.epoch, **list_values(beginning.freeze)},
        )
        connection.execute("COMMIT")
