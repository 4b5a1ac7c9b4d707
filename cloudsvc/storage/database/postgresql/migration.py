"""Schema of tables in PostgreSQL: made where there is none, brought up to date where it is older, or left alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import psycopg
from attrs import frozen
from psycopg import errors
from twisted.internet.task import Clock

from cloudsvc.core.errors import OperatorError
from cloudsvc.core.secrets import Secret
from cloudsvc.storage.database.migration import History
from cloudsvc.storage.database.postgresql.connections import LOCK_SECONDS, PostgreSQLConnection, Unreachable
from cloudsvc.storage.database.postgresql.databases import Database
from cloudsvc.storage.database.postgresql.locks import Locks, claim_presence
from cloudsvc.storage.database.postgresql.poolers import check_way
from cloudsvc.storage.database.postgresql.watchdog import Watchdog

if TYPE_CHECKING:
    from sqlalchemy import Connection


@frozen(kw_only=True)
class Tables:
    """
    Tables that belong together, beside which a database may have others of this program's.

    :ivar history: how they came to be.
    :ivar locks: by which those who use them agree.
    :ivar known: some of them, by which they are told from those of something else.
    :ivar names: a condition on ``relname``: which names of tables must not be somebody else's.
    :ivar make: makes them as they are now, in a database that has none; ``None`` where the history begins there.
    """

    history: History
    locks: Locks
    known: Sequence[str]
    names: str
    make: Callable[[Connection], None] | None = None


@contextmanager
def migrated(url: Secret, tables: Tables) -> Iterator[PostgreSQLConnection]:
    """
    Make the tables in a database without them, or bring older ones to the newest migration; a connection to it. Blocks.

    :raises OperatorError: it cannot be done, and what to do; nothing was changed.
    """
    # It is not watched: nothing else is done meanwhile, and the server ends what takes too long.
    database = Database.of(url, Watchdog(Clock()))
    head = tables.history.head
    with telling_operators(), _connected(database) as connection:
        check_way(database, connection)
        if find_revision(connection, tables.history) != head:
            # The server gives it back with the connection.
            _claim(connection, tables)
            # Somebody else may have been here meanwhile.
            if find_revision(connection, tables.history) != head:
                _check(connection, tables)
                _upgrade(connection, tables)
        yield connection


def find_revision(connection: PostgreSQLConnection, history: History) -> str | None:
    """
    Which migration of ``history`` a database has come to; ``None`` for none at all.

    :raises psycopg.Error: the database fails.
    """
    table = history.version_table
    if connection.execute(f"SELECT to_regclass('{table}') IS NULL").fetchone() == (True,):
        return None
    found = connection.execute(f"SELECT version_num FROM {table}").fetchone()  # noqa: S608  # a constant
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
        raise OperatorError([f"the database refuses what is needed ({describe(problem)}); {advice}"]) from None
    except errors.LockNotAvailable:
        advice = "see what holds it up there, and try again"
        raise OperatorError([f"the database was locked by others for {LOCK_SECONDS} s; {advice}"]) from None
    except psycopg.Error as problem:
        raise OperatorError([f"the database fails: {describe(problem)}"]) from None


def describe(problem: psycopg.Error) -> str:
    """What the server says, in one line."""
    return " ".join((problem.diag.message_primary or str(problem)).split())


@contextmanager
def _connected(database: Database) -> Iterator[PostgreSQLConnection]:
    connection = database.connect()
    try:
        # A migration takes as long as it takes.
        connection.execute("SET statement_timeout = 0; SET idle_in_transaction_session_timeout = 0")
        yield connection
    finally:
        connection.close()


def _claim(connection: PostgreSQLConnection, tables: Tables) -> None:
    """Be the only one who migrates, and wait for whoever does so already."""
    connection.execute(f"SELECT pg_advisory_lock({tables.locks.writing})")  # a constant


def _check(connection: PostgreSQLConnection, tables: Tables) -> None:
    """
    See that the tables are ours, older, and nobody's just now, or that there are none.

    :raises OperatorError: they are not.
    """
    found = find_revision(connection, tables.history)
    are_ours = all(
        connection.execute(f"SELECT to_regclass('{name}') IS NOT NULL").fetchone() == (True,) for name in tables.known
    )
    other = _find_table(connection, tables.names)
    if other is not None and not (are_ours and found):
        name = connection.session.info.dbname
        advice = "give this server a database of its own; nothing was changed"
        raise OperatorError([f"the database {name} has tables of something else ({other!r}); {advice}"])
    if other is not None and found not in tables.history.list_revisions():
        advice = "install that again, or restore a backup"
        raise OperatorError([f"the database was written by a newer cloudsvc (schema {found}); {advice}"])
    if not claim_presence(connection, tables.locks):
        raise OperatorError(["the database is in use by an older cloudsvc; stop all of them, and start again"])


def _find_table(connection: PostgreSQLConnection, names: str) -> str | None:
    found = connection.execute(f"""
        SELECT relname FROM pg_class
        WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'v', 'm', 'f') AND {names}
        ORDER BY relname LIMIT 1
    """).fetchone()  # noqa: S608  # constants
    return None if found is None else str(found[0])


def _upgrade(connection: PostgreSQLConnection, tables: Tables) -> None:
    """Make or change the tables, all of it or nothing."""
    # Most starts need nothing of it, nor of Alembic.
    from sqlalchemy import StaticPool, create_engine  # noqa: PLC0415  # as above
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415  # as above

    make = tables.make if find_revision(connection, tables.history) is None else None
    engine = create_engine("postgresql+psycopg://", creator=lambda: connection.session, poolclass=StaticPool)
    connection.session.autocommit = False
    try:
        with engine.connect() as connected:
            if make is not None:
                make(connected)
                tables.history.stamp(connected)
            else:
                tables.history.upgrade(connected, "head")
            connected.commit()
    except DBAPIError as problem:
        raise problem.orig or problem from None
    finally:
        if not connection.is_lost:
            connection.session.rollback()
            connection.session.autocommit = True
