"""
Use-cases of links: they ask whether the actor may, and then the store.

Whoever makes a link gives others what they may do themselves, by the key with which they ask, and no more: they have to
see what is to be seen, and to be able to make files where some are to be brought. It ends no later than that key. What
a link lets do is decided each time that it is used, by what its maker may do then
(:mod:`cloudsvc.identity.link_resolving`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Final

from attrs import evolve, frozen

from cloudsvc.core.actors import MAX_GRANTS, OWNER, Actor, Grant, Role
from cloudsvc.core.clock import Instant
from cloudsvc.core.managers import is_manager
from cloudsvc.core.secrets import Secret
from cloudsvc.identity import bounds
from cloudsvc.identity.authority import Authority
from cloudsvc.identity.errors import (
    invalid_expiry,
    invalid_limit,
    link_ended,
    link_needs_folder,
    link_not_found,
    link_too_wide,
    links_of_accounts,
    rate_not_shared,
)
from cloudsvc.identity.folders import Folders
from cloudsvc.identity.grants import Chains, is_included
from cloudsvc.identity.key_limits import check_end
from cloudsvc.identity.keys import LATEST_END, Key
from cloudsvc.identity.link_format import LinkId, is_link_id, make_link_secret
from cloudsvc.identity.link_resolving import SCOPE_OF_ROLE
from cloudsvc.identity.links import Link
from cloudsvc.identity.names import parse_display_name
from cloudsvc.identity.passwords import MIN_LINK_PASSWORD, Passwords, parse_password
from cloudsvc.identity.store import IdentityStore

_STEP: Final = MAX_GRANTS
"""Links that are looked through in one step; there are a few thousand."""


@frozen(kw_only=True)
class LinkFields:
    """
    What is said of a link; ``None`` leaves each as it is, and for a new one as it is without saying.

    :ivar password: empty for none.
    :ivar most_uses: 0 for any number.
    :ivar expires_at: 0 for never.
    """

    label: str | None = None
    password: Secret | None = None
    most_uses: int | None = None
    expires_at: Instant | None = None


@frozen(kw_only=True)
class MadeLink:
    """
    A link that has just been made.

    :ivar secret: is told once.
    """

    link: Link
    secret: Secret


@frozen(kw_only=True)
class Linker:
    """
    Links. Every method takes the actor on whose behalf it works. Errors are those of :mod:`cloudsvc.identity.errors`.

    Everybody has their own links. Whoever manages what a link is for sees and revokes it too; who manages the accounts
    has everybody's.

    :param settle: is awaited after each change: what it has taken from somebody holds when it returns.
    """

    _store: IdentityStore
    _authority: Authority
    _folders: Folders
    _passwords: Passwords
    _now: Callable[[], Instant]
    _settle: Callable[[], Awaitable[object]]

    async def make(self, actor: Actor, path: str, role: Role, fields: LinkFields) -> MadeLink:
        """
        Make a link to the file or folder at ``path``.

        :param role: to see it, or to bring files into it.
        :raises CloudError: there is nothing that the actor sees, they may not, or a value is wrong.
        """
        acting = await self._authority.find_acting_key(actor)
        if acting is not None and acting.rate is not None:
            raise rate_not_shared()
        holder = await self._authority.find_self(actor)
        if holder is None and acting is None and actor != OWNER:
            raise links_of_accounts()
        target = await self._folders.find_node(actor, path)
        if role is Role.UPLOADER and not target.is_folder:
            raise link_needs_folder()
        await self._check_may(actor, target.id, role)
        made = make_link_secret()
        link = Link(
            id=LinkId(made.id),
            role=role,
            target=target.id,
            holder=None if holder is None else holder.id,
            maker=actor.name,
            made_by=None if acting is None else acting.id,
            created_at=self._now(),
            expires_at=None if acting is None else acting.expires_at,
        )
        link = await self._apply_fields(link, fields, acting)
        return MadeLink(link=await self._store.add_link(link, made.digest), secret=made.text)

    async def find_link(self, actor: Actor, link: str) -> Link:
        """
        A link, without its secret.

        :raises CloudError: there is none of this id that the actor may know of.
        """
        found = await self._store.find_link(LinkId(link)) if is_link_id(link) else None
        if found is None or not await self._list_known(actor, [found.link]):
            raise link_not_found()
        return found.link

    async def list_links(
        self, actor: Actor, limit: int, *, after: str | None = None, path: str | None = None
    ) -> Sequence[Link]:
        """
        Links that the actor may know of, by their ids, after one.

        :param path: only those to what is there, and to what is in it.
        :raises CloudError: there is nothing there that the actor sees.
        """
        within = None if path is None else (await self._folders.find_node(actor, path)).id
        found: list[Link] = []
        last = None if after is None else LinkId(after)
        while len(found) < limit:
            some = await self._store.list_links(_STEP, after=last)
            found += await self._list_known(actor, some, within)
            if len(some) < _STEP:
                break
            last = some[-1].id
        return found[:limit]

    async def edit_link(self, actor: Actor, link: str, fields: LinkFields) -> Link:
        """
        Change what is said of a link of one's own.

        :raises CloudError: a value is wrong, it has ended, or there is none.
        """
        acting = await self._authority.find_acting_key(actor)
        found = await self.find_link(actor, link)
        if found.maker != actor.name and not is_manager(actor):
            raise link_too_wide()
        if not found.is_alive(self._now()):
            raise link_ended()
        await self._check_may(actor, found.target, found.role)
        edited = await self._apply_fields(found, fields, acting)
        replaced = await self._store.replace_link(edited)
        await self._settle()
        return replaced

    async def revoke(self, actor: Actor, link: str) -> Link:
        """
        End a link, now and for good. When it returns, it is refused everywhere within a second.

        :raises CloudError: there is none of this id that the actor may know of.
        """
        found = await self.find_link(actor, link)
        if not await self._store.revoke_link(found.id, self._now()):
            return found
        await self._settle()
        return await self.find_link(actor, link)

    async def tell_paths(self, actor: Actor, links: Collection[Link]) -> Mapping[int, str]:
        """The paths of what ``links`` are for, as far as the actor may look there."""
        return await self._folders.tell_paths(actor, {link.target for link in links})

    # --------------------------------------------------------------------------------------------------------------

    async def _check_may(self, actor: Actor, target: int, role: Role) -> None:
        """See that the actor may do what a link would let others do."""
        chains = await self._folders.locate([target])
        grant = Grant(role=role, folder=target)
        if not actor.may(SCOPE_OF_ROLE[role]) or not is_included(grant, actor.grants, chains):
            raise link_too_wide()

    async def _apply_fields(self, link: Link, fields: LinkFields, acting: Key | None) -> Link:
        """``link`` with what is said of it."""
        if fields.label is not None:
            link = evolve(link, label=parse_display_name(fields.label))
        if fields.most_uses is not None:
            if not 0 <= fields.most_uses <= bounds.MAX_LINK_USES:
                raise invalid_limit(bounds.MAX_LINK_USES)
            link = evolve(link, most_uses=fields.most_uses or None)
        if fields.expires_at is not None:
            if fields.expires_at != 0 and not self._now() < fields.expires_at <= LATEST_END:
                raise invalid_expiry()
            link = evolve(link, expires_at=fields.expires_at or None)
        check_end(link.expires_at, acting)
        if fields.password is not None:
            text = fields.password.reveal()
            link = evolve(
                link, password=await self._passwords.hash(parse_password(text, MIN_LINK_PASSWORD)) if text else None
            )
        return link

    async def _list_known(self, actor: Actor, links: Sequence[Link], within: int | None = None) -> list[Link]:
        """Those that the actor may know of, :data:`_STEP` at most."""
        if is_manager(actor) and within is None:
            return [*links]
        chains = await self._folders.locate({link.target for link in links})
        return [
            link
            for link in links
            if (link.maker == actor.name or _manages(actor, link, chains))
            and (within is None or within in chains.get(link.target, ()))
        ]


def _manages(actor: Actor, link: Link, chains: Chains) -> bool:
    """Whether the actor manages what a link is for."""
    if is_manager(actor):
        return True
    wanted = Grant(role=Role.MANAGER, folder=link.target)
    return link.target in chains and is_included(wanted, actor.grants, chains)
