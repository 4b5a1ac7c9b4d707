"""The store of users, groups and keys in PostgreSQL, in the database of the catalogue."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

from attrs import define

from cloudsvc.core.reactors import IListeningReactor
from cloudsvc.core.secrets import Secret
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.drive.changes import ChangeSignal
from cloudsvc.storage.database.polling import Lookout
from cloudsvc.storage.database.postgresql.connections import PostgreSQLConnection
from cloudsvc.storage.database.postgresql.locks import IDENTITY
from cloudsvc.storage.database.postgresql.migration import Tables, migrated
from cloudsvc.storage.database.postgresql.opening import OpenTables, open_tables
from cloudsvc.storage.identity.migration import HISTORY
from cloudsvc.storage.identity.revisions import find_revision as find_last_change
from cloudsvc.storage.identity.store import DatabaseIdentity
from cloudsvc.storage.meters import UNMETERED, DatabaseMeter

TABLES: Final = Tables(
    history=HISTORY,
    locks=IDENTITY,
    known=("identity_user", "identity_state"),
    names=r"relname LIKE 'identity\_%'",
)

LOOK_SECONDS: Final = 5.0
"""Between two looks for changes of which no notification has come."""

_CHANNEL: Final = "cloudsvc_identity"


@define(eq=False, kw_only=True)
class PostgreSQLIdentity(DatabaseIdentity[PostgreSQLConnection]):
    """
    A :class:`cloudsvc.identity.store.IdentityStore` in a PostgreSQL database. Whoever opens it closes it.

    A change whose commit was not answered is ``commit_unknown``: it may have been done, which whoever looks again sees.
    """

    _lookout: Lookout
    _tables: OpenTables

    async def close(self) -> None:
        """Finish what was asked for, and let go of the database."""
        try:
            await self._lookout.stop()
        finally:
            await self._tables.close(super().close)


def migrate(url: Secret) -> None:
    """
    Make the tables in a database without them, or bring older ones to the newest schema. Blocks.

    :raises OperatorError: it cannot be done, and what to do; nothing was changed.
    """
    with migrated(url, TABLES):
        pass


async def open_postgresql_identity(
    url: Secret,
    *,
    writer: ThreadRunner,
    readers: ThreadRunner,
    reactor: IListeningReactor,
    monotonic: Callable[[], float] = time.monotonic,
    meter: DatabaseMeter = UNMETERED,
    look_seconds: float = LOOK_SECONDS,
) -> PostgreSQLIdentity:
    """
    The store in a database whose tables of this kind are migrated.

    :param url: of the database, with the password of its user.
    :param writer: exactly one thread.
    :param readers: at least :data:`~cloudsvc.storage.database.lanes.READER_THREADS` of them.
    :param monotonic: a clock in seconds, by which reads take too long.
    :param meter: is told how the database is used.
    :param look_seconds: between two looks for changes of which no notification has come.
    :raises OperatorError: it cannot be opened, and what to do.
    """
    signal = ChangeSignal()
    tables = await open_tables(
        url,
        TABLES,
        channel=_CHANNEL,
        signal=signal,
        writer=writer,
        readers=readers,
        reactor=reactor,
        monotonic=monotonic,
        meter=meter,
    )
    lookout = Lookout(
        find_last=lambda: tables.readers.run(find_last_change), signal=signal, clock=reactor, every=look_seconds
    )
    store = PostgreSQLIdentity(
        writer=tables.writer, readers=tables.readers, signal=signal, lookout=lookout, tables=tables
    )
    lookout.start()
    return store
