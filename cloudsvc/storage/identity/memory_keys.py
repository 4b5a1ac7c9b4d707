"""Keys in plain memory."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from attrs import define, evolve

from cloudsvc.core.clock import Instant
from cloudsvc.identity import bounds
from cloudsvc.identity.errors import key_ended, key_not_found, user_not_found
from cloudsvc.identity.key_format import KeyId
from cloudsvc.identity.keys import FoundKey, Key
from cloudsvc.identity.revisions import Revision
from cloudsvc.identity.users import UserId
from cloudsvc.storage.identity.memory_steps import MemorySteps, check_number, compare_revisions, guarded


@define(eq=False)
class MemoryKeys(MemorySteps):
    """See :class:`cloudsvc.identity.store.IdentityStore`, of keys."""

    async def add_key(self, key: Key, digest: bytes) -> Key:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        self._check_place(key)
        return self._add_key(key, digest, self._accounts.change(adds=True))

    async def find_key(self, key: KeyId) -> FoundKey | None:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        accounts = self._accounts
        found = accounts.keys.get(key)
        if found is None:
            return None
        return FoundKey(
            key=found,
            digest=accounts.digests[key],
            holder=None if found.holder is None else self._accounts.hold(accounts.users[found.holder]),
            is_void=found.made <= accounts.void_until,
        )

    async def find_keys(self, keys: Collection[KeyId]) -> Mapping[KeyId, FoundKey]:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        found = {key: await self.find_key(key) for key in keys}
        return {key: each for key, each in found.items() if each is not None}

    async def list_keys(
        self, limit: int, *, after: KeyId | None = None, holder: UserId | None = None, made_by: KeyId | None = None
    ) -> Sequence[Key]:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        keys = self._accounts.keys
        chosen = keys.keys() if made_by is None else self._find_descendants(made_by) - {made_by}
        found = (keys[each] for each in sorted(chosen) if after is None or each > after)
        return [each for each in found if holder is None or each.holder == holder][:limit]

    @guarded
    async def replace_key(self, key: Key) -> Key:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        kept = self._compare_key(key)
        return self._replace_key(kept, key, self._accounts.change())

    @guarded
    async def revoke_keys(self, key: KeyId, moment: Instant, *, descendants: bool) -> int:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        keys = self._accounts.keys
        if key not in keys:
            raise key_not_found()
        chosen = self._find_descendants(key) if descendants else {key}
        alive = [keys[each] for each in chosen if keys[each].revoked_at is None]
        linked = self._accounts.find_links_of(chosen) if descendants else []
        if alive or linked:
            revision = self._accounts.change()
            for each in alive:
                keys[each.id] = evolve(each, revoked_at=moment, revision=revision)
            for link in linked:
                self._accounts.hold_link(evolve(link, revoked_at=moment, revision=revision))
        return len(alive)

    @guarded
    async def rotate_key(self, former: Key, key: Key, digest: bytes) -> Key:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        kept = self._compare_key(former)
        self._check_place(key)
        revision = self._accounts.change()
        self._replace_key(kept, former, revision)
        return self._add_key(key, digest, revision)

    async def note_uses(self, uses: Mapping[KeyId, Instant]) -> None:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        keys = self._accounts.keys
        for each, used in uses.items():
            key = keys.get(each)
            if key is not None and (key.last_used is None or key.last_used < used):
                keys[each] = evolve(key, last_used=used)

    async def remove_ended_keys(self, before: Instant, limit: int) -> int:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        ended = [(key.ended_at, key.id) for key in self._accounts.keys.values() if key.ended_at is not None]
        chosen = [key for moment, key in sorted(ended) if moment < before][:limit]
        if chosen:
            self._drop_keys(chosen)
            self._accounts.change()
        return len(chosen)

    def _check_place(self, key: Key) -> None:
        """See that there may be one more key like ``key``."""
        accounts = self._accounts
        if key.holder is not None and key.holder not in accounts.users:
            raise user_not_found()
        alike = [each for each in accounts.keys.values() if each.holder == key.holder]
        by = None if key.made_by is None else accounts.keys.get(key.made_by)
        if key.made_by is not None and (by is None or not by.is_alive(key.created_at)):
            raise key_ended()
        most = bounds.MAX_PROGRAM_KEYS if key.holder is None else bounds.MAX_USER_KEYS
        check_number(alike, "keys of programs" if key.holder is None else "keys of a user", most)

    def _compare_key(self, key: Key) -> Key:
        kept = self._accounts.keys.get(key.id)
        if kept is None:
            raise key_not_found()
        compare_revisions(kept.revision, key.revision)
        return kept

    def _add_key(self, key: Key, digest: bytes, revision: Revision) -> Key:
        self._accounts.keys[key.id] = evolve(key, made=revision, revision=revision)
        self._accounts.digests[key.id] = digest
        return self._accounts.keys[key.id]

    def _replace_key(self, kept: Key, key: Key, revision: Revision) -> Key:
        self._accounts.keys[kept.id] = evolve(
            kept,
            label=key.label,
            grants=key.grants,
            scopes=key.scopes,
            rate=key.rate,
            expires_at=key.expires_at,
            revoked_at=key.revoked_at,
            revision=revision,
        )
        return self._accounts.keys[kept.id]

    def _find_descendants(self, key: KeyId) -> set[KeyId]:
        """The keys that were made by this one, or by others that were; and it, if it is there."""
        keys = self._accounts.keys
        found, last = {key}, {key}
        while last := {each.id for each in keys.values() if each.made_by in last} - found:
            found |= last
        return found & keys.keys()

    def _drop_keys(self, keys: Iterable[KeyId]) -> None:
        for key in keys:
            del self._accounts.keys[key], self._accounts.digests[key]
