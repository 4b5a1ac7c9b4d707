"""Use-cases of signing in and out: who somebody is, and the sessions that they have."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from typing import Final, Protocol

from attrs import evolve, frozen

from cloudsvc.core.actors import Actor
from cloudsvc.core.clock import Instant
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.managers import is_manager
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.authority import Authority
from cloudsvc.identity.bounds import SESSION_SECONDS
from cloudsvc.identity.devices import make_device, read_device
from cloudsvc.identity.errors import (
    CHANGED_MEANWHILE,
    key_has_rate,
    session_not_found,
    session_required,
    users_only,
    wrong_password,
)
from cloudsvc.identity.factor_errors import second_factor_required
from cloudsvc.identity.factors import FactorKind, has_factors
from cloudsvc.identity.key_format import KeyId
from cloudsvc.identity.names import AccountName, parse_account_name, parse_display_name
from cloudsvc.identity.passwords import Passwords, is_outdated, parse_password
from cloudsvc.identity.recency import check_recent
from cloudsvc.identity.revisions import NEVER, Revision
from cloudsvc.identity.sessions import Session, SessionId, floor_seen, is_session_id, make_session
from cloudsvc.identity.store import IdentityStore, Login, NewPassword
from cloudsvc.identity.subjects import SubjectId
from cloudsvc.identity.users import User, UserId

_NO_NAME: Final = AccountName("", "")
"""The name of nobody."""

_NOBODY: Final = UserId("")
"""The id of nobody."""

_CHANGE: Final = "change"
"""Where tries are counted of who is let in already: nobody else can take these from them."""


class Tries(Protocol):
    """A count of tries of passwords."""

    async def admit(self, client: str, name: str, device: str | None) -> None:
        """
        Count a try, before it is looked at.

        :param client: from where it comes.
        :param name: whose password is tried.
        :param device: one on which they have signed in before, by which nobody else can try.
        :raises CloudError: there were too many.
        """
        ...


@frozen(kw_only=True)
class Proof:
    """
    Who somebody is, as one factor proves it. Sessions are begun of nothing else: where a second factor is asked for,
    that is between both.

    :ivar password_set: which password they have shown, by the change that set it; ``None`` where it was a key.
    :ivar factor: which second factor they have shown besides, if any.
    :ivar key: which key they have shown.
    :ivar until: when that key ends.
    :ivar subject: who they are to a provider, as it has said.
    :ivar device: what the device is to show at the next time, after a password.
    """

    user: User
    password_set: Revision | None = None
    factor: FactorKind | None = None
    key: KeyId | None = None
    until: Instant | None = None
    subject: SubjectId | None = None
    device: Secret | None = None


@frozen(kw_only=True)
class Begun:
    """
    A session that has begun.

    :ivar text: what the browser is to show; nobody learns it again.
    """

    user: User
    session: Session
    text: Secret


@frozen(kw_only=True)
class SigningIn:
    """
    Signing in and out. Errors are those of :mod:`cloudsvc.identity.errors`.

    Who manages the accounts sees and ends the sessions of everybody, others their own.

    :param settle: is awaited after each change: what it has taken from somebody holds when it returns.
    :param is_trusted: as :class:`~cloudsvc.identity.resolving.Resolver` has it; where it is not, no password is right.
    """

    _store: IdentityStore
    _authority: Authority
    _passwords: Passwords
    _tries: Tries
    _now: Callable[[], Instant]
    _settle: Callable[[], Awaitable[object]]
    _is_trusted: Callable[[], bool] = lambda: True

    async def prove_password(self, name: str, password: Secret, *, client: str, device: bytes = b"") -> Proof:
        """
        Whose name and password these are. It takes the same look-up and the same hashing whatever is wrong with them.

        :param client: from where they come.
        :param device: what the device shows, of a sign-in before.
        :raises CloudError: they are nobody's, of whom nothing is told; there were too many tries; or too many passwords
            are being looked at.
        """
        wanted = _read_name(name)
        login = await self._store.find_login(wanted)
        kept = None if login is None else login.hash
        user_id = _NOBODY if login is None else login.holder.user.id
        await self._tries.admit(client, wanted.key, read_device(device, user_id, kept))
        login = await self._check_password(login, password)
        user = login.holder.user
        made = None if login.hash is None else make_device(user.id, login.hash)
        return Proof(user=user, password_set=user.password_set, device=made)

    async def prove_key(self, key: KeyId) -> Proof:
        """
        Whose key this is, which was let in just now.

        :raises CloudError: it is no key of a user; or it has a rate, which sessions would get around.
        """
        found = await self._store.find_key(key)
        if found is None or found.holder is None:
            raise users_only()
        if found.key.rate is not None:
            raise key_has_rate()
        return Proof(user=found.holder.user, key=key, until=found.key.ended_at)

    async def begin(self, proof: Proof, label: str = "") -> Begun:
        """
        Begin a session. Where its user has as many as may be, the one that was seen longest ago ends.

        :param label: for people, such as the name of the browser.
        :raises CloudError: the label is none; what was proven does not hold any more; or it is a password alone, where
            a second factor is asked for.
        """
        factors_set = proof.user.factors_set if proof.key is None else None
        if proof.password_set is not None and proof.factor is None and has_factors(proof.user.factors_set):
            raise second_factor_required()
        now, made = self._now(), make_session()
        ends_at = now + SESSION_SECONDS * 1_000_000
        session = Session(
            id=made.id,
            user=proof.user.id,
            label=parse_display_name(label),
            key=proof.key,
            subject=proof.subject,
            created_at=now,
            seen_at=floor_seen(now),
            ends_at=ends_at if proof.until is None else min(ends_at, proof.until),
        )
        try:
            added = await self._store.add_session(
                session, made.digest, password_set=proof.password_set, factors_set=factors_set
            )
        except CloudError as problem:
            if proof.password_set is None or problem.kind not in {Kind.CONFLICT, Kind.NOT_FOUND}:
                raise
            raise wrong_password() from problem
        await self._settle()
        return Begun(user=proof.user, session=added, text=made.text)

    async def list_sessions(self, actor: Actor, name: str | None = None) -> Sequence[Session]:
        """
        The sessions of a user, the latest first, without those that have expired.

        :param name: of the user; ``None`` for the actor.
        :raises CloudError: the actor is no user, or there is none of this name that they may know of.
        """
        user = await self._find_user(actor, name)
        alive = (each for each in await self._store.list_sessions(user.id) if each.is_alive(self._now()))
        return sorted(alive, key=lambda each: (-each.created_at, each.id))

    async def end_session(self, actor: Actor, session: str, name: str | None = None) -> None:
        """
        End one of a user's sessions. When it returns, it is refused everywhere within a second.

        :param name: as :meth:`list_sessions` has it.
        :raises CloudError: there is no such session of that user.
        """
        user = await self._find_user(actor, name)
        if not is_session_id(session):
            raise session_not_found()
        await self._store.end_session(user.id, SessionId(session))
        await self._settle()

    async def end_sessions(self, actor: Actor, name: str | None = None, *, keeps: SessionId | None = None) -> int:
        """
        End all of a user's sessions; how many there were.

        :param name: as :meth:`list_sessions` has it.
        :param keeps: one that goes on.
        """
        user = await self._find_user(actor, name)
        ended = await self._store.end_sessions(user.id, keeps=keeps)
        await self._settle()
        return ended

    async def change_password(
        self, actor: Actor, former: Secret, password: str, *, keeps: SessionId | None = None
    ) -> None:
        """
        Give the actor another password; all their sessions end but ``keeps``.

        :raises CloudError: the actor is no user or acts by a limited key, ``former`` is not their password, or the new
            one can be none.
        """
        user = await self._find_user(actor, None)
        await self._authority.check_unlimited(actor)
        wanted = parse_password(password)
        await self._tries.admit(_CHANGE, user.name.key, _CHANGE)
        login = await self._check_password(await self._store.find_login(user.name), former)
        renewed = NewPassword(hash=await self._passwords.hash(wanted), keeps=keeps)
        try:
            await self._store.replace_user(login.holder.user, renewed)
        except CloudError as problem:
            if problem.code != CHANGED_MEANWHILE:
                raise
            # What has changed may be the password. Or else the same is done once more.
            latest = await self._check_password(await self._store.find_login(user.name), former)
            await self._store.replace_user(latest.holder.user, renewed)
        await self._settle()

    async def confirm(self, actor: Actor, session: SessionId | None, password: Secret | None) -> User:
        """
        The actor, who has asked in a session for another way to sign in, and has shown their password if they have one:
        a session that was left open is no way to stay. Where a password is not enough to sign in, or there is none, the
        session has to be recent too.

        :raises CloudError: there is no session, it is that of a limited key or not recent, or the password is wrong; or
            there were too many tries.
        """
        user = await self._find_user(actor, None)
        if session is None:
            raise session_required()
        await self._authority.check_unlimited(actor)
        if user.password_set == NEVER or has_factors(user.factors_set):
            check_recent(user, await self._store.find_session(session), self._now())
        if user.password_set != NEVER:
            await self._tries.admit(_CHANGE, user.name.key, _CHANGE)
            await self._check_password(await self._store.find_login(user.name), password or Secret(""))
        return user

    # --------------------------------------------------------------------------------------------------------------

    async def _find_user(self, actor: Actor, name: str | None) -> User:
        if name is not None and (is_manager(actor) or name != actor.name):
            return await self._authority.find_user(actor, name)
        found = await self._authority.find_self(actor)
        if found is None:
            raise users_only()
        return found

    async def _check_password(self, login: Login | None, password: Secret) -> Login:
        """
        ``login``, as it is kept now, of whoever has shown their password.

        :raises CloudError: ``wrong_password``, whatever is wrong.
        """
        kept = None if login is None else login.hash
        is_right = await self._passwords.verify(password, kept)
        if login is None or kept is None or not is_right:
            raise wrong_password()
        if login.is_void or login.holder.user.is_disabled or not self._is_trusted():
            raise wrong_password()
        if is_outdated(kept):
            # At another time, where too many are signing in now.
            with suppress(CloudError):
                renewed = await self._passwords.hash(password)
                await self._store.renew_hash(login.holder.user.id, kept, renewed)
                return evolve(login, hash=renewed)
        return login


def _read_name(text: str) -> AccountName:
    """``text`` as a name; that of nobody where it is none, of which nothing is told either."""
    try:
        return parse_account_name(text)
    except CloudError:
        return _NO_NAME
