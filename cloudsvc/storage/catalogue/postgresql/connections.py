"""
Connections to PostgreSQL: what they promise, how long they wait, and the translation of their errors.

Nothing waits for ever. The server ends statements that take too long. Where it does not answer at all, a watchdog of
our own cuts the connection (:mod:`~cloudsvc.storage.catalogue.postgresql.watchdog`), and where nobody waits any more,
so does whoever has left: the server looks every half second whether its client is still there.
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from threading import Lock
from typing import Any, Final, TypeAlias

import psycopg
from attrs import define, field, frozen
from psycopg import errors
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Loader
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import StrDumperUnknown
from twisted.logger import Logger

from cloudsvc.core.errors import CloudError, OperatorError
from cloudsvc.core.secrets import Secret
from cloudsvc.drive.errors import no_space, query_too_slow, storage_failed
from cloudsvc.storage.catalogue.postgresql import name_index
from cloudsvc.storage.catalogue.postgresql.watchdog import Watchdog
from cloudsvc.storage.catalogue.statements import NameIndex, Statement

_log = Logger("cloudsvc.storage")

Session: TypeAlias = "psycopg.Connection[tuple[Any, ...]]"

_OLDEST: Final = 150000
"""The oldest version of the server, as it numbers them: 15."""

_CONNECT_SECONDS: Final = 5
"""For which each address of the server is waited for."""

LOCK_SECONDS: Final = 30
"""For so long other processes may hold what is waited for, as with SQLite."""

STATEMENT_SECONDS: Final = 60
"""For which a statement may run, unless a lane says something else."""

_RETRY_AFTER: Final = 5
"""Seconds after which another server may have taken the place of one that is lost."""

GRACE_SECONDS: Final = 10.0
"""After the server should have ended a statement, the connection is cut: it does not answer."""

_PREPARED: Final = 1000
"""Statements that the server keeps prepared for a connection: more than there are."""

_SETTINGS: Final = f"""
    SET jit = off;
    SET enable_hashjoin = off;
    SET enable_mergejoin = off;
    SET max_parallel_workers_per_gather = 0;
    SET random_page_cost = 1.1;
    SET client_connection_check_interval = '500ms';
    SET lock_timeout = '{LOCK_SECONDS}s';
    SET statement_timeout = '{STATEMENT_SECONDS}s';
    SET idle_in_transaction_session_timeout = '{STATEMENT_SECONDS}s';
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'
"""
"""
What every connection asks for. Our statements find little by an index each; but how much a recursive one finds the
planner cannot know, guesses far too much, and would read whole tables to join them, and compile the query for it; and
no disk of today takes four times as long for a page elsewhere. A
process that hangs in a transaction must not keep others out for long. And where the server is told to acknowledge what
is not on its disk, we are not.
"""

_PARAMETERS: Final = {
    "application_name": "cloudsvc",
    "client_encoding": "UTF8",
    "connect_timeout": str(_CONNECT_SECONDS),
    # Of several servers, the one that takes writes: the others follow it.
    "target_session_attrs": "read-write",
    # A server that has gone without a word is noticed within half a minute.
    "keepalives_idle": "10",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",
}
"""What holds where the URL says nothing else."""


_ROOTS: Final = (
    Path("/etc/ssl/certs/ca-certificates.crt"),
    Path("/etc/pki/tls/certs/ca-bundle.crt"),
    Path("/etc/ssl/ca-bundle.pem"),
    Path("/etc/ssl/cert.pem"),
)
"""Where systems keep the certificates of authorities that they trust: Debian, Fedora, openSUSE, Alpine and BSD."""

_OURSELVES: Final = frozenset({"localhost", "127.0.0.1", "::1"})
"""What is said there nobody else hears."""


class _WholeNumber(Loader):
    """Sums of 64-bit numbers, which the server gives as decimal ones: all of ours are whole."""

    def load(self, data: Buffer) -> int:
        return int(bytes(data))


class _Number(Int8Dumper):
    """Numbers are of 64 bits, so that a statement is prepared once, whatever their size."""


class _Text(StrDumperUnknown):
    """
    Text, in which the server takes no NUL. What is kept has none, so that whoever looks for one finds nothing; this
    one is no character either, and no name of anybody's will have it.
    """

    def dump(self, obj: str) -> Buffer | None:
        return super().dump(obj.replace("\0", "\ufdd0") if "\0" in obj else obj)


_ADAPTERS: Final = AdaptersMap(psycopg.adapters)
_ADAPTERS.register_loader("numeric", _WholeNumber)
_ADAPTERS.register_dumper(int, _Number)
_ADAPTERS.register_dumper(str, _Text)


class Unreachable(Exception):  # noqa: N818  # a state of affairs, which is told as a failure of the storage
    """There is no connection to be had. The text says why, without secrets."""


class _Stopped(Exception):  # noqa: N818  # its turn knows why
    """A read was stopped between two statements."""


@define(eq=False, kw_only=True)
class PostgreSQLConnection:
    """
    A :class:`~cloudsvc.storage.catalogue.reading.ReadingConnection` to PostgreSQL.

    It is used by one thread at a time. What other threads do with it, which is to cut it, the lock keeps from meeting
    another file that has got its descriptor.

    :ivar patience: seconds after which a statement that was not answered never will be.
    :ivar begun_at: when the statement began that runs, if one does, by the clock of the watchdog.
    """

    session: Session
    names: NameIndex
    _watchdog: Watchdog
    patience: float = STATEMENT_SECONDS + GRACE_SECONDS
    begun_at: float | None = None
    _lock: Lock = field(factory=Lock)
    _look: Callable[[], bool] | None = None

    @property
    def is_lost(self) -> bool:
        """Whether it is of no use any more."""
        return self.session.closed

    @property
    def is_in_transaction(self) -> bool:
        """Whether one is open, failed or not."""
        return self.session.info.transaction_status != psycopg.pq.TransactionStatus.IDLE

    def run(self, statement: Statement, values: dict[str, Any]) -> psycopg.Cursor[tuple[Any, ...]]:
        """As :meth:`~cloudsvc.storage.catalogue.statements.Connection.run`."""
        text, always = statement.postgresql
        return self.execute(text, {**always, **values} if always else values)

    def run_for_each(self, statement: Statement, rows: Sequence[dict[str, Any]]) -> None:
        """As :meth:`~cloudsvc.storage.catalogue.statements.Connection.run_for_each`."""
        text, always = statement.postgresql
        if len(rows) == 1:
            self.execute(text, {**always, **rows[0]})
            return
        with self._timed(), self.session.cursor() as cursor:
            cursor.executemany(text, [{**always, **row} for row in rows])

    def execute(self, text: str, values: dict[str, Any] | None = None) -> psycopg.Cursor[tuple[Any, ...]]:
        """
        Run a statement that has no other form, or several, with no parameters, in one go.

        :raises psycopg.Error: the database fails.
        """
        if self._look is not None and self._look():
            raise _Stopped
        with self._timed():
            # The text is of this program; several statements cannot be prepared.
            return self.session.execute(text.encode(), values, prepare=None if values else False)

    def watch(self, look: Callable[[], bool] | None) -> None:
        """As :meth:`~cloudsvc.storage.catalogue.reading.ReadingConnection.watch`."""
        self._look = look

    def interrupt(self) -> None:
        """Cut the connection, whatever it does. The server ends what ran on it within a second. From any thread."""
        with self._lock, suppress(OSError, psycopg.Error), socket.socket(fileno=os.dup(self.session.fileno())) as line:
            line.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Let go of it. May be called more than once."""
        self._watchdog.forget(self)
        with self._lock:
            self.session.close()

    def _timed(self) -> _Timed:
        return _Timed(self, self._watchdog)


@frozen
class _Timed:
    """While this context lasts, a statement runs."""

    _connection: PostgreSQLConnection
    _watchdog: Watchdog

    def __enter__(self) -> None:
        self._connection.begun_at = self._watchdog.read_clock()

    def __exit__(self, *_: object) -> None:
        self._connection.begun_at = None


@frozen(kw_only=True)
class Database:
    """
    A database, and how to get connections to it. Its methods block.

    :ivar url: as libpq understands it (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING).
    """

    url: Secret
    watchdog: Watchdog

    @classmethod
    def of(cls, url: Secret, watchdog: Watchdog) -> Database:
        """
        The one that ``url`` leads to.

        :raises OperatorError: it is no URL of a database.
        """
        try:
            psycopg.conninfo.conninfo_to_dict(url.reveal())
        except psycopg.Error:
            # What the driver says has the password in it.
            raise OperatorError(
                ["this is no URL of a PostgreSQL database; write postgresql://USER:PASSWORD@HOST:5432/NAME"]
            ) from None
        return cls(url=url, watchdog=watchdog)

    def connect(self) -> PostgreSQLConnection:
        """
        A connection that commits only when it is told to, and durably.

        :raises Unreachable: there is none to be had.
        """
        told: dict[str, Any] = psycopg.conninfo.conninfo_to_dict(self.url.reveal())
        given = {**_PARAMETERS, **secure(told), **told}
        try:
            session: Session = psycopg.connect(
                psycopg.conninfo.make_conninfo(**given), autocommit=True, context=_ADAPTERS
            )
        except psycopg.Error as problem:
            raise Unreachable(self._describe(problem)) from None
        connection = PostgreSQLConnection(
            session=session, names=name_index.TrigramNames(is_there=False), watchdog=self.watchdog
        )
        self.watchdog.add(connection)
        try:
            session.prepared_max = _PREPARED
            self._check(session)
            connection.execute(_SETTINGS)
            [is_there] = connection.execute(name_index.FIND).fetchall()[0]
            connection.names = name_index.TrigramNames(is_there=is_there)
        except psycopg.Error as problem:
            connection.close()
            raise Unreachable(self._describe(problem)) from None
        except BaseException:
            connection.close()
            raise
        return connection

    def _check(self, session: Session) -> None:
        if session.info.server_version < _OLDEST:
            raise Unreachable(f"the server is PostgreSQL {session.info.server_version // 10000}; 15 is the oldest")
        encoding = session.info.parameter_status("server_encoding")
        if encoding != "UTF8":
            raise Unreachable(f"the database has the encoding {encoding}; make one with UTF8")

    def _describe(self, problem: psycopg.Error) -> str:
        """What the driver says, in one line, without the password."""
        text = " ".join(str(problem).split())
        password = psycopg.conninfo.conninfo_to_dict(self.url.reveal()).get("password")
        return text.replace(str(password), "********") if password else text


def secure(told: Mapping[str, Any]) -> Mapping[str, str]:
    """
    Parameters for TLS with a verified certificate, where the server is elsewhere and ``told`` has no word on it.

    By itself libpq would take any certificate, and do without one.
    """
    hosts = str(told.get("host") or told.get("hostaddr") or "").split(",")
    if "sslmode" in told or all(not host or host.startswith("/") or host in _OURSELVES for host in hosts):
        return {}
    return {"sslmode": "verify-full"} | ({} if "sslrootcert" in told else {"sslrootcert": find_roots()})


def find_roots() -> str:
    """
    The file with the certificates of public authorities that this system trusts, or libpq's word for its own.

    In the wheel of the driver, OpenSSL looks for them where no system has them.
    """
    told = ssl.get_default_verify_paths().cafile
    places = [*([Path(told)] if told else []), *_ROOTS]
    return next((str(place) for place in places if place.exists()), "system")


def is_lost(problem: BaseException) -> bool:
    """Whether ``problem`` is that a connection has gone, or the server is going down, so that another may do better."""
    if isinstance(problem, (errors.AdminShutdown, errors.CrashShutdown, errors.IdleInTransactionSessionTimeout)):
        return True
    # What libpq notices by itself has no state of SQL.
    return isinstance(problem, (psycopg.OperationalError, psycopg.InterfaceError)) and problem.sqlstate is None


def translate(problem: Unreachable | psycopg.Error) -> CloudError:
    """The error that a client is told. What an administrator has to look at is logged."""
    if isinstance(problem, errors.DiskFull):
        return no_space()
    if isinstance(problem, errors.QueryCanceled):
        return query_too_slow()
    code = getattr(problem, "sqlstate", None) or type(problem).__name__
    _log.error("the catalogue fails: {code} {reason}", code=code, reason=" ".join(str(problem).split()))
    failure = storage_failed()
    return CloudError(failure.kind, failure.code, failure.message, retry_after=_RETRY_AFTER)
