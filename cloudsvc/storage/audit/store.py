"""The audit in a database: which statements run in which thread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Generic, TypeVar

from attrs import define

from cloudsvc.audit import bounds
from cloudsvc.audit.chain import Head
from cloudsvc.audit.entries import Entry, Event, Wanted
from cloudsvc.audit.log import Extent, Page
from cloudsvc.core.clock import Instant
from cloudsvc.storage.audit import entries
from cloudsvc.storage.database.group_commit import Writer
from cloudsvc.storage.database.lanes import Lane
from cloudsvc.storage.database.reading import Readers, ReadingConnection

C = TypeVar("C", bound=ReadingConnection)


@define(eq=False, kw_only=True)
class DatabaseAudit(Generic[C]):
    """A :class:`cloudsvc.audit.log.AuditLog` in a database. Several processes may have it open."""

    _writer: Writer[C]
    _readers: Readers[C]

    async def close(self) -> None:
        """Finish what was asked for, and let go of the database."""
        try:
            await self._readers.close()
        finally:
            await self._writer.close()

    async def append(self, events: Sequence[Event]) -> Head:
        """
        As :meth:`cloudsvc.audit.log.AuditLog.append`.

        :raises ValueError: there are more.
        """
        if len(events) > bounds.MAX_TOGETHER:
            raise ValueError(f"{len(events)} events are more than are appended together")
        return await self._writer.run(lambda connection: entries.append(connection, events), frees=True)

    async def find_extent(self) -> Extent:
        """As :meth:`cloudsvc.audit.log.AuditLog.find_extent`."""
        return await self._readers.run(entries.find_extent)

    async def read(self, after: int, limit: int) -> Sequence[Entry]:
        """As :meth:`cloudsvc.audit.log.AuditLog.read`."""
        return await self._readers.run(lambda connection: entries.read(connection, after, limit), Lane.PAGES)

    async def find_page(self, wanted: Wanted, limit: int, *, before: int | None = None) -> Page:
        """As :meth:`cloudsvc.audit.log.AuditLog.find_page`."""
        return await self._readers.run(
            lambda connection: entries.find_page(connection, wanted, limit, before), Lane.PAGES
        )

    async def cut(self, before: Instant, limit: int) -> int:
        """As :meth:`cloudsvc.audit.log.AuditLog.cut`."""
        return await self._writer.run(lambda connection: entries.cut(connection, before, limit), frees=True)

    async def tidy(self) -> None:
        """As :meth:`cloudsvc.audit.log.AuditLog.tidy`; where the database is elsewhere, its space is not ours."""
