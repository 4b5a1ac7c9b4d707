"""
Attempts to sign in, which a browser keeps while it is with the provider: in one sealed cookie.

Whoever brings an answer of the provider has to be the browser that asked for it, or else somebody is signed in as
somebody else (RFC 6749 section 10.12). Nothing of it is kept here, so that any worker or node may finish what another
one has begun. That an attempt is of use once follows from the code, which the provider takes once.

The cookie is sealed by a key made of the client secret, which all nodes have and nobody else but the provider. As
anybody can ask for such a cookie, and try secrets on it at leisure, the making of the key is slow on purpose.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import secrets
from typing import Final

import msgspec
from attrs import field, frozen
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from cloudsvc.access.openid.errors import invalid_return
from cloudsvc.core.secrets import Secret

ATTEMPT_COOKIE: Final = b"__Host-cloudsvc-sign-in"
"""What the cookie is called. Only this host can have set it (RFC 6265bis section 4.1.3.2)."""

ATTEMPT_SECONDS: Final = 600
"""Seconds that somebody has for what the provider asks of them."""

MAX_RETURN: Final = 1024
"""Characters of a path to return to."""

_MOST_TEXT: Final = 4096
"""Characters of a sealed attempt: browsers keep no longer cookies."""

_NONCE_BYTES: Final = 12
_RETURN: Final = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")


@frozen(kw_only=True)
class Linking:
    """
    For whom an attempt is, who is signed in already.

    :ivar user: the id of the user.
    :ivar session: the id of the session in which they asked for it.
    """

    user: str
    session: str


@frozen(kw_only=True)
class Attempt:
    """
    What is asked again when the browser comes back.

    :ivar state: what the provider hands back (RFC 6749 section 4.1.1).
    :ivar nonce: what the ID token has to contain (OpenID Connect Core 1.0, section 3.1.2.1).
    :ivar verifier: of PKCE (RFC 7636).
    :ivar path: where to go on; empty for nowhere.
    :ivar until: seconds since the epoch.
    :ivar linking: ``None`` where somebody signs in.
    """

    provider: str
    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    path: str
    until: int
    linking: Linking | None = None


@frozen
class Seal:
    """Closes and opens attempts, by the secret of one client at one provider."""

    _cipher: AESGCM = field(repr=False)

    @classmethod
    def of(cls, secret: Secret, salt: str) -> Seal:
        """
        That of a client secret. Takes some 50 ms, on purpose.

        :param salt: says which client at which provider.
        """
        key = hashlib.scrypt(
            secret.reveal().encode(), salt=hashlib.sha256(salt.encode()).digest(), n=2**14, r=8, p=1, dklen=32
        )
        return cls(AESGCM(key))

    def close(self, attempt: Attempt) -> Secret:
        """``attempt`` as nobody can read or change it."""
        nonce = secrets.token_bytes(_NONCE_BYTES)
        sealed = nonce + self._cipher.encrypt(nonce, msgspec.json.encode(attempt), ATTEMPT_COOKIE)
        return Secret(base64.urlsafe_b64encode(sealed).decode())

    def open(self, text: bytes, now: float) -> Attempt | None:
        """
        What :meth:`close` has made ``text`` of; ``None`` where it has not, or too long ago.

        :param now: seconds since the epoch.
        """
        if len(text) > _MOST_TEXT:
            return None
        try:
            sealed = base64.b64decode(text, altchars=b"-_", validate=True)
            content = self._cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], ATTEMPT_COOKIE)
            found = msgspec.json.decode(content, type=Attempt)
        except (binascii.Error, ValueError, InvalidTag, msgspec.MsgspecError):
            return None
        return found if now < found.until else None


def make_attempt(provider: str, path: str, now: float, linking: Linking | None = None) -> Attempt:
    """
    A new one, of 256 random bits in each of its parts.

    :param now: seconds since the epoch.
    :raises CloudError: ``path`` is no path of this server.
    """
    return Attempt(
        provider=provider,
        state=secrets.token_urlsafe(32),
        nonce=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(32),
        path=parse_return(path),
        until=int(now) + ATTEMPT_SECONDS,
        linking=linking,
    )


def parse_return(path: str) -> str:
    """
    ``path`` as one of this server, or nothing: a browser takes ``//host`` and ``/\\host`` for other hosts.

    :raises CloudError: it is none.
    """
    if path and not (len(path) <= MAX_RETURN and _RETURN.fullmatch(path)):
        raise invalid_return()
    return path


def challenge(verifier: str) -> str:
    """What the provider compares with ``verifier``: S256 (RFC 7636 section 4.2)."""
    return base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
