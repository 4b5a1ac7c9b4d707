"""Use-cases of passkeys at sign-in: what is to be signed, and whose passkey has signed it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from attrs import frozen

from cloudsvc.core.clock import Instant
from cloudsvc.identity.challenges import SIGN_IN, check_challenge, make_challenge
from cloudsvc.identity.factor_errors import wrong_passkey
from cloudsvc.identity.factors import FactorKind
from cloudsvc.identity.passkey_store import PasskeyStore
from cloudsvc.identity.passkeys import FoundPasskey, Party, Passkey
from cloudsvc.identity.signing_in import Proof
from cloudsvc.identity.users import UserId
from cloudsvc.identity.web_authentication import check_assertion, read_answer, write_request_options


@frozen(kw_only=True)
class PasskeyProof:
    """
    Passkeys at sign-in, alone or after a password. Errors are those of :mod:`cloudsvc.identity.factor_errors`.

    :param is_trusted: as :class:`~cloudsvc.identity.resolving.Resolver` has it; where it is not, nobody is let in.
    """

    _store: PasskeyStore
    _now: Callable[[], Instant]
    _is_trusted: Callable[[], bool] = lambda: True

    async def offer(self, party: Party, allowed: Sequence[Passkey] = ()) -> dict[str, Any]:
        """
        What a page hands to the browser, so that somebody signs in.

        :param allowed: those that will do after a password; without them, any alone.
        """
        challenge = make_challenge(await self._store.find_seal(), SIGN_IN, party.host, self._now())
        return write_request_options(party, challenge, allowed, alone=not allowed)

    async def prove(self, content: Mapping[str, Any], party: Party) -> Proof:
        """
        Whose passkey it is that is shown alone.

        :param content: what the browser has answered.
        :raises CloudError: it is nobody's, or its user cannot sign in, of which nobody is told more.
        """
        found = await self._use(content, party, None)
        return Proof(user=found.holder.user, factor=FactorKind.PASSKEY)

    async def use(self, content: Mapping[str, Any], party: Party, user: UserId) -> None:
        """
        Use the passkey of a user who has shown their password.

        :raises CloudError: it is none of theirs.
        """
        await self._use(content, party, user)

    async def _use(self, content: Mapping[str, Any], party: Party, user: UserId | None) -> FoundPasskey:
        answered = read_answer(content)
        now = self._now()
        challenge = check_challenge(answered.challenge, await self._store.find_seal(), SIGN_IN, party.host, now)
        found = await self._store.find_passkey(answered.credential)
        if challenge is None or found is None or not self._is_trusted() or found.holder.user.is_disabled:
            raise wrong_passkey()
        passkey = found.passkey
        # Alone it also says whose it is (section 7.2, step 6), and is not from before all was declared void.
        expected = {passkey.user} if user is None else {passkey.user, ""}
        if answered.user not in expected or user not in {None, passkey.user} or (user is None and found.is_void):
            raise wrong_passkey()
        asserted = check_assertion(answered, party, challenge.content, passkey)
        if user is None and not asserted.is_verified:
            raise wrong_passkey()
        if not await self._store.use_passkey(passkey, asserted.sign_count, now, challenge):
            raise wrong_passkey()
        return found
