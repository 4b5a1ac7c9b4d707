"""Use-cases of the second factors that users have: setting them up, and taking them away."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import frozen

from cloudsvc.core.actors import Actor
from cloudsvc.core.clock import Instant
from cloudsvc.core.managers import check_manager
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.authority import Authority
from cloudsvc.identity.errors import users_only
from cloudsvc.identity.factor_errors import (
    factor_not_found,
    own_factors,
    totp_exists,
    wrong_factor,
)
from cloudsvc.identity.factors import Factors, Totp
from cloudsvc.identity.recency import check_recent
from cloudsvc.identity.recovery_codes import make_recovery_codes
from cloudsvc.identity.sessions import SessionId
from cloudsvc.identity.store import IdentityStore
from cloudsvc.identity.totp import find_step, make_totp_secret, write_uri
from cloudsvc.identity.users import User


@frozen(kw_only=True)
class NewTotp:
    """
    A secret that somebody gives their authenticator, and that counts once they have shown a code of it.

    :ivar uri: the same for a QR code, with the names of the server and the user.
    """

    secret: Secret
    uri: Secret


@frozen(kw_only=True)
class Enrolment:
    """
    Second factors of users. Errors are those of :mod:`cloudsvc.identity.factor_errors`.

    Users change their own, in a session that they have begun a few minutes ago with all that they have to show: neither
    a key nor a session that was left open is enough. Managers take away all that another user has.

    :param settle: is awaited after each change: what it has taken from somebody holds when it returns.
    """

    _store: IdentityStore
    _authority: Authority
    _now: Callable[[], Instant]
    _settle: Callable[[], Awaitable[object]]

    async def list_factors(self, actor: Actor) -> Factors:
        """
        Those of the actor.

        :raises CloudError: the actor is no user.
        """
        return await self._store.find_factors((await self._find_self(actor)).id)

    async def propose_totp(self, actor: Actor, session: SessionId | None, issuer: str) -> NewTotp:
        """
        A new secret for the actor's authenticator, in place of another one that is not confirmed.

        :param session: by which they act; ``None`` where it is none.
        :param issuer: what people know the server by.
        :raises CloudError: the session is none, or not recent; or they have an authenticator.
        """
        user = await self.find_recent(actor, session)
        secret = make_totp_secret()
        await self._store.propose_totp(user.id, Totp(secret=secret, created_at=self._now()))
        return NewTotp(secret=secret, uri=write_uri(secret, str(user.name), issuer))

    async def confirm_totp(self, actor: Actor, session: SessionId | None, code: Secret) -> tuple[Secret, ...]:
        """
        Have the proposed secret count from now on. The actor's other sessions end.

        :param code: which their authenticator shows.
        :return: recovery codes, which nobody learns again.
        :raises CloudError: the session is none, or not recent; the code is wrong; there is nothing to confirm.
        """
        user = await self.find_recent(actor, session)
        totp = (await self._store.find_factors(user.id)).totp
        if totp is None:
            raise factor_not_found()
        if totp.is_confirmed:
            raise totp_exists()
        step = find_step(totp.secret, code, self._now(), totp.last_step)
        if step is None:
            raise wrong_factor()
        codes = make_recovery_codes()
        await self._store.confirm_totp(user.id, totp.secret, step, codes.digests, keeps=session)
        await self._settle()
        return codes.texts

    async def remove_totp(self, actor: Actor, session: SessionId | None) -> None:
        """
        Take the actor's authenticator away; their other sessions end, and their recovery codes with the last factor.

        :raises CloudError: the session is none, or not recent; or they have none.
        """
        user = await self.find_recent(actor, session)
        await self._store.remove_totp(user.id, keeps=session)
        await self._settle()

    async def renew_recovery_codes(self, actor: Actor, session: SessionId | None) -> tuple[Secret, ...]:
        """
        New recovery codes for the actor, in place of all former ones.

        :raises CloudError: the session is none, or not recent; or they have no second factor.
        """
        user = await self.find_recent(actor, session)
        codes = make_recovery_codes()
        await self._store.replace_recovery_codes(user.id, codes.digests)
        await self._settle()
        return codes.texts

    async def reset(self, actor: Actor, name: str) -> bool:
        """
        Take all factors of another user away, who has lost them; whether there were any. Their sessions end.

        :raises CloudError: the actor manages no accounts, acts by a key that ends or has a rate, or is that user; or
            there is none.
        """
        check_manager(actor)
        await self._authority.check_unlimited(actor)
        user = await self._authority.find_user(actor, name)
        if str(user.name) == actor.name:
            raise own_factors()
        had_some = await self._store.reset_factors(user.id)
        await self._settle()
        return had_some

    async def find_recent(self, actor: Actor, session: SessionId | None) -> User:
        """
        The actor, who has shown a short while ago who they are.

        :raises CloudError: they have not.
        """
        user = await self._find_self(actor)
        found = None if session is None else await self._store.find_session(session)
        check_recent(user, found, self._now())
        return user

    async def _find_self(self, actor: Actor) -> User:
        found = await self._authority.find_self(actor)
        if found is None:
            raise users_only()
        return found
