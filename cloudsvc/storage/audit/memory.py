"""An audit in plain memory: what the other ones are held against."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import takewhile

from attrs import define, field

from cloudsvc.audit import bounds
from cloudsvc.audit.chain import BEGINNING, Head, chain
from cloudsvc.audit.entries import Entry, Event, Wanted
from cloudsvc.audit.log import Extent, Page
from cloudsvc.core.clock import Instant


@define(eq=False)
class Entries:
    """All that is kept."""

    base: Head = BEGINNING
    entries: list[Entry] = field(factory=list)

    @property
    def head(self) -> Head:
        """The last one."""
        if not self.entries:
            return self.base
        return Head(number=self.entries[-1].number, digest=self.entries[-1].digest)


@define(eq=False)
class MemoryAudit:
    """
    See :class:`cloudsvc.audit.log.AuditLog`.

    :param entries: what several of them may share, as processes share a database.
    """

    _kept: Entries = field(factory=Entries)

    async def append(self, events: Sequence[Event]) -> Head:
        """See :class:`~cloudsvc.audit.log.AuditLog`."""
        self._kept.entries += chain(self._kept.head, events)
        return self._kept.head

    async def find_extent(self) -> Extent:
        """See :class:`~cloudsvc.audit.log.AuditLog`."""
        return Extent(base=self._kept.base, head=self._kept.head)

    async def read(self, after: int, limit: int) -> Sequence[Entry]:
        """See :class:`~cloudsvc.audit.log.AuditLog`."""
        return [each for each in self._kept.entries if each.number > after][: min(limit, bounds.MAX_TOGETHER)]

    async def find_page(self, wanted: Wanted, limit: int, *, before: int | None = None) -> Page:
        """See :class:`~cloudsvc.audit.log.AuditLog`."""
        limit = min(limit, bounds.MAX_TOGETHER)
        older = [each for each in self._kept.entries if before is None or each.number < before][::-1]
        looked = older[: bounds.MAX_LOOKED_THROUGH]
        found = [each for each in looked if wanted.includes(each.event)][:limit]
        last = found[-1] if len(found) >= limit else looked[-1] if looked else None
        is_more = last is not None and last is not older[-1]
        return Page(entries=found, before=last.number if last is not None and is_more else None)

    async def tidy(self) -> None:
        """There is nothing to be given up."""

    async def cut(self, before: Instant, limit: int) -> int:
        """See :class:`~cloudsvc.audit.log.AuditLog`."""
        oldest = self._kept.entries[: min(limit, bounds.MAX_TOGETHER)]
        cut_off = [*takewhile(lambda each: each.event.at < before, oldest)]
        if cut_off:
            self._kept.base = Head(number=cut_off[-1].number, digest=cut_off[-1].digest)
            del self._kept.entries[: len(cut_off)]
        return len(cut_off)
