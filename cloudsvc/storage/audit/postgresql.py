"""The audit in PostgreSQL, in the database of the catalogue."""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Final

from attrs import define

from cloudsvc.core.reactors import IListeningReactor
from cloudsvc.core.secrets import Secret
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.storage.audit.migration import HEAD, HISTORY
from cloudsvc.storage.audit.store import DatabaseAudit
from cloudsvc.storage.database.group_commit import Writer
from cloudsvc.storage.database.postgresql.connections import PostgreSQLConnection, Unreachable
from cloudsvc.storage.database.postgresql.databases import Database
from cloudsvc.storage.database.postgresql.listening import Listener
from cloudsvc.storage.database.postgresql.locks import AUDIT
from cloudsvc.storage.database.postgresql.migration import Tables, find_revision, migrated, telling_operators
from cloudsvc.storage.database.postgresql.sessions import PostgreSQLSessions
from cloudsvc.storage.database.postgresql.transactions import PostgreSQLTransactions
from cloudsvc.storage.database.postgresql.watchdog import Watchdog
from cloudsvc.storage.database.reading import Readers
from cloudsvc.storage.meters import UNMETERED, DatabaseMeter, Use

TABLES: Final = Tables(
    history=HISTORY,
    locks=AUDIT,
    known=("audit_entry", "audit_state"),
    names=r"relname LIKE 'audit\_%'",
)

_CHANNEL: Final = "cloudsvc_audit"
"""Nothing is told over it: who listens is present, and keeps others from migrating."""


@define(eq=False, kw_only=True)
class PostgreSQLAudit(DatabaseAudit[PostgreSQLConnection]):
    """
    A :class:`cloudsvc.audit.log.AuditLog` in a PostgreSQL database. Whoever opens it closes it.

    An append whose commit was not answered is ``commit_unknown``: its entries may be there, and are there twice
    where they are appended again.
    """

    _listener: Listener
    _watchdog: Watchdog

    async def close(self) -> None:
        """Finish what was asked for, and let go of the database."""
        try:
            await self._listener.close()
        finally:
            try:
                await super().close()
            finally:
                self._watchdog.stop()


def migrate(url: Secret) -> None:
    """
    Make the tables in a database without them, or bring older ones to the newest schema. Blocks.

    :raises OperatorError: it cannot be done, and what to do; nothing was changed.
    """
    with migrated(url, TABLES):
        pass


async def open_postgresql_audit(
    url: Secret,
    *,
    writer: ThreadRunner,
    readers: ThreadRunner,
    reactor: IListeningReactor,
    monotonic: Callable[[], float] = time.monotonic,
    meter: DatabaseMeter = UNMETERED,
) -> PostgreSQLAudit:
    """
    The audit in a database whose tables of this kind are migrated.

    :param url: of the database, with the password of its user.
    :param writer: exactly one thread.
    :param readers: at least :data:`~cloudsvc.storage.database.lanes.READER_THREADS` of them.
    :param monotonic: a clock in seconds, by which reads take too long.
    :param meter: is told how the database is used.
    :raises OperatorError: it cannot be opened, and what to do.
    """
    watchdog = Watchdog(reactor)
    database = Database.of(url, watchdog, meter)
    listener = Listener(
        database=database,
        lock=AUDIT.presence,
        channel=_CHANNEL,
        look=_check,
        threads=readers,
        reactor=reactor,
        on_wake=lambda: None,
    )
    with telling_operators():
        await listener.open()
    watchdog.start()
    return PostgreSQLAudit(
        writer=Writer(
            transactions=PostgreSQLTransactions(database=database, lock=AUDIT.writing, monotonic=monotonic),
            threads=writer,
        ),
        readers=Readers(
            sessions=PostgreSQLSessions(database, monotonic),
            threads=readers,
            monotonic=monotonic,
            on_repeat=partial(meter.note_repeated, Use.READING),
        ),
        listener=listener,
        watchdog=watchdog,
    )


def _check(connection: PostgreSQLConnection) -> str:
    found = find_revision(connection, HISTORY)
    if found != HEAD:
        raise Unreachable(f"the audit has the schema {found}, not {HEAD}; the same cloudsvc has to migrate it")
    return ""
