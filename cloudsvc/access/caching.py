"""A cache of looked-up credentials: what is known is said at once, and what is revoked is refused a second later."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

from attrs import define, field

from cloudsvc.access.credentials import Identified
from cloudsvc.core.actors import Principal
from cloudsvc.core.errors import CloudError, Kind

LONGEST: Final = 1.0
"""Seconds for which an answer is kept: so long somebody who has been locked out elsewhere may still get in here."""

_MOST_KEPT: Final = 10_000
"""Principals; some 4 MB. The first to go is the one longest without a request."""

NOBODY_SECONDS: Final = 60.0
"""For which it is remembered at most, where it is, that a credential is nobody's."""

_MOST_NOBODIES: Final = 1_000
"""Credentials of which that is remembered; some 150 kB. The first to go is the one longest known."""

_MOST_PENDING: Final = 100
"""Look-ups under way at a time. A store that hangs holds up so many requests, and the others learn it at once."""


@define(eq=False)
class CredentialCache:
    """
    The answers of look-ups that take their time, for a :class:`~cloudsvc.access.credentials.CredentialSource`.

    Only who was found is kept. Nobody is looked up each time, so that a new credential is good at once, and so that
    whoever guesses fills nothing; but for a kind that nobody shows before it is issued. Of credentials their digests
    are kept.

    :param look_up: whose a credential is; ``None`` for nobody.
    :param now: seconds of a clock that is never set, such as the reactor's.
    :param remembers_nobody: whether to look up no more for a while what is nobody's, until something is forgotten.
    """

    _look_up: Callable[[bytes], Awaitable[Principal | None]]
    _now: Callable[[], float]
    _most_kept: int = _MOST_KEPT
    _most_pending: int = _MOST_PENDING
    _remembers_nobody: bool = False
    _nobodies: OrderedDict[bytes, float] = field(init=False, repr=False, factory=OrderedDict)
    _kept: OrderedDict[bytes, tuple[Principal, float]] = field(init=False, repr=False, factory=OrderedDict)
    _pending: int = field(init=False, default=0)
    _generation: int = field(init=False, default=0)

    def identify(self, credential: bytes) -> Identified:
        """
        The principal whose ``credential`` it is, at once where that is known.

        :raises CloudError: unavailable: too many look-ups are under way (when it is awaited).
        """
        digest = hashlib.sha256(credential).digest()
        known = self._kept.get(digest)
        if known is not None:
            principal, until = known
            if self._now() < until:
                self._kept.move_to_end(digest)
                return principal
            del self._kept[digest]
        if self._now() < self._nobodies.get(digest, 0.0):
            return None
        return self._ask(credential, digest)

    def forget(self) -> None:
        """Drop all answers, and those of look-ups under way: something has been revoked. The next requests look up."""
        self._kept.clear()
        self._nobodies.clear()
        self._generation += 1

    async def _ask(self, credential: bytes, digest: bytes) -> Principal | None:
        if self._pending >= self._most_pending:
            raise CloudError(
                Kind.UNAVAILABLE, "credentials_unavailable", "Credentials cannot be checked now. Try again later."
            )
        generation, until = self._generation, self._now() + LONGEST
        self._pending += 1
        try:
            principal = await self._look_up(credential)
        finally:
            self._pending -= 1
        if generation != self._generation:
            return principal
        if principal is None:
            self._note_nobody(digest)
        else:
            self._kept[digest] = principal, until
            if len(self._kept) > self._most_kept:
                self._kept.popitem(last=False)
        return principal

    def _note_nobody(self, digest: bytes) -> None:
        if self._remembers_nobody:
            self._nobodies.pop(digest, None)
            self._nobodies[digest] = self._now() + NOBODY_SECONDS
            if len(self._nobodies) > _MOST_NOBODIES:
                self._nobodies.popitem(last=False)
