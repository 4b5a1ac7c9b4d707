"""Keychain: the owner's token, and the keys that a store has issued."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final, Protocol

from attrs import define, field

from cloudsvc.access.issued import IssuedCredentials
from cloudsvc.core.actors import OWNER_CREDENTIAL, Actor, Principal

_VIA: Final = "key"


class OwnersToken(Protocol):
    """The owner's token of this moment."""

    @property
    def configured(self) -> bool:
        """Whether there is one."""
        ...

    def identify(self, presented: bytes, /) -> Actor | None:
        """The owner, if it is theirs."""
        ...


@define(eq=False)
class Keychain:
    """
    :class:`~cloudsvc.access.keys.Keys` of the owner and of a store, as far as one is open.

    What is not the owner's token is looked up in the store whatever it looks like, so that nothing that is wrong takes
    less time than anything else. Nor does the owner's token while it is switched off.

    :ivar refuses_owner: whether the owner's token is switched off.
    """

    _owner: OwnersToken
    _issued: IssuedCredentials
    refuses_owner: bool = field(init=False, default=False)

    @property
    def configured(self) -> bool:
        """Whether any key can be valid at all, now."""
        return (self._owner.configured and not self.refuses_owner) or self._issued.configured

    def identify(self, presented: bytes, /) -> Principal | Awaitable[Principal | None] | None:
        """See :class:`~cloudsvc.access.keys.Keys`."""
        found = self._owner.identify(presented)
        if found is None or self.refuses_owner:
            return self._issued.identify(presented)
        return Principal(actor=found, via=_VIA, credential=OWNER_CREDENTIAL)
