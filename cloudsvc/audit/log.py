"""
Interface of the audit log.

Each method is one atomic step on durable storage: when it returns, what it did survives a power failure; when it
raises, it did nothing. It decides no permission. Errors are ``UNAVAILABLE`` and ``NO_SPACE`` when the storage fails.
Several processes and nodes may append: the store decides on the order, under one lock.

What nobody could have appended, since somebody has altered it, is left out wherever entries are read, as if it were
missing. Nothing here changes an entry. Entries end by being cut off at the beginning, and in no other way; the log
remembers the digest at which the rest begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from attrs import frozen

from cloudsvc.audit.chain import Head
from cloudsvc.audit.entries import Entry, Event, Wanted
from cloudsvc.core.clock import Instant


@frozen(kw_only=True)
class Extent:
    """
    Which entries there are.

    :ivar base: the last one that was cut off; :data:`~cloudsvc.audit.chain.BEGINNING` where none was.
    :ivar head: the last one; ``base`` where there is none.
    """

    base: Head
    head: Head


@frozen(kw_only=True)
class Page:
    """
    Some of the entries that were asked for.

    :ivar entries: the newest first. There may be none of them though there is more.
    :ivar before: where the next page begins; ``None`` where nothing is left.
    """

    entries: Sequence[Entry]
    before: int | None


class AuditLog(Protocol):
    """Keeps the entries of an audit."""

    async def append(self, events: Sequence[Event]) -> Head:
        """
        Append ``events``, :data:`~cloudsvc.audit.bounds.MAX_TOGETHER` at most, in this order and next to each other.

        :return: how far the audit has come with them.
        """
        ...

    async def find_extent(self) -> Extent:
        """Which entries there are now. Quick."""
        ...

    async def read(self, after: int, limit: int) -> Sequence[Entry]:
        """
        Up to ``limit`` entries in their order, as they are kept: nothing is said of whether the chain holds.

        :param after: leaves out all up to this number.
        """
        ...

    async def find_page(self, wanted: Wanted, limit: int, *, before: int | None = None) -> Page:
        """
        Up to ``limit`` of the entries that are wanted, of the newest
        :data:`~cloudsvc.audit.bounds.MAX_LOOKED_THROUGH` entries.

        :param before: leaves out all from this number on.
        """
        ...

    async def cut(self, before: Instant, limit: int) -> int:
        """
        Cut off up to ``limit`` entries at the beginning: as far as all of them happened before this moment. How many
        there were.
        """
        ...

    async def tidy(self) -> None:
        """Have ready again what was given up when space was short, if there is any."""
        ...
