"""Passkeys in the store of accounts in a database."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from attrs import define

from cloudsvc.core.clock import Instant
from cloudsvc.identity.challenges import Challenge
from cloudsvc.identity.passkeys import FoundPasskey, Passkey, PasskeyId
from cloudsvc.identity.sessions import SessionId
from cloudsvc.identity.users import UserId
from cloudsvc.storage.database.reading import ReadingConnection
from cloudsvc.storage.identity import passkeys
from cloudsvc.storage.identity.steps import Steps

C = TypeVar("C", bound=ReadingConnection)


@define(eq=False, kw_only=True)
class PasskeySteps(Steps[C]):
    """A :class:`cloudsvc.identity.passkey_store.PasskeyStore` in a database."""

    async def find_seal(self) -> bytes:
        """As :meth:`cloudsvc.identity.passkey_store.PasskeyStore.find_seal`."""
        return await self._readers.run(passkeys.find_seal)

    async def add_passkey(
        self,
        passkey: Passkey,
        challenge: Challenge,
        codes: Sequence[bytes] = (),
        *,
        keeps: SessionId | None = None,
    ) -> Passkey:
        """As :meth:`cloudsvc.identity.passkey_store.PasskeyStore.add_passkey`."""
        return await self._change(
            lambda connection: passkeys.add_passkey(connection, passkey, challenge, codes, keeps=keeps)
        )

    async def find_passkey(self, credential: bytes) -> FoundPasskey | None:
        """As :meth:`cloudsvc.identity.passkey_store.PasskeyStore.find_passkey`."""
        return await self._readers.run(lambda connection: passkeys.find_passkey(connection, credential))

    async def use_passkey(self, passkey: Passkey, sign_count: int, moment: Instant, challenge: Challenge) -> bool:
        """As :meth:`cloudsvc.identity.passkey_store.PasskeyStore.use_passkey`."""
        return await self._writer.run(
            lambda connection: passkeys.use_passkey(connection, passkey, sign_count, moment, challenge)
        )

    async def rename_passkey(self, user: UserId, passkey: PasskeyId, label: str) -> None:
        """As :meth:`cloudsvc.identity.passkey_store.PasskeyStore.rename_passkey`."""
        await self._writer.run(lambda connection: passkeys.rename_passkey(connection, user, passkey, label))

    async def remove_passkey(self, user: UserId, passkey: PasskeyId, *, keeps: SessionId | None = None) -> None:
        """As :meth:`cloudsvc.identity.passkey_store.PasskeyStore.remove_passkey`."""
        await self._change(lambda connection: passkeys.remove_passkey(connection, user, passkey, keeps))

    async def remove_expired_challenges(self, before: Instant, limit: int) -> int:
        """As :meth:`cloudsvc.identity.passkey_store.PasskeyStore.remove_expired_challenges`."""
        return await self._writer.run(lambda connection: passkeys.remove_expired_challenges(connection, before, limit))
