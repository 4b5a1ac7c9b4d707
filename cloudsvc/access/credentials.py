"""
Where a request may carry its key.

A guard asks a list of sources in order, and the first that finds its kind of credential decides. So when a request
carries both headers, ``X-API-Key`` wins (with :class:`KeyHeader` listed first) and the other is not looked at: a right
key never makes up for a wrong one.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol

from attrs import frozen
from twisted.web.http_headers import Headers

from cloudsvc.access.keys import Keys
from cloudsvc.core.actors import Principal


@frozen
class Rejected:
    """A credential was presented, and it is not valid. Why is nobody's business."""


REJECTED: Final = Rejected()


class CredentialSource(Protocol):
    """One kind of credential."""

    async def authenticate(self, headers: Headers, /) -> Principal | Rejected | None:
        """Who the request of these ``headers`` is from; ``None`` when it carries no credential of this kind."""
        ...


@frozen
class KeyHeader:
    """``X-API-Key: KEY``."""

    keys: Keys

    async def authenticate(self, headers: Headers, /) -> Principal | Rejected | None:
        """See :class:`CredentialSource`."""
        return _judge(self.keys, headers.getRawHeaders(b"x-api-key", ()), "key")


@frozen
class BearerToken:
    """``Authorization: Bearer KEY`` (RFC 6750, 2.1). Other schemes are left to other sources."""

    keys: Keys

    async def authenticate(self, headers: Headers, /) -> Principal | Rejected | None:
        """See :class:`CredentialSource`."""
        fields = (line.strip().partition(b" ") for line in headers.getRawHeaders(b"authorization", ()))
        return _judge(self.keys, [token for scheme, _, token in fields if scheme.lower() == b"bearer"], "bearer")


def _judge(keys: Keys, presented: Sequence[bytes], via: str) -> Principal | Rejected | None:
    """An empty key is none. Of several different keys nobody can tell which one was meant: that is a wrong key."""
    candidates = {key for line in presented if (key := line.strip())}
    if not candidates:
        return None
    actor = keys.identify(candidates.pop()) if len(candidates) == 1 else None
    return REJECTED if actor is None else Principal(actor=actor, via=via)
