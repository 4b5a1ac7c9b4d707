"""
Use-cases of keys: they ask whether the actor may, and then the store.

Whoever makes a key, changes one, or gets the secret of another one by rotation, can give it nothing that they have not
themselves at that moment, by the key with which they ask: in time and rate too (:mod:`cloudsvc.identity.key_limits`).
And whatever was given to it, a key of a user never does what its user may not just then: that is decided each time that
it is used (:mod:`cloudsvc.identity.resolving`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from attrs import evolve, frozen

from cloudsvc.core.actors import Actor, Grant, Role
from cloudsvc.core.clock import Instant
from cloudsvc.core.managers import check_manager, is_manager
from cloudsvc.identity import bounds
from cloudsvc.identity.authority import Authority
from cloudsvc.identity.errors import (
    grants_required,
    holder_required,
    invalid_expiry,
    invalid_overlap,
    key_ended,
    key_not_found,
    own_key,
    rate_not_shared,
    too_many,
)
from cloudsvc.identity.folders import Folders
from cloudsvc.identity.grants import tidy
from cloudsvc.identity.key_format import KeyId, MadeKey, is_key_id, make_key
from cloudsvc.identity.key_limits import check_limits
from cloudsvc.identity.keys import LATEST_END, Key, parse_key_rate
from cloudsvc.identity.names import parse_account_name, parse_display_name
from cloudsvc.identity.scopes import KEY_SCOPES, check_scopes, meet_scopes, parse_scopes
from cloudsvc.identity.store import IdentityStore
from cloudsvc.identity.users import Holder, UserId

MAX_OVERLAP: Final = 30 * 24 * 60 * 60
"""Seconds for which a former key may go on after a rotation."""

_SECOND: Final = 1_000_000


@frozen(kw_only=True)
class KeyFields:
    """
    What is said of a key; ``None`` leaves each as it is, and for a new one as it is without saying.

    :ivar roles: on the folders at paths, instead of all that its holder may.
    :ivar rate: empty for none of its own.
    :ivar expires_at: 0 for never.
    """

    label: str | None = None
    roles: Sequence[tuple[str, Role]] | None = None
    scopes: Sequence[str] | None = None
    rate: str | None = None
    expires_at: Instant | None = None


@frozen(kw_only=True)
class Issued:
    """
    A key that has just been made.

    :ivar made: with its text, which is told once.
    """

    key: Key
    made: MadeKey


@frozen(kw_only=True)
class Revoked:
    """
    A key that has ended.

    :ivar others: how many keys that were made by it have ended with it just now.
    """

    key: Key
    others: int


@frozen(kw_only=True)
class Issuer:
    """
    Keys. Every method takes the actor on whose behalf it works. Errors are those of :mod:`cloudsvc.identity.errors`.

    Users have their own keys. Who manages the accounts has everybody's, and those of programs.

    :param settle: is awaited after each change: what it has taken from somebody holds when it returns.
    """

    _store: IdentityStore
    _authority: Authority
    _folders: Folders
    _now: Callable[[], Instant]
    _settle: Callable[[], Awaitable[object]]

    async def issue(
        self, actor: Actor, fields: KeyFields, *, user: str | None = None, program: str | None = None
    ) -> Issued:
        """
        Make a key.

        :param user: for whom, by who manages the accounts; without user and program, it is for the actor.
        :param program: the name of a program for which it is, by who manages the accounts.
        :raises CloudError: the actor may not, a value is wrong, or there is no such user.
        """
        acting, made = await self._authority.find_acting_key(actor), make_key()
        if acting is not None and acting.rate is not None:
            raise rate_not_shared()
        key = await self._begin(actor, made.id, user, program)
        if acting is not None:
            key = evolve(key, made_by=acting.id, expires_at=acting.expires_at)
        key = await self._apply_fields(actor, key, fields)
        if key.grants is None:
            await self._check_all(actor, key.holder)
        check_scopes(key.scopes, actor.scopes)
        check_limits(key, acting)
        return Issued(key=await self._store.add_key(key, made.digest), made=made)

    async def find_key(self, actor: Actor, key: str) -> Key:
        """
        A key, without its secret.

        :raises CloudError: there is none of this id that the actor may know of.
        """
        found = await self._store.find_key(KeyId(key)) if is_key_id(key) else None
        if found is None or not (is_manager(actor) or _is_held_by(found.holder, actor)):
            raise key_not_found()
        return found.key

    async def list_keys(
        self, actor: Actor, limit: int, *, after: str | None = None, user: str | None = None, made_by: str | None = None
    ) -> Sequence[Key]:
        """
        Keys by their ids, after one: those of the actor, or of a user; of everybody, for who manages the accounts.

        :param made_by: only those that were made by the key of this id, or by others that were.
        :raises CloudError: there is no such user that the actor may know of.
        """
        holder: UserId | None = None
        if user is not None:
            holder = (await self._authority.find_user(actor, user)).id
        elif not is_manager(actor):
            found = await self._authority.find_self(actor)
            if found is None:
                return []
            holder = found.id
        if made_by is not None and not is_key_id(made_by):
            return []
        return await self._store.list_keys(
            limit,
            after=None if after is None else KeyId(after),
            holder=holder,
            made_by=None if made_by is None else KeyId(made_by),
        )

    async def edit_key(self, actor: Actor, key: str, fields: KeyFields) -> Key:
        """
        Change what is said of a key. When it returns, what was taken from it is refused everywhere within a second.

        A key that changes itself can but be narrowed.

        :raises CloudError: it may do more than the actor, before or after; a value is wrong; or there is none.
        """
        acting = await self._authority.find_acting_key(actor)
        found = await self.find_key(actor, key)
        self._check_alive(found)
        await self._check_within(actor, found, acting)
        edited = await self._apply_fields(actor, found, fields)
        if acting is not None and acting.id == found.id and edited.label != found.label:
            raise own_key()
        check_scopes(edited.scopes, actor.scopes)
        check_limits(edited, acting)
        return await self._settled(self._store.replace_key(edited))

    async def revoke(self, actor: Actor, key: str, *, descendants: bool = True) -> Revoked:
        """
        End a key, now and for good. When it returns, it is refused everywhere within a second.

        :param descendants: whether to end those too that were made by it, or by others that were: whoever had it has
            these as well.
        :raises CloudError: there is none of this id that the actor may know of.
        """
        found = await self.find_key(actor, key)
        count = await self._store.revoke_keys(found.id, self._now(), descendants=descendants)
        # It may have ended before, and links that were made by it have only now.
        await self._settle()
        if not count:
            return Revoked(key=found, others=0)
        after = await self.find_key(actor, key)
        return Revoked(key=after, others=count - (after.revoked_at != found.revoked_at))

    async def rotate(self, actor: Actor, key: str, overlap: int) -> Issued:
        """
        Make a key that may do the same, and end the former one after a while in which both are good.

        It lasts as long as the former one was to last, and no longer than the key by which the actor asks.

        :param overlap: seconds, :data:`MAX_OVERLAP` at most.
        :raises CloudError: it may do more than the actor, it has ended, or there is none.
        """
        if not 0 <= overlap <= MAX_OVERLAP:
            raise invalid_overlap(MAX_OVERLAP)
        acting = await self._authority.find_acting_key(actor)
        former = await self.find_key(actor, key)
        self._check_alive(former)
        await self._check_within(actor, former, acting)
        if acting is not None and acting.rate is not None and (acting.id != former.id or overlap):
            raise rate_not_shared()
        now, made = self._now(), make_key()
        until = now + overlap * _SECOND
        lasts = None if former.expires_at is None else former.expires_at - former.created_at
        successor = Key(
            id=made.id,
            label=former.label,
            holder=former.holder,
            program=former.program,
            maker=actor.name,
            grants=former.grants,
            scopes=former.scopes,
            rate=former.rate,
            created_at=now,
            expires_at=None if lasts is None else min(now + lasts, _find_latest(acting)),
            made_by=None if acting is None else acting.id,
        )
        ending = evolve(former, expires_at=until if former.expires_at is None else min(until, former.expires_at))
        added = await self._settled(self._store.rotate_key(ending, successor, made.digest))
        return Issued(key=added, made=made)

    # --------------------------------------------------------------------------------------------------------------

    async def _begin(self, actor: Actor, key: KeyId, user: str | None, program: str | None) -> Key:
        """A key without anything, for whom it is."""
        now, scopes = self._now(), meet_scopes(KEY_SCOPES, actor.scopes)
        if program is not None:
            check_manager(actor)
            if user is not None:
                raise holder_required()
            name = parse_account_name(program)
            return Key(id=key, program=name, maker=actor.name, grants=(), scopes=scopes, created_at=now)
        holder = await (self._authority.find_self(actor) if user is None else self._authority.find_user(actor, user))
        if holder is None:
            raise holder_required()
        return Key(id=key, holder=holder.id, maker=actor.name, scopes=scopes, created_at=now)

    async def _apply_fields(self, actor: Actor, key: Key, fields: KeyFields) -> Key:
        """``key`` with what is said of it."""
        if fields.label is not None:
            key = evolve(key, label=parse_display_name(fields.label))
        if fields.scopes is not None:
            key = evolve(key, scopes=parse_scopes(fields.scopes))
        if fields.rate is not None:
            key = evolve(key, rate=parse_key_rate(fields.rate) if fields.rate else None)
        if fields.expires_at is not None:
            if fields.expires_at != 0 and not self._now() < fields.expires_at <= LATEST_END:
                raise invalid_expiry()
            key = evolve(key, expires_at=fields.expires_at or None)
        if fields.roles is not None:
            key = evolve(key, grants=await self._find_grants(actor, fields.roles))
        elif key.program is not None and not key.revision and not key.grants:
            raise grants_required()
        return key

    async def _find_grants(self, actor: Actor, roles: Sequence[tuple[str, Role]]) -> tuple[Grant, ...]:
        if len(roles) > bounds.MAX_KEY_GRANTS:
            raise too_many("roles on folders", bounds.MAX_KEY_GRANTS)
        grants = tidy([Grant(role=role, folder=await self._folders.find(actor, path)) for path, role in roles])
        await self._authority.check_included(actor, grants)
        return grants

    async def _check_within(self, actor: Actor, key: Key, acting: Key | None) -> None:
        """See that a key may do no more than the actor: or else whoever has a narrow one would get a wide one."""
        check_scopes(key.scopes, actor.scopes)
        check_limits(key, acting)
        if is_manager(actor):
            return
        if key.grants is None:
            await self._check_all(actor, key.holder)
        else:
            await self._authority.check_included(actor, key.grants)

    async def _check_all(self, actor: Actor, holder: UserId | None) -> None:
        """See that the actor has all that a user has."""
        if holder is not None and not is_manager(actor):
            found = await self._store.find_holder(holder)
            await self._authority.check_included(actor, () if found is None else found.grants)

    def _check_alive(self, key: Key) -> None:
        if not key.is_alive(self._now()):
            raise key_ended()

    async def _settled(self, change: Awaitable[Key]) -> Key:
        changed = await change
        await self._settle()
        return changed


def _find_latest(acting: Key | None) -> Instant:
    """When what is made by this key ends at the latest."""
    return LATEST_END if acting is None or acting.expires_at is None else acting.expires_at


def _is_held_by(holder: Holder | None, actor: Actor) -> bool:
    return holder is not None and str(holder.user.name) == actor.name
