"""Passkeys in plain memory."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, evolve

from cloudsvc.core.clock import Instant
from cloudsvc.identity import bounds
from cloudsvc.identity.challenges import Challenge
from cloudsvc.identity.errors import too_many, user_not_found
from cloudsvc.identity.factor_errors import factor_not_found, passkey_exists, wrong_passkey
from cloudsvc.identity.passkeys import FoundPasskey, Passkey, PasskeyId
from cloudsvc.identity.sessions import SessionId
from cloudsvc.identity.users import UserId
from cloudsvc.storage.identity.memory_factors import MemoryFactors


@define(eq=False)
class MemoryPasskeys(MemoryFactors):
    """
    See :class:`cloudsvc.identity.passkey_store.PasskeyStore`; it is a store of the other factors as well.
    """

    async def find_seal(self) -> bytes:
        """See :class:`~cloudsvc.identity.passkey_store.PasskeyStore`."""
        return self._accounts.seal

    async def add_passkey(
        self,
        passkey: Passkey,
        challenge: Challenge,
        codes: Sequence[bytes] = (),
        *,
        keeps: SessionId | None = None,
    ) -> Passkey:
        """See :class:`~cloudsvc.identity.passkey_store.PasskeyStore`."""
        accounts = self._accounts
        if passkey.user not in accounts.users:
            raise user_not_found()
        if any(each.credential == passkey.credential for each in accounts.passkeys.values()):
            raise passkey_exists()
        if len(accounts.list_passkeys(passkey.user)) >= bounds.MAX_USER_PASSKEYS:
            raise too_many("passkeys of a user", bounds.MAX_USER_PASSKEYS)
        if not self._use_up(challenge):
            raise wrong_passkey()
        revision = accounts.change()
        added = accounts.passkeys[passkey.id] = evolve(passkey, made=revision)
        self._note_factors_changed(passkey.user, revision, keeps)
        if codes:
            accounts.recovery_codes[passkey.user] = dict.fromkeys(codes, revision)
        return added

    async def find_passkey(self, credential: bytes) -> FoundPasskey | None:
        """See :class:`~cloudsvc.identity.passkey_store.PasskeyStore`."""
        accounts = self._accounts
        found = next((each for each in accounts.passkeys.values() if each.credential == credential), None)
        if found is None:
            return None
        holder = accounts.hold(accounts.users[found.user])
        return FoundPasskey(passkey=found, holder=holder, is_void=found.made <= accounts.void_until)

    async def use_passkey(self, passkey: Passkey, sign_count: int, moment: Instant, challenge: Challenge) -> bool:
        """See :class:`~cloudsvc.identity.passkey_store.PasskeyStore`."""
        passkeys = self._accounts.passkeys
        if not self._use_up(challenge):
            return False
        kept = passkeys.get(passkey.id)
        if kept is None or kept.sign_count != passkey.sign_count:
            return False
        passkeys[passkey.id] = evolve(kept, sign_count=sign_count, used_at=moment)
        return True

    async def rename_passkey(self, user: UserId, passkey: PasskeyId, label: str) -> None:
        """See :class:`~cloudsvc.identity.passkey_store.PasskeyStore`."""
        self._accounts.passkeys[passkey] = evolve(self._find_own(user, passkey), label=label)

    async def remove_passkey(self, user: UserId, passkey: PasskeyId, *, keeps: SessionId | None = None) -> None:
        """See :class:`~cloudsvc.identity.passkey_store.PasskeyStore`."""
        del self._accounts.passkeys[self._find_own(user, passkey).id]
        self._note_factors_changed(user, self._accounts.change(), keeps)

    async def remove_expired_challenges(self, before: Instant, limit: int) -> int:
        """See :class:`~cloudsvc.identity.passkey_store.PasskeyStore`."""
        challenges = self._accounts.challenges
        expired = sorted((expires_at, each) for each, expires_at in challenges.items() if expires_at < before)
        for _, each in expired[:limit]:
            del challenges[each]
        return len(expired[:limit])

    def _find_own(self, user: UserId, passkey: PasskeyId) -> Passkey:
        found = self._accounts.passkeys.get(passkey)
        if found is None or found.user != user:
            raise factor_not_found()
        return found

    def _use_up(self, challenge: Challenge) -> bool:
        """Remember that a challenge was signed; whether it was not before."""
        challenges = self._accounts.challenges
        is_new = challenge.digest not in challenges
        challenges[challenge.digest] = challenge.expires_at
        return is_new
