"""Opening of the store of users, groups and keys, in whatever engine a drive has its catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from cloudsvc.core.errors import OperatorError
from cloudsvc.core.reactors import IReactor
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.identity.revisions import Standing
from cloudsvc.identity.store import IdentityStore
from cloudsvc.storage.database.sqlite.presence import telling_operators
from cloudsvc.storage.engines import LOCAL, Engines
from cloudsvc.storage.identity.sqlite import NAME, open_sqlite_identity
from cloudsvc.storage.meters import UNMETERED, DatabaseMeter
from cloudsvc.webhooks.store import WebhookStore


class OpenIdentityStore(IdentityStore, WebhookStore, Protocol):
    """A store in use. Whoever opened it closes it."""

    async def copy(self, destination: Path) -> None:
        """As :meth:`cloudsvc.storage.identity.store.DatabaseIdentity.copy`."""
        ...

    async def replace(self, source: Path, *, ends_credentials: bool) -> Standing:
        """As :meth:`cloudsvc.storage.identity.store.DatabaseIdentity.replace`."""
        ...

    async def close(self) -> None:
        """Finish what was asked for, and let go of it."""
        ...


async def open_identity(
    data: Path,
    engines: Engines = LOCAL,
    *,
    writer: ThreadRunner,
    readers: ThreadRunner,
    reactor: IReactor,
    meter: DatabaseMeter = UNMETERED,
) -> OpenIdentityStore:
    """
    The store beside the drive in ``data``, or in the database of its catalogue. It is made where it is missing, and
    migrated where it is older. Whoever opens it closes it.

    :param data: the directory of a home in which those of its services are.
    :param writer: exactly one thread, which nothing else is done in: whoever signs in does not wait for uploads.
    :param readers: :data:`~cloudsvc.storage.database.lanes.READER_THREADS` of them, likewise.
    :param meter: is told how a database is used that is elsewhere.
    :raises OperatorError: it cannot be opened, and what to do.
    """
    path = data / NAME
    if engines.database is None:
        advice = "put a copy of it back, or move it away, and the owner alone is let in"
        with telling_operators(path, "the accounts", advice):
            return await open_sqlite_identity(path, writer=writer, readers=readers, clock=reactor)
    # Its driver is an extra.
    from cloudsvc.storage.identity.postgresql import migrate, open_postgresql_identity  # noqa: PLC0415  # as above

    if await writer.run(path.exists):
        advice = "drop database.url, or move that file away"
        raise OperatorError([f"there are accounts in {path} and in the database may be others: {advice}"])
    await writer.run(migrate, engines.database)
    return await open_postgresql_identity(
        engines.database, writer=writer, readers=readers, reactor=reactor, meter=meter
    )
