"""
Schema of a PostgreSQL database: made when it is empty, brought up to date when it is older, and left alone otherwise.

The history of migrations is that of SQLite's (``migrations/``). A new database gets the tables as they are now, and is
said to have come to the newest one: there was none in PostgreSQL before revision 0009, so that the earlier ones, which
speak of what only SQLite has, never run there.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import psycopg
from psycopg import errors
from twisted.internet.task import Clock
from twisted.logger import Logger

from cloudsvc.core.errors import OperatorError
from cloudsvc.core.secrets import Secret
from cloudsvc.storage.catalogue.migration import HEAD, describe_beginning, list_revisions, make_config
from cloudsvc.storage.catalogue.postgresql import name_index
from cloudsvc.storage.catalogue.postgresql.connections import LOCK_SECONDS, PostgreSQLConnection, Unreachable
from cloudsvc.storage.catalogue.postgresql.databases import Database
from cloudsvc.storage.catalogue.postgresql.locks import WRITING, claim_presence
from cloudsvc.storage.catalogue.postgresql.poolers import check_way
from cloudsvc.storage.catalogue.postgresql.watchdog import Watchdog
from cloudsvc.storage.catalogue.schema import FOLDER, PURGED, ROOT, TRASH, metadata, node, state

if TYPE_CHECKING:
    from sqlalchemy import Connection

_log = Logger("cloudsvc.storage")

_FOREIGN: Final = """
    SELECT relname FROM pg_class
    WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f')
    ORDER BY relname LIMIT 1
"""
_OURS: Final = "SELECT to_regclass('node') IS NOT NULL AND to_regclass('state') IS NOT NULL"

_COUNTING: Final = ("node", "version", "trash", "pin")
"""Tables whose ids the server gives, and never again."""

_MAKE_INDEX: Final = f"""
    CREATE INDEX IF NOT EXISTS {name_index.NAME} ON node USING gin (folded gin_trgm_ops) WHERE kind = 1
"""


def migrate(url: Secret) -> None:
    """
    Make the tables in an empty database, or bring older ones to :data:`HEAD`. Blocks.

    :raises OperatorError: it cannot be done, and what to do; nothing was changed.
    """
    # It is not watched: nothing else is done meanwhile, and the server ends what takes too long.
    database = Database.of(url, Watchdog(Clock()))
    with telling_operators(), _connected(database) as connection:
        check_way(database, connection)
        if find_revision(connection) != HEAD:
            # The server gives it back with the connection.
            _claim(connection)
            # Somebody else may have been here meanwhile.
            if find_revision(connection) != HEAD:
                _check(connection)
                _upgrade(connection)
        _add_index(connection)
        _look_at_durability(connection)


def find_revision(connection: PostgreSQLConnection) -> str | None:
    """
    Which migration a database has come to; ``None`` for none at all.

    :raises psycopg.Error: the database fails.
    """
    if connection.execute("SELECT to_regclass('alembic_version') IS NULL").fetchone() == (True,):
        return None
    found = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return None if found is None else str(found[0])


@contextmanager
def telling_operators() -> Iterator[None]:
    """
    Meanwhile a database is opened.

    :raises OperatorError: it cannot be, and why.
    """
    try:
        yield
    except Unreachable as problem:
        raise OperatorError([f"there is no connection to the database: {problem}"]) from None
    except errors.InsufficientPrivilege as problem:
        advice = "make the user of its URL the owner of the database"
        raise OperatorError([f"the database refuses what is needed ({_describe(problem)}); {advice}"]) from None
    except errors.LockNotAvailable:
        advice = "see what holds it up there, and try again"
        raise OperatorError([f"the database was locked by others for {LOCK_SECONDS} s; {advice}"]) from None
    except psycopg.Error as problem:
        raise OperatorError([f"the database fails: {_describe(problem)}"]) from None


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


@contextmanager
def _connected(database: Database) -> Iterator[PostgreSQLConnection]:
    connection = database.connect()
    try:
        # A migration takes as long as it takes.
        connection.execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
        yield connection
    finally:
        connection.close()


def _claim(connection: PostgreSQLConnection) -> None:
    """Be the only one who migrates, and wait for whoever does so already."""
    connection.execute(f"SELECT pg_advisory_lock({WRITING})")  # a constant


def _check(connection: PostgreSQLConnection) -> None:
    """
    See that the tables are ours, older, and nobody's just now, or that there are none.

    :raises OperatorError: they are not.
    """
    found = find_revision(connection)
    [is_ours] = connection.execute(_OURS).fetchall()[0]
    other = connection.execute(_FOREIGN).fetchone()
    if other is not None and not (is_ours and found):
        name = connection.session.info.dbname
        advice = "give this server a database of its own; nothing was changed"
        raise OperatorError([f"the database {name} has tables of something else ({other[0]!r}); {advice}"])
    if other is not None and found not in list_revisions():
        advice = "install that again, or restore a backup"
        raise OperatorError([f"the database was written by a newer cloudsvc (schema {found}); {advice}"])
    if not claim_presence(connection):
        raise OperatorError(["the database is in use by an older cloudsvc; stop all of them, and start again"])


def _upgrade(connection: PostgreSQLConnection) -> None:
    """Make or change the tables, all of it or nothing."""
    # Half of Alembic's price is importing it; most starts need nothing of it.
    from alembic import command  # noqa: PLC0415  # as above
    from sqlalchemy import StaticPool, create_engine  # noqa: PLC0415  # as above
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415  # as above

    is_new = find_revision(connection) is None
    config = make_config()
    engine = create_engine("postgresql+psycopg://", creator=lambda: connection.session, poolclass=StaticPool)
    connection.session.autocommit = False
    try:
        with engine.connect() as connected:
            config.attributes["connection"] = connected
            if is_new:
                _make_tables(connected)
                command.stamp(config, "head")
            else:
                command.upgrade(config, "head")
            if is_new:
                set_last_ids(connection, {"node": PURGED})
            connected.commit()
    except DBAPIError as problem:
        raise problem.orig or problem from None
    finally:
        if not connection.is_lost:
            connection.session.rollback()
            connection.session.autocommit = True


def _make_tables(connected: Connection) -> None:
    from sqlalchemy import insert  # noqa: PLC0415  # as above

    metadata.create_all(connected)
    empty = {"key": "", "name": "", "folded": "", "kind": FOLDER, "created_at": 0, "updated_at": 0}
    connected.execute(insert(node), [{"id": number, **empty} for number in (ROOT, TRASH, PURGED)])
    connected.execute(insert(state), [{**describe_beginning(), "indexed": 0, "last_change": 0}])


def _add_index(connection: PostgreSQLConnection) -> None:
    """Have the index of names, where the server can have one."""
    if connection.names.find_indexed(connection):
        return
    try:
        connection.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        connection.execute(_MAKE_INDEX)
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
        reason=_describe(problem),
    )


def _describe(problem: psycopg.Error) -> str:
    return " ".join((problem.diag.message_primary or str(problem)).split())
