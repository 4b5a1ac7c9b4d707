"""Databases in PostgreSQL: the way to one, what its connections promise, and how they are encrypted."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import psycopg
from attrs import frozen
from psycopg.abc import Buffer
from psycopg.adapt import AdaptersMap, Loader
from psycopg.types.numeric import Int8Dumper
from psycopg.types.string import StrDumperUnknown

from cloudsvc.core.errors import OperatorError
from cloudsvc.core.secrets import Secret
from cloudsvc.storage.database.postgresql.connections import (
    LOCK_SECONDS,
    STATEMENT_SECONDS,
    PostgreSQLConnection,
    Session,
    Unreachable,
)
from cloudsvc.storage.database.postgresql.watchdog import Watchdog
from cloudsvc.storage.meters import UNMETERED, DatabaseMeter, Use

_OLDEST: Final = 150000
"""The oldest version of the server, as it numbers them: 15."""

_PORT: Final = "5432"
"""Where a URL names none."""

_CONNECT_SECONDS: Final = 5
"""For which each address of the server is waited for."""

_PREPARED: Final = 1000
"""Statements that the server keeps prepared for a connection: more than there are."""

_SETTINGS: Final = f"""
    SET jit = off;
    SET enable_seqscan = off;
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
planner cannot know, guesses far too much, and would read whole tables to join them, and compile the query for it. What
it has planned for an empty table it keeps for a minute, however many rows have come. And no disk of today takes four
times as long for a page that is elsewhere.

A process that hangs in a transaction must not keep others out for long. Where the server is told to acknowledge what is
not on its disk, we are not.
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


@frozen(kw_only=True)
class Database:
    """
    A database, and how to get connections to it. Its methods block.

    :ivar url: as libpq understands it (https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING).
    """

    url: Secret
    watchdog: Watchdog
    meter: DatabaseMeter

    @classmethod
    def of(cls, url: Secret, watchdog: Watchdog, meter: DatabaseMeter = UNMETERED) -> Database:
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
        return cls(url=url, watchdog=watchdog, meter=meter)

    def connect(self, use: Use = Use.UPKEEP) -> PostgreSQLConnection:
        """
        A connection that commits only when it is told to, and durably.

        :param use: what it is for.

        :raises Unreachable: there is none to be had.
        """
        try:
            return self._connect(use)
        except Unreachable:
            self.meter.note_unreachable()
            raise

    def _connect(self, use: Use) -> PostgreSQLConnection:
        told: dict[str, Any] = psycopg.conninfo.conninfo_to_dict(self.url.reveal())
        given = {**_PARAMETERS, **secure(told), **told}
        try:
            session: Session = psycopg.connect(
                psycopg.conninfo.make_conninfo(**given), autocommit=True, context=_ADAPTERS
            )
        except psycopg.Error as problem:
            raise Unreachable(self._describe(problem)) from None
        connection = PostgreSQLConnection(
            session=session,
            use=use,
            watchdog=self.watchdog,
            meter=self.meter,
        )
        try:
            session.prepared_max = _PREPARED
            self._check(session)
            connection.execute(_SETTINGS)
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


def are_same(one: Secret, other: Secret) -> bool:
    """
    Whether two URLs lead to one database, whoever asks for it: of the same name, at a server that both name.

    One that has several names may look like two.
    """
    (name, servers), (other_name, other_servers) = _locate(one), _locate(other)
    return name == other_name and not servers.isdisjoint(other_servers)


def _locate(url: Secret) -> tuple[str, frozenset[tuple[str, str]]]:
    """The name of a database, and the servers that may have it, by host and port."""
    told: dict[str, Any] = psycopg.conninfo.conninfo_to_dict(url.reveal())
    hosts = str(told.get("host") or told.get("hostaddr") or "").split(",")
    ports = [port or _PORT for port in str(told.get("port") or "").split(",")]
    # One port is meant for all hosts.
    pairs = zip(hosts, ports if len(ports) == len(hosts) else ports[:1] * len(hosts), strict=True)
    return str(told.get("dbname") or told.get("user") or ""), frozenset(pairs)


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
