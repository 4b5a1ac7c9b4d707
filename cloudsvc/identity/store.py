"""
Interface of the store of users, groups and keys; those of sessions, of second factors, of links and of subjects are in
:mod:`cloudsvc.identity.session_store`, :mod:`cloudsvc.identity.factor_store`, :mod:`cloudsvc.identity.link_store` and
:mod:`cloudsvc.identity.subject_store`.

Each method is one atomic step on durable storage, one transaction of a bounded number of statements: when it returns,
what it did survives a power failure; when it raises, it did nothing. It decides no permission: that does
:mod:`cloudsvc.identity.directory`. Errors are those of :mod:`cloudsvc.identity.errors`, and ``UNAVAILABLE`` when the
storage fails.

Every change but those that say to be none raises the revision by one, and is the revision of what it has changed.
Every change but those that add something is a :class:`~cloudsvc.identity.revisions.Restriction`, with a new mark.

While the owner's token is switched off, no change leaves nobody who :mod:`gets in <cloudsvc.identity.ways_in>` to
manage the accounts: it is refused with ``last_manager``, unless there was nobody before.

A user, a group or a key is replaced as a whole, if it is still the one that was read (by its ``revision``): so nobody
overwrites what they have not seen.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Protocol

from attrs import field, frozen

from cloudsvc.core.clock import Instant
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.factor_store import FactorStore
from cloudsvc.identity.groups import Group, GroupId
from cloudsvc.identity.key_format import KeyId
from cloudsvc.identity.keys import FoundKey, Key
from cloudsvc.identity.link_store import LinkStore
from cloudsvc.identity.names import AccountName
from cloudsvc.identity.passkey_store import PasskeyStore
from cloudsvc.identity.revisions import Restriction, Standing
from cloudsvc.identity.session_store import SessionStore
from cloudsvc.identity.sessions import SessionId
from cloudsvc.identity.subject_store import SubjectStore
from cloudsvc.identity.users import Holder, User, UserId


@frozen(kw_only=True)
class NewPassword:
    """
    A change of a password.

    :ivar hash: what is kept of it (:mod:`cloudsvc.identity.passwords`); ``None`` where there is to be none any more.
    :ivar keeps: the session of the user that goes on, where all others end.
    """

    hash: Secret | None
    keeps: SessionId | None = None


@frozen(kw_only=True)
class Login:
    """
    What has to be known to let a user in by their password.

    :ivar hash: ``None`` where they have none.
    :ivar is_void: whether it is from before all credentials were declared void.
    """

    holder: Holder
    hash: Secret | None = field(repr=False)
    is_void: bool


class IdentityStore(SessionStore, FactorStore, PasskeyStore, LinkStore, SubjectStore, Protocol):
    """Keeps users, groups, keys, sessions, second factors, links and subjects."""

    # -- how far it has come ---------------------------------------------------------------------------------------

    async def find_standing(self) -> Standing:
        """How far it has come, now. Quick."""
        ...

    async def knows(self, restriction: Restriction) -> bool:
        """
        Whether this restricting change is one of its own: the mark is that of the same revision. Of the oldest,
        :data:`~cloudsvc.identity.bounds.MAX_RESTRICTIONS` ago, nobody knows.
        """
        ...

    def on_change(self, listener: Callable[[], None]) -> Callable[[], None]:
        """
        Call ``listener`` after changes, of whatever process, within half a second: once for several of them, perhaps in
        vain. It only wakes; how far things have come tells :meth:`find_standing`.

        :return: what ends it.
        """
        ...

    async def void_credentials(self) -> Standing:
        """
        Declare all keys, passwords and sessions void that there are: none of them is any good from now on. The owner's
        token is switched on, since nobody else gets in then.
        """
        ...

    async def switch_owner(self, *, refused: bool) -> Standing:
        """
        Switch the owner's token off or on.

        :raises CloudError: ``no_manager``: it is to be off, and nobody else :mod:`gets in <cloudsvc.identity.ways_in>`.
        """
        ...

    # -- users -----------------------------------------------------------------------------------------------------

    async def add_user(self, user: User, password: Secret | None = None) -> User:
        """
        Add a user whose ``revision`` and ``password_set`` are ``NEVER``.

        :param password: the hash of their password; ``None`` where they have none.
        :return: as they are now.
        :raises CloudError: the name is, or was, that of another one; a group is not there; there are too many.
        """
        ...

    async def find_user(self, name: AccountName) -> User | None:
        """The user of this name, if there is one."""
        ...

    async def list_users(self, limit: int, *, after: str = "") -> Sequence[User]:
        """
        Users by the keys of their names.

        :param after: leaves out all up to this key.
        """
        ...

    async def replace_user(self, user: User, password: NewPassword | None = None) -> User:
        """
        Make ``user`` what the user of this id is; id, name, ``created_at``, ``password_set`` and ``factors_set`` stay
        as they are kept. Where the password changes, or they are disabled, their sessions end.

        :param password: ``None`` where it stays as it is.
        :return: as they are now.
        :raises CloudError: there is no such user; ``changed_meanwhile``; a group is not there.
        """
        ...

    async def remove_user(self, user: UserId) -> None:
        """
        Remove a user, with all their keys, sessions, second factors and links. Their name stays taken.

        :raises CloudError: there is no such user.
        """
        ...

    async def find_login(self, name: AccountName) -> Login | None:
        """What a user of this name has to prove, if there is one; the same work whether there is or not."""
        ...

    async def find_holder(self, user: UserId) -> Holder | None:
        """A user, and all that is granted to them now."""
        ...

    # -- groups ----------------------------------------------------------------------------------------------------

    async def add_group(self, group: Group) -> Group:
        """
        Add a group whose ``revision`` is ``NEVER``.

        :return: as it is now.
        :raises CloudError: the name is that of another one; there are too many.
        """
        ...

    async def find_group(self, name: AccountName) -> Group | None:
        """The group of this name, if there is one."""
        ...

    async def find_groups(self, ids: Sequence[GroupId]) -> Mapping[GroupId, Group]:
        """Those of these ids that there are, a thousand at most."""
        ...

    async def list_groups(self, limit: int, *, after: str = "") -> Sequence[Group]:
        """
        Groups by the keys of their names.

        :param after: leaves out all up to this key.
        """
        ...

    async def replace_group(self, group: Group) -> Group:
        """
        Make ``group`` what the group of this id is; id, name and ``created_at`` stay as they are kept.

        :return: as it is now.
        :raises CloudError: there is no such group; ``changed_meanwhile``.
        """
        ...

    async def remove_group(self, group: GroupId) -> None:
        """
        Remove a group. Nobody is in it any more; the users themselves count as unchanged.

        :raises CloudError: there is no such group.
        """
        ...

    # -- keys ------------------------------------------------------------------------------------------------------

    async def add_key(self, key: Key, digest: bytes) -> Key:
        """
        Add a key whose ``revision`` and ``made`` are ``NEVER``.

        :param digest: SHA-256 of its secret.
        :return: as it is now.
        :raises CloudError: its holder is not there; the key by which it is made has ended when it is created, or is not
            there; there are too many.
        """
        ...

    async def find_key(self, key: KeyId) -> FoundKey | None:
        """A key, and its holder as they are now; the same work whether there is one or not."""
        ...

    async def find_keys(self, keys: Collection[KeyId]) -> Mapping[KeyId, FoundKey]:
        """Some keys, :data:`MAX_FOUND <cloudsvc.identity.bounds.MAX_FOUND>` at most; those that are there."""
        ...

    async def list_keys(
        self, limit: int, *, after: KeyId | None = None, holder: UserId | None = None, made_by: KeyId | None = None
    ) -> Sequence[Key]:
        """
        Keys by their ids, compared by code points, with those that have ended.

        :param after: leaves out all up to this one.
        :param holder: only those of this user.
        :param made_by: only those that were made by this key, or by others that were.
        """
        ...

    async def replace_key(self, key: Key) -> Key:
        """
        Make ``key`` what the key of this id is; id, holder, program, maker, ``created_at``, ``made_by``, ``made`` and
        ``last_used`` stay as they are kept.

        :return: as it is now.
        :raises CloudError: there is no such key; ``changed_meanwhile``.
        """
        ...

    async def revoke_keys(self, key: KeyId, moment: Instant, *, descendants: bool) -> int:
        """
        Revoke a key, as it may have become meanwhile. It is no change if there is nothing to revoke.

        :param descendants: whether to revoke also those that were made by it, or by others that were, and the links
            that were made by any of these.
        :return: how many keys were revoked; those that were so before stay as they are.
        :raises CloudError: there is no such key.
        """
        ...

    async def rotate_key(self, former: Key, key: Key, digest: bytes) -> Key:
        """
        Do as :meth:`replace_key` with ``former`` and as :meth:`add_key` with ``key``, in one step.

        :return: the added one, as it is now.
        :raises CloudError: as they do.
        """
        ...

    async def note_uses(self, uses: Mapping[KeyId, Instant]) -> None:
        """
        Remember when keys were used last, if that is later than what is remembered; :data:`MAX_NOTED
        <cloudsvc.identity.bounds.MAX_NOTED>` at most. Those that are not there are passed over. It is no change.
        """
        ...

    async def remove_ended_keys(self, before: Instant, limit: int) -> int:
        """
        Remove up to ``limit`` keys that have expired or were revoked before this moment, the first to end first. How
        many there were; it is no change if there were none.
        """
        ...
