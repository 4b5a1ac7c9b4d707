"""Opening of the audit, in whatever engine a drive has its catalogue."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from cloudsvc.audit.log import AuditLog
from cloudsvc.core.reactors import IReactor
from cloudsvc.core.threads import ThreadRunner
from cloudsvc.storage.audit.sqlite import NAME, open_sqlite_audit
from cloudsvc.storage.database.sqlite.presence import telling_operators
from cloudsvc.storage.engines import LOCAL, Engines
from cloudsvc.storage.meters import UNMETERED, DatabaseMeter


class OpenAuditLog(AuditLog, Protocol):
    """An audit in use. Whoever opened it closes it."""

    async def close(self) -> None:
        """Finish what was asked for, and let go of it."""
        ...


async def open_audit(
    data: Path,
    engines: Engines = LOCAL,
    *,
    writer: ThreadRunner,
    readers: ThreadRunner,
    reactor: IReactor,
    meter: DatabaseMeter = UNMETERED,
) -> OpenAuditLog:
    """
    The audit beside the drive in ``data``, or in the database of its catalogue. It is made where it is missing, and
    migrated where it is older. Whoever opens it closes it.

    :param data: the directory of a home in which those of its services are.
    :param writer: exactly one thread, which nothing else is done in.
    :param readers: :data:`~cloudsvc.storage.database.lanes.READER_THREADS` of them, likewise.
    :param meter: is told how a database is used that is elsewhere.
    :raises OperatorError: it cannot be opened, and what to do.
    """
    path = data / NAME
    if engines.database is None:
        advice = "move it away, where it can be looked at, and a new one begins"
        with telling_operators(path, "the audit", advice):
            return await open_sqlite_audit(path, writer=writer, readers=readers)
    # Its driver is an extra.
    from cloudsvc.storage.audit.postgresql import migrate, open_postgresql_audit  # noqa: PLC0415  # as above

    await writer.run(migrate, engines.database)
    return await open_postgresql_audit(engines.database, writer=writer, readers=readers, reactor=reactor, meter=meter)
