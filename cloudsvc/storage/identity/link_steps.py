"""Links in the store of accounts in a database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

from attrs import define

from cloudsvc.core.clock import Instant
from cloudsvc.identity.link_format import LinkId
from cloudsvc.identity.links import FoundLink, Link, LinkUse
from cloudsvc.storage.database.lanes import Lane
from cloudsvc.storage.database.reading import ReadingConnection
from cloudsvc.storage.identity import links
from cloudsvc.storage.identity.steps import Steps

C = TypeVar("C", bound=ReadingConnection)


@define(eq=False, kw_only=True)
class LinkSteps(Steps[C]):
    """A :class:`cloudsvc.identity.link_store.LinkStore` in a database."""

    async def add_link(self, link: Link, digest: bytes) -> Link:
        """As :meth:`cloudsvc.identity.link_store.LinkStore.add_link`."""
        return await self._change(lambda connection: links.add_link(connection, link, digest))

    async def find_link(self, link: LinkId) -> FoundLink | None:
        """As :meth:`cloudsvc.identity.link_store.LinkStore.find_link`."""
        return await self._readers.run(lambda connection: links.find_link(connection, link))

    async def list_links(self, limit: int, *, after: LinkId | None = None) -> Sequence[Link]:
        """As :meth:`cloudsvc.identity.link_store.LinkStore.list_links`."""
        return await self._readers.run(lambda connection: links.list_links(connection, limit, after), Lane.PAGES)

    async def replace_link(self, link: Link) -> Link:
        """As :meth:`cloudsvc.identity.link_store.LinkStore.replace_link`."""
        return await self._change(lambda connection: links.replace_link(connection, link))

    async def revoke_link(self, link: LinkId, moment: Instant) -> bool:
        """As :meth:`cloudsvc.identity.link_store.LinkStore.revoke_link`."""
        return await self._change(lambda connection: links.revoke_link(connection, link, moment))

    async def count_use(self, link: LinkId, mark: bytes, moment: Instant, *, begins: bool) -> bool:
        """As :meth:`cloudsvc.identity.link_store.LinkStore.count_use`."""
        return await self._writer.run(lambda connection: links.count_use(connection, link, mark, moment, begins=begins))

    async def note_link_uses(self, uses: Mapping[LinkId, LinkUse]) -> None:
        """As :meth:`cloudsvc.identity.link_store.LinkStore.note_link_uses`."""
        await self._writer.run(lambda connection: links.note_uses(connection, uses))

    async def remove_ended_links(self, before: Instant, limit: int) -> int:
        """As :meth:`cloudsvc.identity.link_store.LinkStore.remove_ended_links`."""
        return await self._change(lambda connection: links.remove_ended_links(connection, before, limit))
