"""API keys: random tokens, of which the server keeps nothing but SHA-256 digests."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Awaitable
from typing import Final, Protocol

from attrs import field, frozen

from cloudsvc.core.actors import OWNER, Actor, Principal
from cloudsvc.core.secrets import Secret

_SHA256_HEX: Final = re.compile(r"[0-9a-fA-F]{64}")
_NOBODY: Final = bytes(32)
"""The digest of no key that anyone could find; comparing with it makes a missing key cost the same."""


def generate_token() -> Secret:
    """A new token of 256 random bits, as text that fits into a header."""
    return Secret(secrets.token_urlsafe(32))


def hash_token(token: str | bytes) -> str:
    """SHA-256 of ``token`` in lower-case hexadecimal digits. Any text and any bytes have one."""
    return _digest(token.encode(errors="surrogatepass") if isinstance(token, str) else token).hex()


class Keys(Protocol):
    """Keys and their holders, of this moment: they come and go while the server runs."""

    @property
    def configured(self) -> bool:
        """Whether any key can be valid at all, now; true where only a look-up could say."""
        ...

    def identify(self, presented: bytes, /) -> Actor | Principal | Awaitable[Actor | Principal | None] | None:
        """
        The holder of the key ``presented``; ``None`` for nobody, found in the same time as somebody. A principal, where
        more is to be said of the key; by which kind of credential it was shown is not asked of it.

        Something to await, where the answer is not known at once. A look-up that fails raises: that is no wrong key.
        """
        ...


@frozen(kw_only=True)
class KeyRing:
    """
    The keys of a server with one owner.

    :ivar owner_hash: what :func:`hash_token` gives for the owner's token, or ``None`` while there is none.
    :raises ValueError: ``owner_hash`` is no SHA-256 digest.
    """

    owner_hash: Secret | None
    _owner_digest: bytes = field(init=False, repr=False, eq=False)

    @_owner_digest.default
    def _decode(self) -> bytes:
        if self.owner_hash is None:
            return _NOBODY
        if not _SHA256_HEX.fullmatch(self.owner_hash.reveal()):
            raise ValueError("the hash of the token must be 64 hexadecimal digits; make one with generate-new-token")
        return bytes.fromhex(self.owner_hash.reveal())

    @property
    def configured(self) -> bool:
        """Whether there is an owner's token."""
        return self.owner_hash is not None

    def identify(self, presented: bytes, /) -> Actor | None:
        """The owner for the owner's token, otherwise nobody, in constant time."""
        return OWNER if hmac.compare_digest(_digest(presented), self._owner_digest) and self.configured else None


def _digest(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()
