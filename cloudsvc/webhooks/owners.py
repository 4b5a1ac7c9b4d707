"""Owners of webhooks: on whose behalf one is sent something, and what they may see at that moment."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from attrs import evolve, frozen

from cloudsvc.core.actors import OWNER, ROOT_FOLDER, Actor, Grant, Role
from cloudsvc.drive.permissions import Right
from cloudsvc.drive.permissions import find_folders as find_seen
from cloudsvc.identity.folders import Folders
from cloudsvc.identity.grants import find_folders, meet_grants
from cloudsvc.identity.resolving import Resolver
from cloudsvc.identity.store import IdentityStore
from cloudsvc.webhooks.store import WebhookStore
from cloudsvc.webhooks.webhook import Webhook

READ_FILES: Final = "files:read"
"""The scope of whoever reads files, and so of whoever is told of changes."""


class Store(IdentityStore, WebhookStore, Protocol):
    """Where users, keys and webhooks are kept."""


@frozen(kw_only=True)
class Owners:
    """
    Finds who a webhook is sent something for.

    :param is_trusted: whether the store is what it was when it was seen last; where it is not, nothing is sent to
        anybody: what was removed since would be there again.
    """

    _store: Store
    _resolver: Resolver
    _folders: Folders
    _is_trusted: Callable[[], bool] = lambda: True

    async def find(self, webhook: Webhook) -> Actor | None:
        """
        An actor who sees what ``webhook`` is to be sent, and has no other rights; ``None`` where that is nobody.

        :raises CloudError: the storage fails, so that nobody can tell.
        """
        if not self._is_trusted():
            return None
        standing = await self._store.find_standing()
        if webhook.revision <= standing.void_until:
            return None
        is_owners = webhook.user is None and webhook.key is None
        if is_owners and standing.refuses_owner:
            return None
        actor = OWNER if is_owners else await self._find_actor(webhook)
        if actor is None or not actor.may(READ_FILES):
            return None
        return await self.narrow(actor, webhook.folder)

    async def narrow(self, actor: Actor, folder: int | None) -> Actor | None:
        """
        An actor who sees what ``actor`` does, in ``folder`` alone, and does nothing; ``None`` where there is nothing in
        the tree just now that they see.
        """
        wanted = (Grant(role=Role.VIEWER, folder=ROOT_FOLDER if folder is None else folder),)
        asked = {*find_folders(actor.grants, wanted), *find_seen(actor, Right.SEE), *(each.folder for each in wanted)}
        chains = await self._folders.locate(asked)
        grants = tuple(
            each
            for each in meet_grants(actor.grants, wanted, chains)
            if each.folder == ROOT_FOLDER or each.folder in chains
        )
        if not grants or not (folder is None or folder in chains):
            return None
        return evolve(actor, grants=grants)

    async def _find_actor(self, webhook: Webhook) -> Actor | None:
        if webhook.key is not None:
            resolved = await self._resolver.find_again(webhook.key)
            return None if resolved is None else resolved.actor
        if webhook.user is not None:
            holder = await self._store.find_holder(webhook.user)
            if holder is None or holder.user.is_disabled:
                return None
            return Actor(name=str(holder.user.name), scopes=holder.user.scopes, grants=holder.grants)
        return None
