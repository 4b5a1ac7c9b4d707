"""
Form of keys as text: ``csk_``, 16 characters that name the key, 43 of its secret, 6 of a checksum, all of base 62.

``csk_[0-9A-Za-z]{65}`` finds one in whatever text it has got into, and the checksum tells it from what only looks like
one: so programs that look for leaked secrets need no request, and a slip of the pen is found without one. The checksum
protects nothing.
"""

from __future__ import annotations

import hashlib
import re
import secrets
import zlib
from typing import Final, NewType

from attrs import frozen

from cloudsvc.core.secrets import Secret

KeyId = NewType("KeyId", str)
"""Names a key: 16 random characters of base 62 (95 bits). No secret, and never used again."""

PREFIX: Final = "csk_"
"""What every key begins with, and nothing else that the server takes for a credential."""

_DIGITS: Final = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_ID: Final = 16
_SECRET: Final = 43
"""Characters in which 256 bits fit: 62**43 is more than 2**256."""
_CHECKSUM: Final = 6
"""Characters in which 32 bits fit."""

_FORM: Final = re.compile(rb"csk_([0-9A-Za-z]{16})([0-9A-Za-z]{43})([0-9A-Za-z]{6})")
_KEY_ID: Final = re.compile(r"[0-9A-Za-z]{16}")

NO_KEY: Final = KeyId("-" * _ID)
"""The id of no key: looking for it costs what any other look-up does."""


@frozen(kw_only=True)
class ShownKey:
    """
    What somebody has shown as a key.

    :ivar id: the key that it says to be; :data:`NO_KEY` where it has not the form of one.
    :ivar digest: SHA-256 of its secret; of all of it, where it has not the form.
    """

    id: KeyId
    digest: bytes


@frozen(kw_only=True)
class MadeKey:
    """
    A new key.

    :ivar text: what its owner keeps; shown once.
    :ivar digest: SHA-256 of its secret, which is what the server keeps.
    """

    id: KeyId
    text: Secret
    digest: bytes


def make_key() -> MadeKey:
    """A new key of 256 random bits."""
    key_id = KeyId(_draw(_ID))
    secret = _write(secrets.randbits(256), _SECRET)
    text = f"{PREFIX}{key_id}{secret}{_check(key_id + secret)}"
    return MadeKey(id=key_id, text=Secret(text), digest=_digest(secret.encode()))


def read_key(text: bytes) -> ShownKey:
    """What ``text`` says to be. Whatever it is, it has a digest and an id to look for."""
    found = _FORM.fullmatch(text)
    if found is None or _check((found[1] + found[2]).decode()).encode() != found[3]:
        return ShownKey(id=NO_KEY, digest=_digest(text))
    return ShownKey(id=KeyId(found[1].decode()), digest=_digest(found[2]))


def is_key_id(text: str) -> bool:
    """Whether ``text`` could name a key."""
    return _KEY_ID.fullmatch(text) is not None


def _draw(length: int) -> str:
    return "".join(secrets.choice(_DIGITS) for _ in range(length))


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
