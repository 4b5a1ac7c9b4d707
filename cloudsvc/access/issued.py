"""Credentials that a store has issued, which is opened later than the first request could come."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeAlias

from attrs import define, field

from cloudsvc.access.caching import CredentialCache
from cloudsvc.access.credentials import Identified
from cloudsvc.core.actors import Principal

LookUp: TypeAlias = Callable[[bytes], Awaitable[Principal | None]]
"""
Whose credential something is, whatever form it has; ``None`` for nobody. It takes as long whatever is wrong. Raises
CloudError, unavailable, where nobody can say.
"""


@define(eq=False)
class IssuedCredentials:
    """
    The credentials of one kind that a store has issued, as far as it is open. They come and go while the server runs.

    :param now: seconds of a clock that is never set, such as the reactor's.
    :param remembers_nobody: whether what is nobody's is looked up no more for a while, until something changes; for a
        kind that nobody shows before it is issued, and that is shown on and on after it has ended.
    """

    _now: Callable[[], float]
    _remembers_nobody: bool = False
    _cache: CredentialCache | None = field(init=False, default=None)
    _look_again: LookUp | None = field(init=False, default=None)
    _are_any: Callable[[], bool] = field(init=False, default=lambda: False)

    @property
    def configured(self) -> bool:
        """Whether there could be any, now."""
        return self._cache is not None and self._are_any()

    def open(self, look_up: LookUp, *, are_any: Callable[[], bool], look_again: LookUp | None = None) -> None:
        """
        Ask whose they are from now on.

        :param are_any: whether there could be any.
        :param look_again: asks for what is under way, where that is no use of one.
        """
        self._cache = CredentialCache(look_up, self._now, remembers_nobody=self._remembers_nobody)
        self._look_again, self._are_any = look_again, are_any

    def close(self) -> None:
        """Let none in any more."""
        self._cache = self._look_again = None

    def forget(self) -> None:
        """Something has been revoked: the next requests look up."""
        if self._cache is not None:
            self._cache.forget()

    def identify(self, presented: bytes) -> Identified:
        """Whose ``presented`` is."""
        return None if self._cache is None else self._cache.identify(presented)

    def identify_again(self, presented: bytes) -> Identified:
        """Whose ``presented`` is, which was shown before."""
        return self.identify(presented) if self._look_again is None else self._look_again(presented)
