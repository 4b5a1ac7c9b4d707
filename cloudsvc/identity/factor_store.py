"""
Interface of the store of second factors, which is that of users, groups and keys (:mod:`cloudsvc.identity.store`): each
method is one atomic step on durable storage, of which the same holds.

A user who has confirmed a secret has a second factor. When that begins or ends, it is a restriction (somebody may get
in no more as they did), their ``factors_set`` says which change it was, all their sessions but ``keeps`` end, and
nothing waits for a second factor any more. Recovery codes go with the last factor.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from cloudsvc.core.clock import Instant
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.factors import Factors, FoundPending, Pending, PendingId, Totp
from cloudsvc.identity.sessions import SessionId
from cloudsvc.identity.users import UserId


class FactorStore(Protocol):
    """Keeps second factors, recovery codes, and sign-ins that wait for one of them."""

    async def find_factors(self, user: UserId) -> Factors:
        """All of a user; without those recovery codes that are from before all credentials were declared void."""
        ...

    async def propose_totp(self, user: UserId, totp: Totp) -> None:
        """
        Keep a secret that is not confirmed, in place of another one that is not. It is no change.

        :raises CloudError: there is no such user; ``totp_exists``: they have one that is.
        """
        ...

    async def confirm_totp(
        self, user: UserId, secret: Secret, step: int, codes: Sequence[bytes], *, keeps: SessionId | None = None
    ) -> None:
        """
        Have a secret count from now on, whose code of ``step`` was shown.

        :param codes: digests of the recovery codes that there are from now on, and no others.
        :raises CloudError: ``changed_meanwhile``: that is not the secret which waits to be confirmed.
        """
        ...

    async def remove_totp(self, user: UserId, *, keeps: SessionId | None = None) -> None:
        """
        Remove the secret of a user, confirmed or not.

        :raises CloudError: ``factor_not_found``: they have none.
        """
        ...

    async def reset_factors(self, user: UserId) -> bool:
        """Remove all factors of a user; whether there were any. It is no change if there were none."""
        ...

    async def use_totp(self, user: UserId, step: int) -> bool:
        """
        Remember that the code of ``step`` was shown; whether neither it nor a later one was before. Of several at the
        same moment one is the first. It is no change.
        """
        ...

    async def replace_recovery_codes(self, user: UserId, codes: Sequence[bytes]) -> None:
        """
        Have these recovery codes, by their digests, and no others.

        :raises CloudError: ``factor_not_found``: the user has no second factor.
        """
        ...

    async def use_recovery_code(self, user: UserId, code: bytes) -> bool:
        """
        Use up a recovery code, by its digest; whether there was such a one, and it is no older than what was declared
        void. It is no change if there was none.
        """
        ...

    async def add_pending(self, pending: Pending, digest: bytes) -> None:
        """
        Add a sign-in that waits. Those of its user that expire first give way, where there would be more than
        :data:`~cloudsvc.identity.bounds.MAX_USER_PENDING`. It is no change.

        :param digest: SHA-256 of its secret.
        :raises CloudError: there is no such user.
        """
        ...

    async def try_pending(self, pending: PendingId, digest: bytes) -> FoundPending | None:
        """
        Count that somebody goes on with a sign-in, and find it, if its secret has this digest. It is no change; the
        same work whether there is one or not.
        """
        ...

    async def end_pending(self, pending: PendingId) -> bool:
        """Remove a sign-in that waits; whether it was there. It is no change."""
        ...

    async def remove_expired_pending(self, before: Instant, limit: int) -> int:
        """Remove up to ``limit`` that have expired before this moment; how many there were. It is no change."""
        ...
