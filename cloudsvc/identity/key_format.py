"""Keys as text (:mod:`cloudsvc.identity.secret_format`), which begin with ``csk_``."""

from __future__ import annotations

from typing import Final, NewType

from attrs import frozen

from cloudsvc.core.secrets import Secret
from cloudsvc.identity.secret_format import NOBODY, is_secret_id, make_secret, read_secret

KeyId = NewType("KeyId", str)
"""Names a key: 16 random characters of base 62 (95 bits). No secret, and never used again."""

PREFIX: Final = "csk_"
"""What every key begins with, and nothing else that the server takes for a credential."""

NO_KEY: Final = KeyId(NOBODY)
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
    made = make_secret(PREFIX)
    return MadeKey(id=KeyId(made.id), text=made.text, digest=made.digest)


def read_key(text: bytes) -> ShownKey:
    """What ``text`` says to be. Whatever it is, it has a digest and an id to look for."""
    shown = read_secret(PREFIX, text)
    return ShownKey(id=KeyId(shown.id), digest=shown.digest)


def is_key_id(text: str) -> bool:
    """Whether ``text`` could name a key."""
    return is_secret_id(text)
