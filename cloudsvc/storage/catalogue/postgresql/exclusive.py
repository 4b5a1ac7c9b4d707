"""Exclusive use of a database: nobody else has the catalogue open meanwhile, and all of it can be replaced."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from attrs import frozen
from twisted.internet.task import Clock

from cloudsvc.core.errors import OperatorError
from cloudsvc.core.secrets import Secret
from cloudsvc.storage.catalogue.identity import find_identity
from cloudsvc.storage.catalogue.postgresql.interchange import replace_all, write_database
from cloudsvc.storage.catalogue.postgresql.migration import migrate
from cloudsvc.storage.catalogue.schema import ROOT, TRASH
from cloudsvc.storage.database.postgresql.connections import PostgreSQLConnection
from cloudsvc.storage.database.postgresql.databases import Database
from cloudsvc.storage.database.postgresql.locks import CATALOGUE, claim_presence
from cloudsvc.storage.database.postgresql.migration import telling_operators
from cloudsvc.storage.database.postgresql.watchdog import Watchdog

_UNLIMITED: Final = """
    SET statement_timeout = 0;
    SET idle_in_transaction_session_timeout = 0;
    SET enable_seqscan = on;
    SET enable_hashjoin = on;
    SET enable_mergejoin = on
"""
"""What is replaced can be large, all of it is read, and nobody waits meanwhile."""

_UNKNOWN: Final = (
    "the database was lost at the very end, so that everything was replaced or nothing: see which, and if nothing was,"
    " restore again"
)

_IS_EMPTY: Final = f"SELECT NOT EXISTS (SELECT 1 FROM node WHERE parent IN ({ROOT}, {TRASH}))"  # noqa: S608  # constants


@frozen
class ExclusiveDatabase:
    """A database that is used by nobody else. Its methods block."""

    _connection: PostgreSQLConnection

    def is_empty(self) -> bool:
        """
        Whether nothing is in it that anybody could miss.

        :raises OperatorError: the database fails.
        """
        with telling_operators():
            return bool(self._connection.execute(_IS_EMPTY).fetchone() == (True,))

    def find_installation(self) -> str:
        """
        To whom it belongs; empty where nobody has claimed it.

        :raises OperatorError: the database fails.
        """
        with telling_operators():
            return find_identity(self._connection).installation

    def save(self, destination: Path) -> None:
        """
        Write all that it holds to a new file, as an SQLite database, durably.

        :raises OperatorError: the database fails.
        :raises OSError: the file cannot be written.
        """
        with telling_operators():
            self._connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            try:
                write_database(self._connection, destination)
            finally:
                self._roll_back()

    def replace(self, source: Path) -> None:
        """
        Let it hold what is in an SQLite database, and nothing else, durably.

        :raises OperatorError: the database fails. Then it holds what it held, unless its connection was lost at the
            very end.
        """
        with telling_operators():
            self._connection.execute(f"BEGIN; SELECT pg_advisory_xact_lock({CATALOGUE.writing})")  # a constant
            try:
                replace_all(self._connection, source)
            except BaseException:
                self._roll_back()
                raise
            try:
                self._connection.execute("COMMIT")
            except psycopg.OperationalError:
                if self._connection.is_lost:
                    raise OperatorError([_UNKNOWN]) from None
                raise

    def _roll_back(self) -> None:
        # A connection that is lost has taken its transaction with it.
        if not self._connection.is_lost:
            self._connection.execute("ROLLBACK")


@contextmanager
def use_alone(url: Secret) -> Iterator[ExclusiveDatabase]:
    """
    A database for as long as the context lasts, migrated. Blocks.

    :raises OperatorError: others have it open, or it cannot be opened.
    """
    migrate(url)
    database = Database.of(url, Watchdog(Clock()))
    with telling_operators():
        connection = database.connect()
    try:
        with telling_operators():
            connection.execute(_UNLIMITED)
            _claim(connection)
        yield ExclusiveDatabase(connection)
    finally:
        connection.close()


def _claim(connection: PostgreSQLConnection) -> None:
    if not claim_presence(connection, CATALOGUE):
        raise OperatorError([f"the database {connection.session.info.dbname} is in use; stop all servers that use it"])
