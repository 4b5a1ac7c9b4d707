"""The store of users, groups and keys in a database: which statements run in which thread."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from attrs import define

from cloudsvc.core.clock import Instant
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.groups import Group, GroupId
from cloudsvc.identity.key_format import KeyId
from cloudsvc.identity.keys import FoundKey, Key
from cloudsvc.identity.names import AccountName
from cloudsvc.identity.revisions import Restriction, Standing
from cloudsvc.identity.store import Login, NewPassword
from cloudsvc.identity.users import Holder, User, UserId
from cloudsvc.storage.database.group_commit import Weight
from cloudsvc.storage.database.lanes import Lane
from cloudsvc.storage.database.reading import ReadingConnection
from cloudsvc.storage.faults import translated
from cloudsvc.storage.identity import groups, keys, owner, revisions, users
from cloudsvc.storage.identity.factor_steps import FactorSteps
from cloudsvc.storage.identity.interchange import replace_all, write_accounts
from cloudsvc.storage.identity.link_steps import LinkSteps
from cloudsvc.storage.identity.passkey_steps import PasskeySteps
from cloudsvc.storage.identity.session_steps import SessionSteps
from cloudsvc.storage.identity.subject_steps import SubjectSteps
from cloudsvc.storage.identity.webhook_steps import WebhookSteps

C = TypeVar("C", bound=ReadingConnection)


@define(eq=False, kw_only=True)
class DatabaseIdentity(
    SessionSteps[C], FactorSteps[C], PasskeySteps[C], LinkSteps[C], SubjectSteps[C], WebhookSteps[C]
):
    """A :class:`cloudsvc.identity.store.IdentityStore` in a database. Several processes may have it open."""

    async def find_standing(self) -> Standing:
        """As :meth:`cloudsvc.identity.store.IdentityStore.find_standing`."""
        return await self._readers.run(revisions.find_standing)

    async def knows(self, restriction: Restriction) -> bool:
        """As :meth:`cloudsvc.identity.store.IdentityStore.knows`."""
        return await self._readers.run(lambda connection: revisions.knows(connection, restriction))

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """As :meth:`cloudsvc.identity.store.IdentityStore.on_change`."""
        return self._signal.add(listener)

    async def void_credentials(self) -> Standing:
        """As :meth:`cloudsvc.identity.store.IdentityStore.void_credentials`."""
        return await self._change(revisions.void_credentials)

    async def switch_owner(self, *, refused: bool) -> Standing:
        """As :meth:`cloudsvc.identity.store.IdentityStore.switch_owner`."""
        return await self._change(lambda connection: owner.switch_owner(connection, refused=refused))

    # -- users -----------------------------------------------------------------------------------------------------

    async def add_user(self, user: User, password: Secret | None = None) -> User:
        """As :meth:`cloudsvc.identity.store.IdentityStore.add_user`."""
        return await self._change(lambda connection: users.add_user(connection, user, password))

    async def find_user(self, name: AccountName) -> User | None:
        """As :meth:`cloudsvc.identity.store.IdentityStore.find_user`."""
        return await self._readers.run(lambda connection: users.find_user(connection, name))

    async def list_users(self, limit: int, *, after: str = "") -> Sequence[User]:
        """As :meth:`cloudsvc.identity.store.IdentityStore.list_users`."""
        return await self._readers.run(lambda connection: users.list_users(connection, limit, after), Lane.PAGES)

    async def replace_user(self, user: User, password: NewPassword | None = None) -> User:
        """As :meth:`cloudsvc.identity.store.IdentityStore.replace_user`."""
        return await self._change(lambda connection: users.replace_user(connection, user, password))

    async def remove_user(self, user: UserId) -> None:
        """As :meth:`cloudsvc.identity.store.IdentityStore.remove_user`."""
        await self._change(lambda connection: users.remove_user(connection, user))

    async def find_login(self, name: AccountName) -> Login | None:
        """As :meth:`cloudsvc.identity.store.IdentityStore.find_login`."""
        return await self._readers.run(lambda connection: users.find_login(connection, name))

    async def find_holder(self, user: UserId) -> Holder | None:
        """As :meth:`cloudsvc.identity.store.IdentityStore.find_holder`."""
        return await self._readers.run(lambda connection: users.find_holder(connection, user))

    # -- groups ----------------------------------------------------------------------------------------------------

    async def add_group(self, group: Group) -> Group:
        """As :meth:`cloudsvc.identity.store.IdentityStore.add_group`."""
        return await self._change(lambda connection: groups.add_group(connection, group))

    async def find_group(self, name: AccountName) -> Group | None:
        """As :meth:`cloudsvc.identity.store.IdentityStore.find_group`."""
        return await self._readers.run(lambda connection: groups.find_group(connection, name))

    async def find_groups(self, ids: Sequence[GroupId]) -> Mapping[GroupId, Group]:
        """As :meth:`cloudsvc.identity.store.IdentityStore.find_groups`."""
        return await self._readers.run(lambda connection: groups.find_groups(connection, ids), Lane.PAGES)

    async def list_groups(self, limit: int, *, after: str = "") -> Sequence[Group]:
        """As :meth:`cloudsvc.identity.store.IdentityStore.list_groups`."""
        return await self._readers.run(lambda connection: groups.list_groups(connection, limit, after), Lane.PAGES)

    async def replace_group(self, group: Group) -> Group:
        """As :meth:`cloudsvc.identity.store.IdentityStore.replace_group`."""
        return await self._change(lambda connection: groups.replace_group(connection, group))

    async def remove_group(self, group: GroupId) -> None:
        """As :meth:`cloudsvc.identity.store.IdentityStore.remove_group`."""
        await self._change(lambda connection: groups.remove_group(connection, group))

    # -- keys ------------------------------------------------------------------------------------------------------

    async def add_key(self, key: Key, digest: bytes) -> Key:
        """As :meth:`cloudsvc.identity.store.IdentityStore.add_key`."""
        return await self._change(lambda connection: keys.add_key(connection, key, digest))

    async def find_key(self, key: KeyId) -> FoundKey | None:
        """As :meth:`cloudsvc.identity.store.IdentityStore.find_key`."""
        return await self._readers.run(lambda connection: keys.find_key(connection, key))

    async def find_keys(self, keys_: Collection[KeyId]) -> Mapping[KeyId, FoundKey]:
        """As :meth:`cloudsvc.identity.store.IdentityStore.find_keys`."""
        return await self._readers.run(lambda connection: keys.find_keys(connection, keys_), Lane.PAGES)

    async def list_keys(
        self, limit: int, *, after: KeyId | None = None, holder: UserId | None = None, made_by: KeyId | None = None
    ) -> Sequence[Key]:
        """As :meth:`cloudsvc.identity.store.IdentityStore.list_keys`."""
        return await self._readers.run(
            lambda connection: keys.list_keys(connection, limit, after, holder, made_by), Lane.PAGES
        )

    async def replace_key(self, key: Key) -> Key:
        """As :meth:`cloudsvc.identity.store.IdentityStore.replace_key`."""
        return await self._change(lambda connection: keys.replace_key(connection, key))

    async def revoke_keys(self, key: KeyId, moment: Instant, *, descendants: bool) -> int:
        """As :meth:`cloudsvc.identity.store.IdentityStore.revoke_keys`."""
        return await self._change(lambda connection: keys.revoke_keys(connection, key, moment, descendants=descendants))

    async def rotate_key(self, former: Key, key: Key, digest: bytes) -> Key:
        """As :meth:`cloudsvc.identity.store.IdentityStore.rotate_key`."""
        return await self._change(lambda connection: keys.rotate_key(connection, former, key, digest))

    async def note_uses(self, uses: Mapping[KeyId, Instant]) -> None:
        """As :meth:`cloudsvc.identity.store.IdentityStore.note_uses`."""
        await self._writer.run(lambda connection: keys.note_uses(connection, uses))

    async def remove_ended_keys(self, before: Instant, limit: int) -> int:
        """As :meth:`cloudsvc.identity.store.IdentityStore.remove_ended_keys`."""
        return await self._change(lambda connection: keys.remove_ended_keys(connection, before, limit))

    # -- all of them -----------------------------------------------------------------------------------------------

    async def copy(self, destination: Path) -> None:
        """
        Write all accounts, as they are at one moment, to a new SQLite file, durably.

        :raises CloudError: it is there already, or cannot be written; or the database fails.
        """
        with translated():
            await self._readers.run(lambda connection: write_accounts(connection, destination), Lane.COPIES)

    async def replace(self, source: Path, *, ends_credentials: bool) -> Standing:
        """
        Hold the accounts of a file that :func:`cloudsvc.storage.identity.interchange.examine` has passed, in place of
        all that there are: one restricting change.

        :param ends_credentials: whether no key and no password is any good from now on: some may have been revoked
            since the file was written.
        """
        return await self._change(
            lambda connection: replace_all(connection, source, ends_credentials=ends_credentials), Weight.UPKEEP
        )
