"""Use-cases of the owner's token: it is switched off where others manage the accounts, and on again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from attrs import frozen

from cloudsvc.core.actors import Actor
from cloudsvc.core.managers import check_manager
from cloudsvc.identity.authority import Authority
from cloudsvc.identity.store import IdentityStore


@frozen(kw_only=True)
class OwnerSwitch:
    """
    The switch of the owner's token, for who manages the accounts. Errors are those of :mod:`cloudsvc.identity.errors`.

    :param settle: is awaited after each change: what it has taken from somebody holds when it returns.
    """

    _store: IdentityStore
    _authority: Authority
    _settle: Callable[[], Awaitable[object]]

    async def is_off(self, actor: Actor) -> bool:
        """
        Whether the owner's token is switched off.

        :raises CloudError: the actor may not know.
        """
        check_manager(actor)
        return (await self._store.find_standing()).refuses_owner

    async def switch_off(self, actor: Actor) -> None:
        """
        Refuse the owner's token. When it returns, it is refused everywhere within a second.

        :raises CloudError: the actor may not, or nobody else would get in to manage the accounts.
        """
        check_manager(actor)
        await self._store.switch_owner(refused=True)
        await self._settle()

    async def switch_on(self, actor: Actor) -> None:
        """
        Let the owner's token in again.

        :raises CloudError: the actor may not, or acts by a key that ends or has a rate, which the token does not.
        """
        check_manager(actor)
        await self._authority.check_unlimited(actor)
        await self._store.switch_owner(refused=False)
        await self._settle()
