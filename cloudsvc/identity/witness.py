"""
Witness of the accounts: what tells an older store from the one that was there before.

An accounts database that is put back from a copy knows keys that were revoked since, and roles that were withdrawn.
So the last restricting change is remembered where it does not go back with the database, and a store that does not know
that change is not trusted: all its keys and passwords are refused, until somebody who may has looked and accepts it.
The owner's token is none of them; but where it was switched off, an older store does not switch it on.
"""

from __future__ import annotations

from typing import Protocol

from attrs import define, field

from cloudsvc.core.locks import Lock
from cloudsvc.identity.revisions import NEVER, Restriction, Standing
from cloudsvc.identity.store import IdentityStore


class Record(Protocol):
    """Where the last restricting change is remembered, beside the store and not in it."""

    async def read(self) -> Restriction | None:
        """What is remembered; ``None`` for nothing."""
        ...

    async def write(self, restriction: Restriction) -> None:
        """Remember it instead; durable when this returns."""
        ...


@define(eq=False, kw_only=True)
class Witness:
    """
    Sees that a store is the one that was there before, and remembers how far it has come.

    :ivar is_trusted: whether it is, as far as anybody knows; false before :meth:`start`.
    :ivar refuses_owner: whether the owner's token is switched off, as far as anybody knows: of a store that is not
        trusted, by what it says or by what is remembered.
    """

    _store: IdentityStore
    _record: Record
    is_trusted: bool = field(init=False, default=False)
    refuses_owner: bool = field(init=False, default=False)
    _remembered: Restriction | None = field(init=False, default=None)
    _turn: Lock = field(init=False, factory=Lock)

    async def start(self) -> bool:
        """
        Compare the store with what is remembered; whether it is trusted.

        One without any accounts is trusted, and never again becomes what it was before: an older one that is put back
        later is not.

        :raises CloudError: the store fails.
        """
        self._remembered = await self._record.read()
        if self._remembered is None:
            self.is_trusted = True
        elif (await self._store.find_standing()).revision == NEVER:
            await self._store.void_credentials()
            self.is_trusted, self._remembered = True, None
        else:
            self.is_trusted = await self._store.knows(self._remembered)
        await self.settle()
        return self.is_trusted

    async def settle(self) -> Standing:
        """
        Remember how far the store has come, if it is trusted. Durable when this returns.

        One that has become an older one meanwhile is not trusted from then on: a database may be put back, or give way
        to a standby that lags behind it, while servers stay connected.

        :raises CloudError: the store fails.
        """
        await self._turn.acquire()
        try:
            return await self._settle()
        finally:
            self._turn.release()

    async def _settle(self) -> Standing:
        standing = await self._store.find_standing()
        restriction, remembered = standing.restriction, self._remembered
        if self.is_trusted and remembered is not None and restriction != remembered:
            self.is_trusted = await self._store.knows(remembered)
        self._note_owner(standing)
        if self.is_trusted and restriction is not None and restriction != self._remembered:
            await self._record.write(restriction)
            self._remembered = restriction
        return standing

    def _note_owner(self, standing: Standing) -> None:
        remembered = self._remembered
        is_remembered = not self.is_trusted and remembered is not None and remembered.refuses_owner
        self.refuses_owner = standing.refuses_owner or is_remembered

    async def accept(self, *, void: bool) -> Standing:
        """
        Trust the store as it is, on the word of an administrator.

        :param void: whether all keys and passwords in it end: so nothing is good again that somebody has revoked.
        :raises CloudError: the store fails.
        """
        if void or (await self._store.find_standing()).restriction is None:
            await self._store.void_credentials()
        self.is_trusted, self._remembered = True, None
        return await self.settle()
