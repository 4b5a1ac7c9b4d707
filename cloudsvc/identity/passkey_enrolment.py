"""Use-cases of the passkeys that users have: adding, renaming and removing them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from attrs import frozen

from cloudsvc.core.actors import Actor
from cloudsvc.core.clock import Instant
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.challenges import check_challenge, make_challenge, name_enrolment
from cloudsvc.identity.enrolment import Enrolment
from cloudsvc.identity.factor_errors import wrong_passkey
from cloudsvc.identity.factors import has_factors
from cloudsvc.identity.names import parse_display_name
from cloudsvc.identity.passkeys import Party, Passkey, PasskeyId, make_passkey_id
from cloudsvc.identity.recovery_codes import make_recovery_codes
from cloudsvc.identity.sessions import SessionId
from cloudsvc.identity.store import IdentityStore
from cloudsvc.identity.web_authentication import check_registration, read_answer, write_creation_options


@frozen(kw_only=True)
class AddedPasskey:
    """
    A passkey that was added.

    :ivar recovery_codes: new ones, where it is the first factor; nobody learns them again.
    """

    passkey: Passkey
    recovery_codes: tuple[Secret, ...]


@frozen(kw_only=True)
class PasskeyEnrolment:
    """
    Passkeys of users, of which the same holds as of :class:`~cloudsvc.identity.enrolment.Enrolment`.

    :param settle: is awaited after each change: what it has taken from somebody holds when it returns.
    """

    _store: IdentityStore
    _enrolment: Enrolment
    _now: Callable[[], Instant]
    _settle: Callable[[], Awaitable[object]]

    async def offer(self, actor: Actor, session: SessionId | None, party: Party) -> dict[str, Any]:
        """
        What a page hands to the browser, so that an authenticator makes a passkey.

        :raises CloudError: the session is none, or not recent.
        """
        user = await self._enrolment.find_recent(actor, session)
        known = (await self._store.find_factors(user.id)).passkeys
        seal = await self._store.find_seal()
        challenge = make_challenge(seal, name_enrolment(user.id), party.host, self._now())
        return write_creation_options(user, party, challenge, known)

    async def add(
        self, actor: Actor, session: SessionId | None, party: Party, content: Mapping[str, Any], label: str = ""
    ) -> AddedPasskey:
        """
        Add a passkey that the actor's authenticator has made. Their other sessions end.

        :param content: what the browser has answered.
        :raises CloudError: the session is none, or not recent; it was not made for this; or there are too many.
        """
        user = await self._enrolment.find_recent(actor, session)
        answered, now = read_answer(content), self._now()
        purpose = name_enrolment(user.id)
        challenge = check_challenge(answered.challenge, await self._store.find_seal(), purpose, party.host, now)
        if challenge is None:
            raise wrong_passkey()
        made = check_registration(answered, party, challenge.content)
        passkey = Passkey(
            id=make_passkey_id(),
            user=user.id,
            label=parse_display_name(label),
            host=party.host,
            credential=made.credential,
            public_key=made.public_key,
            sign_count=made.sign_count,
            is_synced=made.is_synced,
            created_at=now,
        )
        codes = None if has_factors(user.factors_set) else make_recovery_codes()
        digests = () if codes is None else codes.digests
        added = await self._store.add_passkey(passkey, challenge, digests, keeps=session)
        await self._settle()
        return AddedPasskey(passkey=added, recovery_codes=() if codes is None else codes.texts)

    async def rename(self, actor: Actor, session: SessionId | None, passkey: str, label: str) -> None:
        """
        Give one of the actor's passkeys another label.

        :raises CloudError: the session is none, or not recent; there is no such passkey; the label is none.
        """
        user = await self._enrolment.find_recent(actor, session)
        await self._store.rename_passkey(user.id, PasskeyId(passkey), parse_display_name(label))

    async def remove(self, actor: Actor, session: SessionId | None, passkey: str) -> None:
        """
        Take one of the actor's passkeys away; their other sessions end, and their recovery codes with the last factor.

        :raises CloudError: the session is none, or not recent; there is no such passkey.
        """
        user = await self._enrolment.find_recent(actor, session)
        await self._store.remove_passkey(user.id, PasskeyId(passkey), keeps=session)
        await self._settle()
