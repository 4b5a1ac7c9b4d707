"""Keychain: the owner's token, and the keys that a store has issued."""

from __future__ import annotations

from collections.abc import Awaitable

from attrs import define

from cloudsvc.access.issued import IssuedCredentials
from cloudsvc.access.keys import Keys
from cloudsvc.core.actors import Actor, Principal


@define(eq=False)
class Keychain:
    """
    :class:`~cloudsvc.access.keys.Keys` of the owner and of a store, as far as one is open.

    What is not the owner's token is looked up in the store whatever it looks like, so that nothing that is wrong takes
    less time than anything else.
    """

    _owner: Keys
    _issued: IssuedCredentials

    @property
    def configured(self) -> bool:
        """Whether any key can be valid at all, now."""
        return self._owner.configured or self._issued.configured

    def identify(self, presented: bytes, /) -> Actor | Principal | Awaitable[Actor | Principal | None] | None:
        """See :class:`~cloudsvc.access.keys.Keys`."""
        found = self._owner.identify(presented)
        return self._issued.identify(presented) if found is None else found
