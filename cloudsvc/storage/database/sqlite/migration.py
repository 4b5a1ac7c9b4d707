"""Schema migration of a file; what a newer program has written is left alone."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from cloudsvc.storage.database.migration import History, NewerSchema
from cloudsvc.storage.database.sqlite.connections import connect


def find_revision(path: Path, history: History) -> str | None:
    """
    Which migration of ``history`` a database has come to; ``None`` for none at all. Blocks.

    :raises sqlite3.Error: it is no database, or cannot be opened.
    """
    if not path.exists():
        return None
    table = history.version_table
    with closing(connect(path)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = ?", (table,)).fetchone():
            return None
        found = connection.execute(f"SELECT version_num FROM {table}").fetchone()  # noqa: S608  # a constant
    return found[0] if found else None


def migrate(path: Path, history: History, revision: str = "head") -> None:
    """
    Bring the database in ``path`` to the newest schema. Nobody else may have it open. Blocks.

    :param revision: an earlier one to end at.
    :raises NewerSchema: it is beyond that.
    :raises sqlite3.Error: it is no database, or cannot be written.
    """
    # Most starts need nothing of it, nor of Alembic.
    from sqlalchemy import NullPool, create_engine  # noqa: PLC0415  # as above
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415  # as above

    found = find_revision(path, history)
    if found is not None and found not in history.list_revisions():
        raise NewerSchema(
            f"{path} was written by a newer cloudsvc (schema {found}); install that again, or restore a backup"
        )
    engine = create_engine("sqlite://", creator=lambda: connect(path), poolclass=NullPool)
    try:
        with engine.connect() as connection:
            connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            history.upgrade(connection, revision)
            connection.commit()
    except DBAPIError as problem:
        raise problem.orig or problem from None
    finally:
        engine.dispose()
