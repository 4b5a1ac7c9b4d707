"""Recovery codes: what lets somebody in, each once, who has lost the device with their second factor."""

from __future__ import annotations

import hashlib
import secrets
from base64 import b32encode
from typing import Final

from attrs import field, frozen

from cloudsvc.core.secrets import Secret

RECOVERY_CODES: Final = 10
"""Codes that are made at a time."""

MAX_RECOVERY_CODE: Final = 64
"""Characters of what is shown as one: sixteen, and what people write between them."""

_BYTES: Final = 10
_GROUP: Final = 4
_ALIKE: Final = str.maketrans({"0": "o", "1": "l", "8": "b", "-": None, " ": None})
"""What people read for a character of Base32 (RFC 4648 section 6), and what stands between the groups."""


@frozen(kw_only=True)
class RecoveryCodes:
    """
    New codes.

    :ivar texts: for their user, once.
    :ivar digests: SHA-256 of each, which is what the server keeps: of 80 random bits nobody finds them by it.
    """

    texts: tuple[Secret, ...]
    digests: tuple[bytes, ...] = field(repr=False)


def make_recovery_codes() -> RecoveryCodes:
    """:data:`RECOVERY_CODES` of them, of 80 random bits each."""
    texts = tuple(_make_code() for _ in range(RECOVERY_CODES))
    return RecoveryCodes(texts=texts, digests=tuple(map(digest_recovery_code, texts)))


def digest_recovery_code(shown: Secret) -> bytes:
    """SHA-256 of what is shown as a code, however it is written."""
    text = shown.reveal()[: MAX_RECOVERY_CODE + 1].lower().translate(_ALIKE)
    return hashlib.sha256(text.encode(errors="replace")).digest()


def _make_code() -> Secret:
    text = b32encode(secrets.token_bytes(_BYTES)).decode().lower()
    return Secret("-".join(text[start : start + _GROUP] for start in range(0, len(text), _GROUP)))
