"""
Form of secrets as text: a prefix, 16 characters that name the secret, 43 of it, 6 of a checksum, all of base 62.

``csk_[0-9A-Za-z]{65}`` finds a key in whatever text it has got into, and the checksum tells it from what only looks
like one: so programs that look for leaked secrets need no request, and a slip of the pen is found without one. The
checksum protects nothing.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from typing import Final

from attrs import frozen

from cloudsvc.core.secrets import Secret

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
ID_LENGTH: Final = 16
"""Characters that name a secret: 95 random bits."""
_SECRET: Final = 43
"""Characters in which 256 bits fit: 62**43 is more than 2**256."""
_CHECKSUM: Final = 6
"""Characters in which 32 bits fit."""

_FORM: Final = re.compile(rb"([0-9A-Za-z]{16})([0-9A-Za-z]{43})([0-9A-Za-z]{6})")
_ID: Final = re.compile(r"[0-9A-Za-z]{16}")

NOBODY: Final = "-" * ID_LENGTH
"""The id of nothing: looking for it costs what any other look-up does."""


@frozen(kw_only=True)
class Shown:
    """
    What somebody has shown.

    :ivar id: what it says to be; :data:`NOBODY` where it has not the form.
    :ivar digest: SHA-256 of its secret; of all of it, where it has not the form.
    """

    id: str
    digest: bytes


@frozen(kw_only=True)
class Made:
    """
    A new secret.

    :ivar text: what its owner keeps; shown once.
    :ivar digest: SHA-256 of its secret, which is what the server keeps.
    """

    id: str
    text: Secret
    digest: bytes


def make_secret(prefix: str) -> Made:
    """A new one of 256 random bits."""
    name = "".join(secrets.choice(_DIGITS) for _ in range(ID_LENGTH))
    secret = _write(secrets.randbits(256), _SECRET)
    text = f"{prefix}{name}{secret}{_check(name + secret)}"
    return Made(id=name, text=Secret(text), digest=_digest(secret.encode()))


def read_secret(prefix: str, text: bytes) -> Shown:
    """What ``text`` says to be. Whatever it is, it has a digest and an id to look for."""
    begins = text.startswith(prefix.encode())
    found = _FORM.fullmatch(text.removeprefix(prefix.encode()))
    if not begins or found is None or _check((found[1] + found[2]).decode()).encode() != found[3]:
        return Shown(id=NOBODY, digest=_digest(text))
    return Shown(id=found[1].decode(), digest=_digest(found[2]))


def is_secret_id(text: str) -> bool:
    """Whether ``text`` could name a secret."""
    return _ID.fullmatch(text) is not None


def _check(text: str) -> str:
    return _write(zlib.crc32(text.encode()), _CHECKSUM)


def _write(number: int, length: int) -> str:
    """``number`` in base 62, with zeros before it."""
    digits = []
    for _ in range(length):
        number, digit = divmod(number, len(_DIGITS))
        digits.append(_DIGITS[digit])
    return "".join(reversed(digits))


def _digest(secret: bytes) -> bytes:
    return hashlib.sha256(secret).digest()
