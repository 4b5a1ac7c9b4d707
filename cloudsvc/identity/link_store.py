"""
Interface of the store of links, which is that of users, groups and keys (:mod:`cloudsvc.identity.store`): each method
is one atomic step on durable storage, of which the same holds.

Links of a user end with them. Those that were made by a key, or by keys that were made by it, are revoked where these
keys are (:meth:`cloudsvc.identity.store.IdentityStore.revoke_keys`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from cloudsvc.core.clock import Instant
from cloudsvc.identity.link_format import LinkId
from cloudsvc.identity.links import FoundLink, Link, LinkUse


class LinkStore(Protocol):
    """Keeps links."""

    async def add_link(self, link: Link, digest: bytes) -> Link:
        """
        Add a link whose ``revision`` and ``made`` are ``NEVER``.

        :param digest: SHA-256 of its secret.
        :return: as it is now.
        :raises CloudError: its holder is not there; the key by which it is made has ended when it is created, or is not
            there; there are too many, of its maker or in all.
        """
        ...

    async def find_link(self, link: LinkId) -> FoundLink | None:
        """A link, and its holder as they are now; the same work whether there is one or not."""
        ...

    async def list_links(self, limit: int, *, after: LinkId | None = None) -> Sequence[Link]:
        """
        Links by their ids, compared by code points, with those that have ended.

        :param after: leaves out all up to this one.
        """
        ...

    async def replace_link(self, link: Link) -> Link:
        """
        Make ``link`` what the link of this id is; id, role, target, holder, maker, ``made_by``, ``created_at``,
        ``made``, ``uses`` and ``last_used`` stay as they are kept.

        :return: as it is now.
        :raises CloudError: there is no such link; ``changed_meanwhile``.
        """
        ...

    async def revoke_link(self, link: LinkId, moment: Instant) -> bool:
        """
        Revoke a link, as it may have become meanwhile. Whether there was anything to revoke: if not, it is no change.

        :raises CloudError: there is no such link.
        """
        ...

    async def count_use(self, link: LinkId, mark: bytes, moment: Instant, *, begins: bool) -> bool:
        """
        Count a use of a link, if it takes one more. It is no change.

        Parts of one download have the same mark. One that does not begin belongs to the use of this mark that was
        counted last, less than :data:`PART_SECONDS <cloudsvc.identity.bounds.PART_SECONDS>` ago, and is none of its
        own, :data:`MAX_PARTS <cloudsvc.identity.bounds.MAX_PARTS>` times; then that use is forgotten.

        :param mark: 32 bytes.
        :param begins: whether it is the beginning of a use.
        :return: whether it is counted, or belongs to a use that was; a link that is not there takes none.
        """
        ...

    async def note_link_uses(self, uses: Mapping[LinkId, LinkUse]) -> None:
        """
        Add to the uses of links, :data:`MAX_NOTED <cloudsvc.identity.bounds.MAX_NOTED>` at most. Those that are not
        there are passed over. It is no change.
        """
        ...

    async def remove_ended_links(self, before: Instant, limit: int) -> int:
        """
        Remove up to ``limit`` links that have expired or were revoked before this moment, the first to end first. How
        many there were; it is no change if there were none.
        """
        ...
