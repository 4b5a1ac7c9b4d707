"""The audit in PostgreSQL, in the database of the catalogue."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from attrs import define

from cloudsvc.core.reactors import IListeningReactor
from cloudsvc.core.secrets import Secret
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.changes import ChangeSignal
from cloudsvc.storage.audit.migration import HISTORY
from cloudsvc.storage.audit.store import DatabaseAudit
from cloudsvc.storage.database.postgresql.connections import PostgreSQLConnection
from cloudsvc.storage.database.postgresql.locks import AUDIT
from cloudsvc.storage.database.postgresql.migration import Tables, migrated
from cloudsvc.storage.database.postgresql.opening import OpenTables, open_tables
from cloudsvc.storage.meters import UNMETERED, DatabaseMeter

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

    _tables: OpenTables

    async def close(self) -> None:
        """Finish what was asked for, and let go of the database."""
        await self._tables.close(super().close)


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
    tables = await open_tables(
        url,
        TABLES,
        channel=_CHANNEL,
        signal=ChangeSignal(),
        writer=writer,
        readers=readers,
        reactor=reactor,
        monotonic=monotonic,
        meter=meter,
    )
    return PostgreSQLAudit(writer=tables.writer, readers=tables.readers, tables=tables)
