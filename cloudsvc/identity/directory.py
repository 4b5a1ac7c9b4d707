"""Use-cases of users and groups: they ask whether the actor may, and then the store."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from typing import Final, TypeVar

from attrs import evolve, field, frozen

from cloudsvc.core.actors import MAX_GRANTS, Actor, Grant, Role
from cloudsvc.core.clock import Instant
from cloudsvc.core.errors import CloudError
from cloudsvc.core.managers import check_manager, is_manager, managers_only
from cloudsvc.identity import bounds
from cloudsvc.identity.authority import Authority, check_folder
from cloudsvc.identity.errors import (
    CHANGED_MEANWHILE,
    GROUP_NOT_FOUND,
    changed_meanwhile,
    group_not_found,
    invalid_quota,
    too_many,
    user_not_found,
)
from cloudsvc.identity.folders import Folders
from cloudsvc.identity.grants import tidy
from cloudsvc.identity.groups import Group, GroupId, make_group_id
from cloudsvc.identity.names import parse_account_name, parse_display_name
from cloudsvc.identity.passwords import Passwords, parse_password
from cloudsvc.identity.scopes import USER_SCOPES, check_scopes, meet_scopes, parse_scopes
from cloudsvc.identity.store import IdentityStore, NewPassword
from cloudsvc.identity.users import User, make_user_id

T = TypeVar("T")

_ATTEMPTS: Final = 5
"""How often a change is made anew when somebody else has changed the same meanwhile."""

_MOST_QUOTA: Final = 2**62
"""Bytes."""


@frozen(kw_only=True)
class UserFields:
    """
    What is said of a user; ``None`` leaves each as it is, and for a new one as it is without saying.

    :ivar quota: bytes, or -1 for none.
    :ivar groups: names of all groups that they are to be in.
    :ivar password: empty where they are to have none.
    """

    display_name: str | None = None
    scopes: Sequence[str] | None = None
    quota: int | None = None
    groups: Sequence[str] | None = None
    password: str | None = field(default=None, repr=False)
    disabled: bool | None = None


@frozen(kw_only=True)
class Profile:
    """
    Who somebody is.

    :ivar user: ``None`` for the owner and for a program.
    :ivar groups: of the user.
    """

    actor: Actor
    user: User | None
    groups: Sequence[Group]


@frozen(kw_only=True)
class Shared:
    """
    A user who has just been given a role.

    :ivar folder: the id of the folder on which they have it.
    """

    user: User
    folder: int


@frozen(kw_only=True)
class Directory:
    """
    Users and groups. Every method takes the actor on whose behalf it works. Errors are those of
    :mod:`cloudsvc.identity.errors`.

    Who manages the whole drive (a manager of its root, and the owner) manages the accounts. Others know of themselves
    only, and give roles on folders that they manage to users whose names they know.

    :param settle: is awaited after each change: what it has taken from somebody holds when it returns.
    """

    _store: IdentityStore
    _authority: Authority
    _folders: Folders
    _passwords: Passwords
    _now: Callable[[], Instant]
    _settle: Callable[[], Awaitable[object]]

    async def tell_paths(self, actor: Actor, grants: Iterable[Grant]) -> Mapping[int, str]:
        """The paths of the folders of ``grants``, of those into which ``actor`` may look."""
        wanted = sorted({grant.folder for grant in grants})
        known: dict[int, str] = {}
        for start in range(0, len(wanted), MAX_GRANTS):
            known |= await self._folders.tell_paths(actor, wanted[start : start + MAX_GRANTS])
        return known

    async def count_bytes(self, actor: Actor, users: Collection[User]) -> Mapping[str, int]:
        """
        The bytes that each of ``users`` has stored, by their names: of all for who manages the accounts, and of
        oneself for everybody.
        """
        return await self._folders.count_bytes(
            [str(user.name) for user in users if is_manager(actor) or str(user.name) == actor.name]
        )

    async def find_profile(self, actor: Actor) -> Profile:
        """Who the actor is."""
        user = await self._authority.find_self(actor)
        groups = {} if user is None else await self._store.find_groups(user.groups)
        return Profile(actor=actor, user=user, groups=[*groups.values()])

    # -- users -----------------------------------------------------------------------------------------------------

    async def add_user(self, actor: Actor, name: str, fields: UserFields) -> User:
        """
        Add a user.

        :raises CloudError: the actor may not, a value is wrong, or the name is taken.
        """
        check_manager(actor)
        scopes = meet_scopes(USER_SCOPES, actor.scopes)
        blank = User(id=make_user_id(), name=parse_account_name(name), scopes=scopes, created_at=self._now())
        user = await self._apply_fields(actor, blank, fields)
        password = await self._hash(actor, fields.password)
        added = await self._store.add_user(user, None if password is None else password.hash)
        await self._settle()
        return added

    async def find_user(self, actor: Actor, name: str) -> User:
        """
        A user, be it the actor.

        :raises CloudError: there is none of this name that the actor may know of.
        """
        return await self._authority.find_user(actor, name)

    async def list_users(self, actor: Actor, limit: int, *, after: str = "") -> Sequence[User]:
        """
        Users by the keys of their names, after one.

        :raises CloudError: the actor may not.
        """
        check_manager(actor)
        return await self._store.list_users(limit, after=after)

    async def edit_user(self, actor: Actor, name: str, fields: UserFields) -> User:
        """
        Change what is said of a user. When it returns, who was disabled is refused everywhere within a second.

        :raises CloudError: the actor may not, a value is wrong, or there is no such user.
        """
        check_manager(actor)
        password = await self._hash(actor, fields.password)

        async def edit(user: User) -> User:
            if fields.password:
                # Or else whoever has few scopes would sign in as somebody who has more.
                check_scopes(user.scopes, actor.scopes)
            return await self._store_user(await self._apply_fields(actor, user, fields), password)

        return await self._replace_user(actor, name, edit)

    async def remove_user(self, actor: Actor, name: str) -> None:
        """
        Remove a user with all their keys. Their name is never given again.

        :raises CloudError: the actor may not, or there is no such user.
        """
        check_manager(actor)
        user = await self._authority.find_user(actor, name)
        await self._store.remove_user(user.id)
        await self._settle()

    async def grant_role(self, actor: Actor, name: str, path: str, role: Role) -> Shared:
        """
        Give a user a role on the folder at ``path``, instead of those that they have just there.

        :raises CloudError: the actor may not share it, or there is no such folder or user.
        """
        folder = await self._authority.find_shared(actor, path)

        async def give(user: User) -> User:
            grants = _set_role(user.grants, folder, role, bounds.MAX_USER_GRANTS)
            return await self._store_user(evolve(user, grants=grants))

        return Shared(user=await self._replace_user(actor, name, give, shares=True), folder=folder)

    async def withdraw_role(self, actor: Actor, name: str, folder: int) -> User:
        """
        Take from a user what they have on one folder itself, by its id: it may be in the trash.

        :raises CloudError: the actor may not share it, or there is no such user.
        """
        await self._authority.check_shares(actor, folder)

        async def take(user: User) -> User:
            kept = tuple(grant for grant in user.grants if grant.folder != folder)
            return user if kept == user.grants else await self._store_user(evolve(user, grants=kept))

        return await self._replace_user(actor, name, take, shares=True)

    # -- groups ----------------------------------------------------------------------------------------------------

    async def add_group(self, actor: Actor, name: str) -> Group:
        """
        Add a group without grants.

        :raises CloudError: the actor may not, or the name is taken.
        """
        check_manager(actor)
        group = Group(id=make_group_id(), name=parse_account_name(name), created_at=self._now())
        return await self._store.add_group(group)

    async def find_group(self, actor: Actor, name: str) -> Group:
        """
        A group.

        :raises CloudError: the actor may not, or there is none of this name.
        """
        check_manager(actor)
        found = await self._store.find_group(parse_account_name(name))
        if found is None:
            raise group_not_found()
        return found

    async def list_groups(self, actor: Actor, limit: int, *, after: str = "") -> Sequence[Group]:
        """
        Groups by the keys of their names, after one.

        :raises CloudError: the actor may not.
        """
        check_manager(actor)
        return await self._store.list_groups(limit, after=after)

    async def remove_group(self, actor: Actor, name: str) -> None:
        """
        Remove a group; who was in it has its grants no more.

        :raises CloudError: the actor may not, or there is no such group.
        """
        group = await self.find_group(actor, name)
        await self._store.remove_group(group.id)
        await self._settle()

    async def grant_group_role(self, actor: Actor, name: str, path: str, role: Role) -> Group:
        """
        As :meth:`grant_role`, for a group, by who manages the accounts.

        :raises CloudError: the actor may not, or there is no such folder or group.
        """
        check_manager(actor)
        folder = await self._authority.find_shared(actor, path)
        return await self._replace_group(
            actor, name, lambda grants: _set_role(grants, folder, role, bounds.MAX_GROUP_GRANTS)
        )

    async def withdraw_group_role(self, actor: Actor, name: str, folder: int) -> Group:
        """
        As :meth:`withdraw_role`, for a group, by who manages the accounts.

        :raises CloudError: the actor may not, or there is no such group.
        """
        check_manager(actor)
        check_folder(folder)
        return await self._replace_group(
            actor, name, lambda grants: tuple(grant for grant in grants if grant.folder != folder)
        )

    # --------------------------------------------------------------------------------------------------------------

    async def _replace_user(
        self, actor: Actor, name: str, change: Callable[[User], Awaitable[User]], *, shares: bool = False
    ) -> User:
        """
        The user as ``change`` has left them.

        :param shares: whether the actor may know of every user whose name they know.
        """
        if not (shares or is_manager(actor)):
            raise managers_only()
        wanted = parse_account_name(name)

        async def replace() -> User:
            user = await self._store.find_user(wanted)
            if user is None:
                raise user_not_found()
            return await change(user)

        replaced = await _repeat(replace)
        await self._settle()
        return replaced

    async def _store_user(self, user: User, password: NewPassword | None = None) -> User:
        """As :meth:`~cloudsvc.identity.store.IdentityStore.replace_user`, of a user who has just been read."""
        try:
            return await self._store.replace_user(user, password)
        except CloudError as problem:
            if problem.code == GROUP_NOT_FOUND:
                # It was there when they were read. A group that is removed leaves the revision of who was in it.
                raise changed_meanwhile() from problem
            raise

    async def _replace_group(
        self, actor: Actor, name: str, change: Callable[[tuple[Grant, ...]], tuple[Grant, ...]]
    ) -> Group:
        async def replace() -> Group:
            group = await self.find_group(actor, name)
            return await self._store.replace_group(evolve(group, grants=change(group.grants)))

        replaced = await _repeat(replace)
        await self._settle()
        return replaced

    async def _apply_fields(self, actor: Actor, user: User, fields: UserFields) -> User:
        """``user`` with what is said of them."""
        if fields.display_name is not None:
            user = evolve(user, display_name=parse_display_name(fields.display_name))
        if fields.scopes is not None:
            scopes = parse_scopes(fields.scopes)
            check_scopes(scopes - user.scopes, actor.scopes)
            user = evolve(user, scopes=scopes)
        if fields.quota is not None:
            if not -1 <= fields.quota <= _MOST_QUOTA:
                raise invalid_quota()
            user = evolve(user, quota=None if fields.quota == -1 else fields.quota)
        if fields.groups is not None:
            user = evolve(user, groups=await self._find_group_ids(fields.groups))
        if fields.disabled is not None:
            user = evolve(user, is_disabled=fields.disabled)
        return user

    async def _find_group_ids(self, names: Iterable[str]) -> tuple[GroupId, ...]:
        wanted = {name.key: name for name in map(parse_account_name, names)}
        if len(wanted) > bounds.MAX_USER_GROUPS:
            raise too_many("groups of a user", bounds.MAX_USER_GROUPS)
        found = [await self._store.find_group(name) for name in wanted.values()]
        if None in found:
            raise group_not_found()
        return tuple(sorted(group.id for group in found if group is not None))

    async def _hash(self, actor: Actor, password: str | None) -> NewPassword | None:
        if not password:
            return None if password is None else NewPassword(hash=None)
        await self._authority.check_unlimited(actor)
        return NewPassword(hash=await self._passwords.hash(parse_password(password)))


def _set_role(grants: tuple[Grant, ...], folder: int, role: Role, most: int) -> tuple[Grant, ...]:
    others = tuple(grant for grant in grants if grant.folder != folder)
    if len(others) >= most:
        raise too_many("roles on folders", most)
    return tidy([*others, Grant(role=role, folder=folder)])


async def _repeat(change: Callable[[], Awaitable[T]]) -> T:
    """What ``change`` returns, which is made anew where somebody else came first."""
    for _ in range(_ATTEMPTS - 1):
        try:
            return await change()
        except CloudError as problem:
            if problem.code != CHANGED_MEANWHILE:
                raise
    return await change()
