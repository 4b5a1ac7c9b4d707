"""
Interface of the store of passkeys, which is that of second factors (:mod:`cloudsvc.identity.factor_store`): each method
is one atomic step on durable storage, of which the same holds. A user who has a passkey has a second factor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cloudsvc.core.clock import Instant
from cloudsvc.identity.challenges import Challenge
from cloudsvc.identity.passkeys import FoundPasskey, Passkey, PasskeyId
from cloudsvc.identity.sessions import SessionId
from cloudsvc.identity.users import UserId


class PasskeyStore(Protocol):
    """Keeps passkeys, and which challenges were signed."""

    async def find_seal(self) -> bytes:
        """The secret of the store by which challenges are known, 32 bytes, the same for all who have it open."""
        ...

    async def add_passkey(
        self,
        passkey: Passkey,
        challenge: Challenge,
        codes: Sequence[bytes] = (),
        *,
        keeps: SessionId | None = None,
    ) -> Passkey:
        """
        Add a passkey whose ``made`` is ``NEVER``, by a challenge that is used up.

        :param codes: digests of the recovery codes that there are from now on; where there are none, those stay that
            there are.
        :return: as it is now.
        :raises CloudError: there is no such user; ``passkey_exists``: somebody has this credential; ``wrong_passkey``:
            the challenge was used before; there are too many.
        """
        ...

    async def find_passkey(self, credential: bytes) -> FoundPasskey | None:
        """The passkey of this credential, and its user as they are now."""
        ...

    async def use_passkey(self, passkey: Passkey, sign_count: int, moment: Instant, challenge: Challenge) -> bool:
        """
        Remember that a passkey was shown, by a challenge that is used up; whether it still is as it was found, and the
        challenge was not used before. It is no change.
        """
        ...

    async def rename_passkey(self, user: UserId, passkey: PasskeyId, label: str) -> None:
        """
        Give one of a user another label. It is no change.

        :raises CloudError: ``factor_not_found``.
        """
        ...

    async def remove_passkey(self, user: UserId, passkey: PasskeyId, *, keeps: SessionId | None = None) -> None:
        """
        Remove one of a user.

        :raises CloudError: ``factor_not_found``.
        """
        ...

    async def remove_expired_challenges(self, before: Instant, limit: int) -> int:
        """Forget up to ``limit`` challenges that have expired before this moment; how many there were. No change."""
        ...
