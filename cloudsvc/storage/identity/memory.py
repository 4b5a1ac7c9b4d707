"""Users, groups and keys in plain memory: what the other stores are held against."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any, Concatenate, ParamSpec, TypeVar

from attrs import define, evolve

from cloudsvc.core.clock import Instant
from cloudsvc.core.secrets import Secret
from cloudsvc.identity import bounds
from cloudsvc.identity.errors import (
    changed_meanwhile,
    group_not_found,
    key_ended,
    key_not_found,
    name_taken,
    no_manager,
    too_many,
    user_not_found,
)
from cloudsvc.identity.groups import Group, GroupId
from cloudsvc.identity.key_format import KeyId
from cloudsvc.identity.keys import FoundKey, Key
from cloudsvc.identity.names import AccountName
from cloudsvc.identity.revisions import NEVER, Restriction, Revision, Standing
from cloudsvc.identity.store import Login, NewPassword
from cloudsvc.identity.subjects import Subject
from cloudsvc.identity.users import Holder, User, UserId
from cloudsvc.storage.identity.memory_links import MemoryLinks
from cloudsvc.storage.identity.memory_passkeys import MemoryPasskeys
from cloudsvc.storage.identity.memory_sessions import MemorySessions
from cloudsvc.storage.identity.memory_subjects import MemorySubjects

P = ParamSpec("P")
R = TypeVar("R")


def _guarded(
    change: Callable[Concatenate[MemoryIdentity, P], Awaitable[R]],
) -> Callable[Concatenate[MemoryIdentity, P], Coroutine[Any, Any, R]]:
    """``change``, which is undone and refused where it leaves nobody who gets in to manage the accounts."""

    @wraps(change)
    async def guarded(self: MemoryIdentity, /, *arguments: P.args, **named: P.kwargs) -> R:
        with self._accounts.guarded():
            return await change(self, *arguments, **named)

    return guarded


@define(eq=False)
class MemoryIdentity(MemorySubjects, MemoryLinks, MemoryPasskeys, MemorySessions):
    """
    See :class:`cloudsvc.identity.store.IdentityStore`.

    :param accounts: what several of them may share, as processes share a database.
    """

    async def find_standing(self) -> Standing:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        return self._stand()

    async def knows(self, restriction: Restriction) -> bool:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        return self._accounts.marks.get(restriction.revision) == restriction.mark

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        self._accounts.listeners.append(listener)
        return lambda: self._accounts.listeners.remove(listener)

    async def void_credentials(self) -> Standing:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        self._accounts.void_until = self._accounts.change()
        self._accounts.refuses_owner = False
        return self._stand()

    async def switch_owner(self, *, refused: bool) -> Standing:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        if refused and not self._accounts.gets_anybody_in():
            raise no_manager()
        self._accounts.change()
        self._accounts.refuses_owner = refused
        return self._stand()

    # -- users -----------------------------------------------------------------------------------------------------

    async def add_user(self, user: User, password: Secret | None = None) -> User:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        accounts = self._accounts
        if user.name.key in accounts.names:
            raise name_taken(str(user.name))
        _bound(accounts.users, "users", bounds.MAX_USERS)
        _bound(accounts.names, "names of users, former ones included", bounds.MAX_NAMES)
        self._check_groups(user.groups)
        revision = accounts.change(adds=True)
        accounts.names.add(user.name.key)
        if password is not None:
            accounts.hashes[user.id] = password
        added = evolve(user, revision=revision, password_set=NEVER if password is None else revision)
        accounts.users[user.id] = added
        return added

    async def add_user_of(self, user: User, subject: Subject) -> User:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        former = self._check_subject(subject)
        added = await self.add_user(user)
        self._put_subject(subject, added.revision, former)
        return added

    async def find_user(self, name: AccountName) -> User | None:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        return next((user for user in self._accounts.users.values() if user.name == name), None)

    async def list_users(self, limit: int, *, after: str = "") -> Sequence[User]:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        found = (user for user in self._accounts.users.values() if user.name.key > after)
        return sorted(found, key=lambda each: each.name.key)[:limit]

    @_guarded
    async def replace_user(self, user: User, password: NewPassword | None = None) -> User:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        accounts = self._accounts
        kept = accounts.users.get(user.id)
        if kept is None:
            raise user_not_found()
        _compare(kept.revision, user.revision)
        self._check_groups(user.groups)
        revision, password_set = accounts.change(), kept.password_set
        if password is not None:
            accounts.hashes.pop(user.id, None)
            if password.hash is not None:
                accounts.hashes[user.id] = password.hash
            password_set = NEVER if password.hash is None else revision
        if password is not None or user.is_disabled:
            accounts.drop_sessions(user.id, keeps=None if password is None or user.is_disabled else password.keeps)
        accounts.users[user.id] = evolve(
            user,
            name=kept.name,
            created_at=kept.created_at,
            password_set=password_set,
            factors_set=kept.factors_set,
            revision=revision,
        )
        return accounts.users[user.id]

    @_guarded
    async def remove_user(self, user: UserId) -> None:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        accounts = self._accounts
        if user not in accounts.users:
            raise user_not_found()
        del accounts.users[user]
        accounts.hashes.pop(user, None)
        accounts.drop_sessions(user)
        accounts.drop_webhooks([each.id for each in accounts.webhooks.values() if each.user == user])
        accounts.drop_factors(user)
        accounts.drop_links([link.id for link, _ in accounts.links.values() if link.holder == user])
        for subject in [each for each, found in accounts.subjects.items() if found.user == user]:
            accounts.drop_subject(subject)
        self._drop_keys([key.id for key in accounts.keys.values() if key.holder == user])
        accounts.change()

    async def find_login(self, name: AccountName) -> Login | None:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        user = await self.find_user(name)
        if user is None:
            return None
        return Login(
            holder=self._accounts.hold(user),
            hash=self._accounts.hashes.get(user.id),
            is_void=user.password_set <= self._accounts.void_until,
        )

    async def find_holder(self, user: UserId) -> Holder | None:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        found = self._accounts.users.get(user)
        return None if found is None else self._accounts.hold(found)

    # -- groups ----------------------------------------------------------------------------------------------------

    async def add_group(self, group: Group) -> Group:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        accounts = self._accounts
        if await self.find_group(group.name) is not None:
            raise name_taken(str(group.name))
        _bound(accounts.groups, "groups", bounds.MAX_GROUPS)
        accounts.groups[group.id] = evolve(group, revision=accounts.change(adds=True))
        return accounts.groups[group.id]

    async def find_group(self, name: AccountName) -> Group | None:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        return next((group for group in self._accounts.groups.values() if group.name == name), None)

    async def find_groups(self, ids: Sequence[GroupId]) -> Mapping[GroupId, Group]:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        return {each: self._accounts.groups[each] for each in ids if each in self._accounts.groups}

    async def list_groups(self, limit: int, *, after: str = "") -> Sequence[Group]:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        found = (each for each in self._accounts.groups.values() if each.name.key > after)
        return sorted(found, key=lambda each: each.name.key)[:limit]

    @_guarded
    async def replace_group(self, group: Group) -> Group:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        accounts = self._accounts
        kept = accounts.groups.get(group.id)
        if kept is None:
            raise group_not_found()
        _compare(kept.revision, group.revision)
        accounts.groups[group.id] = evolve(
            group, name=kept.name, created_at=kept.created_at, revision=accounts.change()
        )
        return accounts.groups[group.id]

    @_guarded
    async def remove_group(self, group: GroupId) -> None:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        accounts = self._accounts
        if accounts.groups.pop(group, None) is None:
            raise group_not_found()
        for user in accounts.users.values():
            if group in user.groups:
                left = tuple(each for each in user.groups if each != group)
                accounts.users[user.id] = evolve(user, groups=left)
        accounts.change()

    # -- keys ------------------------------------------------------------------------------------------------------

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

    @_guarded
    async def replace_key(self, key: Key) -> Key:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        kept = self._compare_key(key)
        return self._replace_key(kept, key, self._accounts.change())

    @_guarded
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

    @_guarded
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

    # --------------------------------------------------------------------------------------------------------------

    def _stand(self) -> Standing:
        accounts = self._accounts
        last: Restriction | None = None
        if accounts.marks:
            revision = max(accounts.marks)
            last = Restriction(revision=revision, mark=accounts.marks[revision], refuses_owner=accounts.refuses_owner)
        return Standing(revision=accounts.revision, restriction=last, void_until=accounts.void_until)

    def _check_groups(self, groups: Iterable[GroupId]) -> None:
        if any(group not in self._accounts.groups for group in groups):
            raise group_not_found()

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
        _bound(alike, "keys of programs" if key.holder is None else "keys of a user", most)

    def _compare_key(self, key: Key) -> Key:
        kept = self._accounts.keys.get(key.id)
        if kept is None:
            raise key_not_found()
        _compare(kept.revision, key.revision)
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


def _compare(kept: Revision, read: Revision) -> None:
    if kept != read:
        raise changed_meanwhile()


def _bound(found: Iterable[object], what: str, most: int) -> None:
    """See that there is room for one more."""
    if sum(1 for _ in found) >= most:
        raise too_many(what, most)
