"""Second factors in plain memory."""

from __future__ import annotations

from collections.abc import Sequence

from attrs import define, evolve

from cloudsvc.core.clock import Instant
from cloudsvc.core.secrets import Secret
from cloudsvc.identity import bounds
from cloudsvc.identity.errors import changed_meanwhile, user_not_found
from cloudsvc.identity.factor_errors import factor_not_found, totp_exists
from cloudsvc.identity.factors import Factors, FoundPending, Pending, PendingId, Totp
from cloudsvc.identity.revisions import NEVER, Revision
from cloudsvc.identity.sessions import SessionId
from cloudsvc.identity.users import UserId
from cloudsvc.storage.identity.memory_accounts import KeptPending
from cloudsvc.storage.identity.memory_steps import MemorySteps


@define(eq=False)
class MemoryFactors(MemorySteps):
    """
    See :class:`cloudsvc.identity.factor_store.FactorStore`.
    """

    async def find_factors(self, user: UserId) -> Factors:
        """See :class:`~cloudsvc.identity.factor_store.FactorStore`."""
        codes = self._accounts.recovery_codes.get(user, {})
        alive = sum(made > self._accounts.void_until for made in codes.values())
        passkeys = tuple(self._accounts.list_passkeys(user))
        return Factors(totp=self._accounts.totps.get(user), recovery_codes=alive, passkeys=passkeys)

    async def propose_totp(self, user: UserId, totp: Totp) -> None:
        """See :class:`~cloudsvc.identity.factor_store.FactorStore`."""
        accounts = self._accounts
        if user not in accounts.users:
            raise user_not_found()
        if user in accounts.totps and accounts.totps[user].is_confirmed:
            raise totp_exists()
        accounts.totps[user] = totp

    async def confirm_totp(
        self, user: UserId, secret: Secret, step: int, codes: Sequence[bytes], *, keeps: SessionId | None = None
    ) -> None:
        """See :class:`~cloudsvc.identity.factor_store.FactorStore`."""
        totps = self._accounts.totps
        kept = totps.get(user)
        if kept is None or kept.is_confirmed or kept.secret != secret:
            raise changed_meanwhile()
        totps[user] = evolve(kept, is_confirmed=True, last_step=step)
        revision = self._accounts.change()
        self._note_factors_changed(user, revision, keeps)
        self._accounts.recovery_codes[user] = dict.fromkeys(codes, revision)

    async def remove_totp(self, user: UserId, *, keeps: SessionId | None = None) -> None:
        """See :class:`~cloudsvc.identity.factor_store.FactorStore`."""
        kept = self._accounts.totps.pop(user, None)
        if kept is None:
            raise factor_not_found()
        if kept.is_confirmed:
            self._note_factors_changed(user, self._accounts.change(), keeps)

    async def reset_factors(self, user: UserId) -> bool:
        """See :class:`~cloudsvc.identity.factor_store.FactorStore`."""
        accounts = self._accounts
        had_totp = accounts.totps.pop(user, None) is not None
        accounts.drop_passkeys(user)
        if user in accounts.users and accounts.users[user].factors_set != NEVER:
            self._note_factors_changed(user, accounts.change(), None)
            return True
        return had_totp

    async def use_totp(self, user: UserId, step: int) -> bool:
        """See :class:`~cloudsvc.identity.factor_store.FactorStore`."""
        totps = self._accounts.totps
        kept = totps.get(user)
        if kept is None or not kept.is_confirmed or kept.last_step >= step:
            return False
        totps[user] = evolve(kept, last_step=step)
        return True

    async def replace_recovery_codes(self, user: UserId, codes: Sequence[bytes]) -> None:
        """See :class:`~cloudsvc.identity.factor_store.FactorStore`."""
        accounts = self._accounts
        if user not in accounts.users or accounts.users[user].factors_set == NEVER:
            raise factor_not_found()
        accounts.recovery_codes[user] = dict.fromkeys(codes, accounts.change())

    async def use_recovery_code(self, user: UserId, code: bytes) -> bool:
        """See :class:`~cloudsvc.identity.factor_store.FactorStore`."""
        accounts = self._accounts
        codes = accounts.recovery_codes.get(user, {})
        if codes.get(code, NEVER) <= accounts.void_until:
            return False
        del codes[code]
        accounts.change()
        return True

    async def add_pending(self, pending: Pending, digest: bytes) -> None:
        """See :class:`~cloudsvc.identity.factor_store.FactorStore`."""
        accounts = self._accounts
        if pending.user not in accounts.users:
            raise user_not_found()
        held = [each.pending for each in accounts.pendings.values() if each.pending.user == pending.user]
        held.sort(key=lambda each: (-each.expires_at, each.id))
        for each in held[bounds.MAX_USER_PENDING - 1 :]:
            del accounts.pendings[each.id]
        accounts.pendings[pending.id] = KeptPending(pending=pending, digest=digest)

    async def try_pending(self, pending: PendingId, digest: bytes) -> FoundPending | None:
        """See :class:`~cloudsvc.identity.factor_store.FactorStore`."""
        accounts = self._accounts
        kept = accounts.pendings.get(pending)
        if kept is None or kept.digest != digest:
            return None
        kept.tries += 1
        user = accounts.users[kept.pending.user]
        return FoundPending(
            pending=kept.pending,
            tries=kept.tries,
            holder=accounts.hold(user),
            hash=accounts.hashes.get(user.id),
            is_void=user.password_set <= accounts.void_until,
        )

    async def end_pending(self, pending: PendingId) -> bool:
        """See :class:`~cloudsvc.identity.factor_store.FactorStore`."""
        return self._accounts.pendings.pop(pending, None) is not None

    async def remove_expired_pending(self, before: Instant, limit: int) -> int:
        """See :class:`~cloudsvc.identity.factor_store.FactorStore`."""
        pendings = self._accounts.pendings
        expired = sorted((kept.pending.expires_at, each) for each, kept in pendings.items())
        chosen = [each for moment, each in expired if moment < before][:limit]
        for each in chosen:
            del pendings[each]
        return len(chosen)

    def _note_factors_changed(self, user: UserId, revision: Revision, keeps: SessionId | None) -> None:
        """Have it known that the factors of a user changed by ``revision``, and end what stood on how they were."""
        accounts = self._accounts
        kept = accounts.totps.get(user)
        is_left = (kept is not None and kept.is_confirmed) or bool(accounts.list_passkeys(user))
        accounts.users[user] = evolve(accounts.users[user], factors_set=revision if is_left else NEVER)
        accounts.drop_sessions(user, keeps=keeps)
        accounts.drop_pendings(user)
        if not is_left:
            accounts.recovery_codes.pop(user, None)
