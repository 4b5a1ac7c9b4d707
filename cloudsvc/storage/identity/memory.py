"""Users, groups and keys in plain memory: what the other stores are held against."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence

from attrs import define, evolve

from cloudsvc.core.secrets import Secret
from cloudsvc.identity import bounds
from cloudsvc.identity.errors import (
    group_not_found,
    name_taken,
    no_manager,
    user_not_found,
)
from cloudsvc.identity.groups import Group, GroupId
from cloudsvc.identity.names import AccountName
from cloudsvc.identity.revisions import NEVER, Restriction, Standing
from cloudsvc.identity.store import Login, NewPassword
from cloudsvc.identity.subjects import Subject
from cloudsvc.identity.users import Holder, User, UserId
from cloudsvc.storage.identity.memory_keys import MemoryKeys
from cloudsvc.storage.identity.memory_links import MemoryLinks
from cloudsvc.storage.identity.memory_passkeys import MemoryPasskeys
from cloudsvc.storage.identity.memory_sessions import MemorySessions
from cloudsvc.storage.identity.memory_steps import check_number, compare_revisions, guarded
from cloudsvc.storage.identity.memory_subjects import MemorySubjects
from cloudsvc.storage.identity.memory_webhooks import MemoryWebhooks


@define(eq=False)
class MemoryIdentity(MemoryKeys, MemorySessions, MemoryPasskeys, MemoryLinks, MemorySubjects, MemoryWebhooks):
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
        check_number(accounts.users, "users", bounds.MAX_USERS)
        check_number(accounts.names, "names of users, former ones included", bounds.MAX_NAMES)
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

    @guarded
    async def replace_user(self, user: User, password: NewPassword | None = None) -> User:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        accounts = self._accounts
        kept = accounts.users.get(user.id)
        if kept is None:
            raise user_not_found()
        compare_revisions(kept.revision, user.revision)
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

    @guarded
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
        check_number(accounts.groups, "groups", bounds.MAX_GROUPS)
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

    @guarded
    async def replace_group(self, group: Group) -> Group:
        """See :class:`~cloudsvc.identity.store.IdentityStore`."""
        accounts = self._accounts
        kept = accounts.groups.get(group.id)
        if kept is None:
            raise group_not_found()
        compare_revisions(kept.revision, group.revision)
        accounts.groups[group.id] = evolve(
            group, name=kept.name, created_at=kept.created_at, revision=accounts.change()
        )
        return accounts.groups[group.id]

    @guarded
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
