"""Keychain: the owner's token, and the keys of a store that is opened later."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol

from attrs import define, field

from cloudsvc.access.caching import CredentialCache
from cloudsvc.access.keys import Keys
from cloudsvc.core.actors import Actor, Principal


class KeyStore(Protocol):
    """Where keys are kept that come and go while the server runs."""

    @property
    def has_keys(self) -> bool:
        """Whether there could be any."""
        ...

    async def look_up(self, presented: bytes) -> Principal | None:
        """
        Whose key ``presented`` is, whatever form it has; ``None`` for nobody. It takes as long whatever is wrong.

        :raises CloudError: unavailable, where nobody can say.
        """
        ...


@define(eq=False)
class Keychain:
    """
    :class:`~cloudsvc.access.keys.Keys` of the owner and of a store, as far as one is open.

    What is not the owner's token is looked up in the store whatever it looks like, so that nothing that is wrong takes
    less time than anything else.

    :param now: seconds of a clock that is never set, such as the reactor's.
    """

    _owner: Keys
    _now: Callable[[], float]
    _store: KeyStore | None = field(init=False, default=None)
    _cache: CredentialCache | None = field(init=False, default=None)

    @property
    def configured(self) -> bool:
        """Whether any key can be valid at all, now."""
        return self._owner.configured or (self._store is not None and self._store.has_keys)

    def open(self, store: KeyStore) -> None:
        """Ask ``store`` too from now on."""
        self._store, self._cache = store, CredentialCache(store.look_up, self._now)

    def close(self) -> None:
        """Ask no store any more."""
        self._store = self._cache = None

    def forget(self) -> None:
        """Something has been revoked: the next requests look up."""
        if self._cache is not None:
            self._cache.forget()

    def identify(self, presented: bytes, /) -> Actor | Principal | Awaitable[Actor | Principal | None] | None:
        """See :class:`~cloudsvc.access.keys.Keys`."""
        found = self._owner.identify(presented)
        if found is not None or self._cache is None:
            return found
        return self._cache.identify(presented)
