"""Resolution of links: whether one is any good, and what whoever shows it may do at this moment."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Mapping
from typing import Final

from attrs import define, field, frozen

from cloudsvc.core.actors import OWNER, Actor, Grant, Role
from cloudsvc.core.clock import Instant
from cloudsvc.identity.authority import name_program
from cloudsvc.identity.bounds import MAX_NOTED
from cloudsvc.identity.folders import Folders, Place
from cloudsvc.identity.grants import is_included, meet_grants
from cloudsvc.identity.link_format import LinkId, read_link_secret
from cloudsvc.identity.links import LINK_CREDENTIAL, FoundLink, Link, LinkUse
from cloudsvc.identity.scopes import READ_FILES, WRITE_FILES
from cloudsvc.identity.store import IdentityStore

_NOBODY: Final = bytes(32)
"""The digest of no secret that anyone could find; comparing with it makes a missing link cost the same."""

SCOPE_OF_ROLE: Final = {Role.VIEWER: READ_FILES, Role.UPLOADER: WRITE_FILES}
"""What its maker has to have for it, and what whoever shows it has."""


@frozen(kw_only=True)
class ResolvedLink:
    """
    A link that is good.

    :ivar actor: who acts by it: what its maker may do at this moment, as far as the link goes.
    :ivar path: where its target is now.
    """

    actor: Actor
    link: Link
    path: str

    @property
    def until(self) -> Instant | None:
        """When it ends by itself; ``None`` for never."""
        return self.link.ended_at


def name_link(link: LinkId) -> str:
    """The name of who acts by a link, and of the link as a credential."""
    return f"{LINK_CREDENTIAL}{link}"


@frozen(kw_only=True)
class LinkResolver:
    """
    Finds out what links let do. Whatever is wrong with one, it is none, and takes the same look-up to find out.

    :param is_trusted: as :class:`~cloudsvc.identity.resolving.Resolver` has it.
    """

    _store: IdentityStore
    _folders: Folders
    _now: Callable[[], Instant]
    _is_trusted: Callable[[], bool] = lambda: True

    async def resolve(self, shown: bytes) -> ResolvedLink | None:
        """
        What was shown as the secret of a link; ``None`` for nothing.

        :raises CloudError: the storage fails, so that nobody can tell.
        """
        link, digest = read_link_secret(shown)
        found = await self._store.find_link(link)
        is_right = hmac.compare_digest(digest, _NOBODY if found is None else found.digest)
        return await self._complete(found) if found is not None and is_right else None

    async def find_some_again(self, links: Collection[LinkId]) -> Mapping[LinkId, ResolvedLink]:
        """
        Links that were shown before; those that are still good. One is looked up after the other, since each has to
        know where its own target is.

        :raises CloudError: the storage fails, so that nobody can tell.
        """
        found = [await self._store.find_link(link) for link in links]
        resolved = [await self._complete(each) for each in found if each is not None]
        return {each.link.id: each for each in resolved if each is not None}

    async def _complete(self, found: FoundLink) -> ResolvedLink | None:
        link = found.link
        if not self._is_trusted() or found.is_void or not link.is_alive(self._now()):
            return None
        maker = await self._find_maker(found)
        if maker is None or not maker.may(SCOPE_OF_ROLE[link.role]):
            return None
        place = await self._folders.find_place(link.target)
        grants = () if place is None else await self._find_grants(link, maker, place)
        if place is None or not grants:
            return None
        scopes = frozenset({SCOPE_OF_ROLE[link.role]})
        # What is brought counts to its maker, whose quota would else be none.
        actor = Actor(name=name_link(link.id), scopes=scopes, grants=grants, payer=maker.payer)
        return ResolvedLink(actor=actor, link=link, path=place.path)

    async def _find_maker(self, found: FoundLink) -> Actor | None:
        """Who has made it, with what they may do now."""
        link, holder = found.link, found.holder
        if holder is not None:
            user = holder.user
            if user.is_disabled:
                return None
            return Actor(name=str(user.name), scopes=user.scopes, grants=holder.grants, payer=user.payer)
        if link.made_by is None:
            return OWNER if link.maker == OWNER.name else None
        by = await self._store.find_key(link.made_by)
        if by is None or by.is_void or by.key.program is None or not by.key.is_alive(self._now()):
            return None
        return Actor(name=name_program(str(by.key.program)), scopes=by.key.scopes, grants=by.key.grants or ())

    async def _find_grants(self, link: Link, maker: Actor, place: Place) -> tuple[Grant, ...]:
        wanted = Grant(role=link.role, folder=link.target)
        if is_included(wanted, maker.grants, {link.target: place.chain}):
            return (wanted,)
        if link.role is not Role.VIEWER:
            return ()
        # They may still see something in it.
        chains = await self._folders.locate({grant.folder for grant in maker.grants})
        return meet_grants([wanted], maker.grants, {**chains, link.target: place.chain})


@define(eq=False)
class LinkUses:
    """
    Uses of links without a limit, until they are written down. At most :data:`~cloudsvc.identity.bounds.MAX_NOTED`
    links are remembered; what is beyond that is not.
    """

    _noted: dict[LinkId, LinkUse] = field(factory=dict)

    def note(self, link: LinkId, now: Instant) -> None:
        """``link`` is used now."""
        known = self._noted.get(link)
        if known is not None or len(self._noted) < MAX_NOTED:
            self._noted[link] = LinkUse(count=1 if known is None else known.count + 1, last=now)

    def take(self) -> dict[LinkId, LinkUse]:
        """What has to be written down, which is forgotten here."""
        taken, self._noted = self._noted, {}
        return taken

    def give_back(self, taken: Mapping[LinkId, LinkUse]) -> None:
        """This could not be written down after all."""
        for link, use in taken.items():
            later = self._noted.get(link)
            if later is not None:
                self._noted[link] = LinkUse(count=use.count + later.count, last=later.last)
            elif len(self._noted) < MAX_NOTED:
                self._noted[link] = use
