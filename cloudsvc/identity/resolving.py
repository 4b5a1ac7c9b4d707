"""Resolution of keys: whose one is, and what it may do at this moment."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Final

from attrs import frozen

from cloudsvc.core.actors import MAX_GRANTS, Actor
from cloudsvc.core.clock import Instant
from cloudsvc.identity.authority import name_program
from cloudsvc.identity.folders import Folders
from cloudsvc.identity.grants import Chains, find_folders, meet_grants
from cloudsvc.identity.key_format import KeyId, read_key
from cloudsvc.identity.keys import FoundKey, Key, floor_hour
from cloudsvc.identity.noting import Notes
from cloudsvc.identity.scopes import meet_scopes
from cloudsvc.identity.store import IdentityStore

_NOBODY: Final = bytes(32)
"""The digest of no secret that anyone could find; comparing with it makes a missing key cost the same."""


@frozen(kw_only=True)
class Resolved:
    """
    A key that is good, and who acts by it.

    :ivar until: the moment from which on it is no good any more by itself; ``None`` for never.
    """

    actor: Actor
    key: Key

    @property
    def until(self) -> Instant | None:
        """When it ends."""
        return self.key.ended_at


@frozen(kw_only=True)
class Resolver:
    """
    Finds out whose keys are. Whatever is wrong with a key, it is nobody's, and takes the same look-up to find out.

    :param is_trusted: whether the store is what it was when it was seen last, and not an older one in which what was
        revoked would be good again; where it is not, no key is anybody's.
    """

    _store: IdentityStore
    _folders: Folders
    _now: Callable[[], Instant]
    _is_trusted: Callable[[], bool] = lambda: True

    async def resolve(self, shown: bytes) -> Resolved | None:
        """
        Who has shown this as a key; ``None`` for nobody.

        :raises CloudError: the storage fails, so that nobody can tell.
        """
        read = read_key(shown)
        found = await self._store.find_key(read.id)
        is_right = hmac.compare_digest(read.digest, _NOBODY if found is None else found.digest)
        if found is None or not is_right or not self._is_good(found):
            return None
        return Resolved(actor=_make_actor(found, await self._locate(_list_folders(found))), key=found.key)

    async def find_again(self, key: KeyId) -> Resolved | None:
        """
        Who acts by a key that was shown before; ``None`` where it is no good any more.

        :raises CloudError: the storage fails, so that nobody can tell.
        """
        return (await self.find_some_again([key])).get(key)

    async def find_some_again(self, keys: Collection[KeyId]) -> Mapping[KeyId, Resolved]:
        """
        Who acts by keys that were shown before, :data:`~cloudsvc.identity.bounds.MAX_FOUND` at most; of those that are
        still good. It takes as many steps as there are thousands of folders, and not as there are keys.

        :raises CloudError: the storage fails, so that nobody can tell.
        """
        found = await self._store.find_keys(keys)
        good = [each for each in found.values() if self._is_good(each)]
        chains = await self._locate(frozenset[int]().union(*map(_list_folders, good)))
        return {each.key.id: Resolved(actor=_make_actor(each, chains), key=each.key) for each in good}

    def _is_good(self, found: FoundKey) -> bool:
        is_disabled = found.holder is not None and found.holder.user.is_disabled
        return self._is_trusted() and found.key.is_alive(self._now()) and not (found.is_void or is_disabled)

    async def _locate(self, folders: Collection[int]) -> Chains:
        chains: dict[int, Sequence[int]] = {}
        wanted = sorted(folders)
        for start in range(0, len(wanted), MAX_GRANTS):
            chains |= await self._folders.locate(wanted[start : start + MAX_GRANTS])
        return chains


def _list_folders(found: FoundKey) -> frozenset[int]:
    """The folders of which has to be known where they are."""
    if found.holder is None or found.key.grants is None:
        return frozenset()
    return find_folders(found.key.grants, found.holder.grants)


def _make_actor(found: FoundKey, chains: Chains) -> Actor:
    key, holder = found.key, found.holder
    if holder is None:
        return Actor(name=name_program(str(key.program)), scopes=key.scopes, grants=key.grants or (), key=key.id)
    scopes = meet_scopes(key.scopes, holder.user.scopes)
    grants = holder.grants if key.grants is None else meet_grants(key.grants, holder.grants, chains)
    return Actor(name=str(holder.user.name), scopes=scopes, grants=grants, key=key.id, payer=holder.user.payer)


class Uses(Notes[KeyId]):
    """When keys were used last, each once an hour, until that is written down."""

    def note(self, key: Key, now: Instant) -> None:
        """``key`` is used now."""
        self.keep(key.id, floor_hour(now), key.last_used)
