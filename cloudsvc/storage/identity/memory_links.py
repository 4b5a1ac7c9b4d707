"""Links in plain memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from attrs import define, evolve

from cloudsvc.core.clock import Instant
from cloudsvc.identity import bounds
from cloudsvc.identity.errors import changed_meanwhile, key_ended, link_not_found, too_many, user_not_found
from cloudsvc.identity.link_format import LinkId
from cloudsvc.identity.links import FoundLink, Link, LinkUse
from cloudsvc.storage.identity.memory_steps import MemorySteps


@define(eq=False)
class MemoryLinks(MemorySteps):
    """See :class:`cloudsvc.identity.link_store.LinkStore`."""

    async def add_link(self, link: Link, digest: bytes) -> Link:
        """See :class:`~cloudsvc.identity.link_store.LinkStore`."""
        accounts = self._accounts
        by = None if link.made_by is None else accounts.keys.get(link.made_by)
        if link.made_by is not None and (by is None or not by.is_alive(link.created_at)):
            raise key_ended()
        if link.holder is not None and link.holder not in accounts.users:
            raise user_not_found()
        if sum(each.maker == link.maker for each, _ in accounts.links.values()) >= bounds.MAX_MAKER_LINKS:
            raise too_many("links of one's own", bounds.MAX_MAKER_LINKS)
        if len(accounts.links) >= bounds.MAX_LINKS:
            raise too_many("links", bounds.MAX_LINKS)
        revision = accounts.change(adds=True)
        added = evolve(link, made=revision, revision=revision)
        accounts.links[link.id] = added, digest
        return added

    async def find_link(self, link: LinkId) -> FoundLink | None:
        """See :class:`~cloudsvc.identity.link_store.LinkStore`."""
        accounts = self._accounts
        kept = accounts.links.get(link)
        if kept is None:
            return None
        found, digest = kept
        return FoundLink(
            link=found,
            digest=digest,
            holder=None if found.holder is None else accounts.hold(accounts.users[found.holder]),
            is_void=found.made <= accounts.void_until,
        )

    async def list_links(self, limit: int, *, after: LinkId | None = None) -> Sequence[Link]:
        """See :class:`~cloudsvc.identity.link_store.LinkStore`."""
        links = self._accounts.links
        return [links[each][0] for each in sorted(links) if after is None or each > after][:limit]

    async def replace_link(self, link: Link) -> Link:
        """See :class:`~cloudsvc.identity.link_store.LinkStore`."""
        if self._find_link(link.id).revision != link.revision:
            raise changed_meanwhile()
        return self._replace_link(link)

    async def revoke_link(self, link: LinkId, moment: Instant) -> bool:
        """See :class:`~cloudsvc.identity.link_store.LinkStore`."""
        kept = self._find_link(link)
        if kept.revoked_at is not None:
            return False
        self._replace_link(evolve(kept, revoked_at=moment))
        return True

    async def count_use(self, link: LinkId, mark: bytes, moment: Instant, *, begins: bool) -> bool:
        """See :class:`~cloudsvc.identity.link_store.LinkStore`."""
        accounts = self._accounts
        if link not in accounts.links:
            return False
        since = moment - bounds.PART_SECONDS * 1_000_000
        begun_at, parts = accounts.parts.get((link, mark), (since, 0))
        if not begins and begun_at > since and parts < bounds.MAX_PARTS:
            accounts.parts[link, mark] = begun_at, parts + 1
            return True
        kept, digest = accounts.links[link]
        if kept.is_used_up:
            return False
        accounts.links[link] = evolve(kept, uses=kept.uses + 1, last_used=moment), digest
        for each in [each for each, (at, _) in accounts.parts.items() if each[0] == link and at <= since]:
            del accounts.parts[each]
        accounts.parts[link, mark] = moment, 0
        return True

    async def note_link_uses(self, uses: Mapping[LinkId, LinkUse]) -> None:
        """See :class:`~cloudsvc.identity.link_store.LinkStore`."""
        links = self._accounts.links
        for each, use in uses.items():
            if each in links:
                kept, digest = links[each]
                last = use.last if kept.last_used is None else max(kept.last_used, use.last)
                links[each] = evolve(kept, uses=kept.uses + use.count, last_used=last), digest

    async def remove_ended_links(self, before: Instant, limit: int) -> int:
        """See :class:`~cloudsvc.identity.link_store.LinkStore`."""
        links = self._accounts.links
        ended = [(link.ended_at, link.id) for link, _ in links.values() if link.ended_at is not None]
        chosen = [link for moment, link in sorted(ended) if moment < before][:limit]
        self._accounts.drop_links(chosen)
        if chosen:
            self._accounts.change()
        return len(chosen)

    def _find_link(self, link: LinkId) -> Link:
        if link not in self._accounts.links:
            raise link_not_found()
        return self._accounts.links[link][0]

    def _replace_link(self, link: Link) -> Link:
        accounts = self._accounts
        kept, _ = accounts.links[link.id]
        replaced = evolve(
            kept,
            label=link.label,
            password=link.password,
            most_uses=link.most_uses,
            expires_at=link.expires_at,
            revoked_at=link.revoked_at,
            revision=accounts.change(),
        )
        accounts.hold_link(replaced)
        return replaced
