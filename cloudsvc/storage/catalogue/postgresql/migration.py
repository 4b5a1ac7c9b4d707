"""
Schema of a catalogue in PostgreSQL, and what else it needs there.

The history of migrations is that of SQLite's (``migrations/``). A new database gets the tables as they are now, and is
said to have come to the newest one: there was none in PostgreSQL before revision 0009, so that the earlier ones, which
speak of what only SQLite has, never run there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import psycopg
from twisted.logger import Logger

from cloudsvc.core.secrets import Secret
from cloudsvc.storage.catalogue.migration import HISTORY, describe_beginning
from cloudsvc.storage.catalogue.name_index import choose_index, trigrams
from cloudsvc.storage.catalogue.schema import FOLDER, PURGED, ROOT, TRASH, metadata, node, state
from cloudsvc.storage.database.postgresql.connections import PostgreSQLConnection
from cloudsvc.storage.database.postgresql.locks import CATALOGUE
from cloudsvc.storage.database.postgresql.migration import Tables, describe, migrated

if TYPE_CHECKING:
    from sqlalchemy import Connection

_log = Logger("cloudsvc.storage")

_COUNTING: Final = ("node", "version", "trash", "pin")
"""Tables whose ids the server gives, and never again."""

_PENDING: Final = "gin_pending_list_limit = 64"
"""
KiB of new names that wait to be taken into the index, which every search goes through one by one: by the server's own
limit, which is 4 MiB, it would come to take twenty times as long.
"""

_MAKE_INDEX: Final = f"""
    CREATE INDEX IF NOT EXISTS {trigrams.NAME} ON node USING gin (folded gin_trgm_ops) WITH ({_PENDING}) WHERE kind = 1
"""
_IS_BOUND: Final = f"SELECT reloptions IS NOT NULL FROM pg_class WHERE oid = '{trigrams.NAME}'::regclass"  # noqa: S608  # a constant
_BIND_INDEX: Final = f"ALTER INDEX {trigrams.NAME} SET ({_PENDING})"


def migrate(url: Secret) -> None:
    """
    Make the tables in an empty database, or bring older ones to :data:`~cloudsvc.storage.catalogue.HEAD`. Blocks.

    :raises OperatorError: it cannot be done, and what to do; nothing was changed.
    """
    with migrated(url, TABLES) as connection:
        _add_index(connection)
        _look_at_durability(connection)


def set_last_ids(connection: PostgreSQLConnection, last: dict[str, int]) -> None:
    """Let the server give ids that are greater than ``last``, by their tables; where that is 0, all of them."""
    for table in _COUNTING:
        number = last.get(table, 0)
        values = {"sequence": f"{table}_id_seq", "last": max(number, 1), "is_given": number > 0}
        connection.execute("SELECT setval(%(sequence)s, %(last)s, %(is_given)s)", values)


def find_last_ids(connection: PostgreSQLConnection) -> dict[str, int]:
    """The last ids that the server has given, by their tables; 0 where it has given none."""
    question = "SELECT coalesce(pg_sequence_last_value(%(sequence)s::regclass), 0)"
    return {
        table: connection.execute(question, {"sequence": f"{table}_id_seq"}).fetchall()[0][0] for table in _COUNTING
    }


def _make_tables(connected: Connection) -> None:
    from sqlalchemy import insert  # noqa: PLC0415  # as above

    metadata.create_all(connected)
    empty = {"key": "", "name": "", "folded": "", "kind": FOLDER, "created_at": 0, "updated_at": 0}
    connected.execute(insert(node), [{"id": number, **empty} for number in (ROOT, TRASH, PURGED)])
    connected.execute(insert(state), [{**describe_beginning(), "indexed": 0, "last_change": 0}])
    connected.exec_driver_sql(f"SELECT setval('node_id_seq', {PURGED})")  # a constant


def _add_index(connection: PostgreSQLConnection) -> None:
    """Have the index of names, where the server can have one."""
    is_there = choose_index(connection).find_indexed(connection)
    try:
        if not is_there:
            connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
            connection.execute(_MAKE_INDEX)
        elif connection.execute(_IS_BOUND).fetchone() == (False,):
            connection.execute(_BIND_INDEX)
    except psycopg.OperationalError as problem:
        if connection.is_lost:
            raise
        _warn(problem)
    except psycopg.Error as problem:
        _warn(problem)


def _look_at_durability(connection: PostgreSQLConnection) -> None:
    """Tell of a server that acknowledges what a power failure can take. What a connection can ask for, ours do."""
    off = [
        name
        for name in ("fsync", "full_page_writes")
        if connection.execute("SELECT current_setting(%(name)s)", {"name": name}).fetchone() == ("off",)
    ]
    if off:
        _log.error("files can be lost in a power failure: the database server has {names} off", names=" and ".join(off))


def _warn(problem: psycopg.Error) -> None:
    _log.warn(
        "the database has no index of names, so that searches take longer: {reason}; install pg_trgm there",
        reason=describe(problem),
    )


TABLES: Final = Tables(
    history=HISTORY,
    locks=CATALOGUE,
    known=("node", "state"),
    # Those are of others of this program.
    names=r"relname NOT LIKE 'identity\_%' AND relname NOT LIKE 'audit\_%'",
    make=_make_tables,
)
