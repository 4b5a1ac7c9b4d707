"""Second factors in the store of accounts in a database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from attrs import define

from cloudsvc.core.clock import Instant
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.factors import Factors, FoundPending, Pending, PendingId, Totp
from cloudsvc.identity.sessions import SessionId
from cloudsvc.identity.users import UserId
from cloudsvc.storage.database.reading import ReadingConnection
from cloudsvc.storage.identity import factors
from cloudsvc.storage.identity.steps import Steps

C = TypeVar("C", bound=ReadingConnection)


@define(eq=False, kw_only=True)
class FactorSteps(Steps[C]):
    """A :class:`cloudsvc.identity.factor_store.FactorStore` in a database."""

    async def find_factors(self, user: UserId) -> Factors:
        """As :meth:`cloudsvc.identity.factor_store.FactorStore.find_factors`."""
        return await self._readers.run(lambda connection: factors.find_factors(connection, user))

    async def propose_totp(self, user: UserId, totp: Totp) -> None:
        """As :meth:`cloudsvc.identity.factor_store.FactorStore.propose_totp`."""
        await self._writer.run(lambda connection: factors.propose_totp(connection, user, totp))

    async def confirm_totp(
        self, user: UserId, secret: Secret, step: int, codes: Sequence[bytes], *, keeps: SessionId | None = None
    ) -> None:
        """As :meth:`cloudsvc.identity.factor_store.FactorStore.confirm_totp`."""
        await self._change(lambda connection: factors.confirm_totp(connection, user, secret, step, codes, keeps=keeps))

    async def remove_totp(self, user: UserId, *, keeps: SessionId | None = None) -> None:
        """As :meth:`cloudsvc.identity.factor_store.FactorStore.remove_totp`."""
        await self._change(lambda connection: factors.remove_totp(connection, user, keeps))

    async def reset_factors(self, user: UserId) -> bool:
        """As :meth:`cloudsvc.identity.factor_store.FactorStore.reset_factors`."""
        return await self._change(lambda connection: factors.reset_factors(connection, user))

    async def use_totp(self, user: UserId, step: int) -> bool:
        """As :meth:`cloudsvc.identity.factor_store.FactorStore.use_totp`."""
        return await self._writer.run(lambda connection: factors.use_totp(connection, user, step))

    async def replace_recovery_codes(self, user: UserId, codes: Sequence[bytes]) -> None:
        """As :meth:`cloudsvc.identity.factor_store.FactorStore.replace_recovery_codes`."""
        await self._change(lambda connection: factors.replace_recovery_codes(connection, user, codes))

    async def use_recovery_code(self, user: UserId, code: bytes) -> bool:
        """As :meth:`cloudsvc.identity.factor_store.FactorStore.use_recovery_code`."""
        return await self._change(lambda connection: factors.use_recovery_code(connection, user, code))

    async def add_pending(self, pending: Pending, digest: bytes) -> None:
        """As :meth:`cloudsvc.identity.factor_store.FactorStore.add_pending`."""
        await self._writer.run(lambda connection: factors.add_pending(connection, pending, digest))

    async def try_pending(self, pending: PendingId, digest: bytes) -> FoundPending | None:
        """As :meth:`cloudsvc.identity.factor_store.FactorStore.try_pending`."""
        return await self._writer.run(lambda connection: factors.try_pending(connection, pending, digest))

    async def end_pending(self, pending: PendingId) -> bool:
        """As :meth:`cloudsvc.identity.factor_store.FactorStore.end_pending`."""
        return await self._writer.run(lambda connection: factors.end_pending(connection, pending))

    async def remove_expired_pending(self, before: Instant, limit: int) -> int:
        """As :meth:`cloudsvc.identity.factor_store.FactorStore.remove_expired_pending`."""
        return await self._writer.run(lambda connection: factors.remove_expired_pending(connection, before, limit))
