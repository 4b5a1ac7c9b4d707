"""
Devices on which somebody has signed in before: known by a cookie, so that tries of others do not count for them.

It holds a random number and a code (HMAC, RFC 2104) that only the server can have made, by what is kept of the
password: so there is no other secret to keep, all servers of one store know it, and it ends with the password. What is
kept has a salt of 128 bits, so that nobody can try passwords by it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from typing import Final

from cloudsvc.core.secrets import Secret
from cloudsvc.identity.users import UserId

_FORM: Final = re.compile(rb"([0-9a-f]{32})([0-9a-f]{64})")
_NO_HASH: Final = Secret("of nobody")


def make_device(user: UserId, kept: Secret) -> Secret:
    """
    What a device is to show at the next time, by which it is known.

    :param kept: the hash of the user's password.
    """
    number = secrets.token_hex(16)
    return Secret(number + _sign(user, number, kept))


def read_device(shown: bytes, user: UserId, kept: Secret | None) -> str | None:
    """
    The number of the device that shows this; ``None`` where this user has signed in on no such device.

    :param kept: ``None`` where there is no password; it takes as long.
    """
    found = _FORM.fullmatch(shown)
    number, code = (b"", b"") if found is None else (found[1], found[2])
    is_right = hmac.compare_digest(_sign(user, number.decode(), kept or _NO_HASH).encode(), code)
    return number.decode() if is_right and kept is not None else None


def _sign(user: UserId, number: str, kept: Secret) -> str:
    return hmac.new(kept.reveal().encode(), f"device {user} {number}".encode(), hashlib.sha256).hexdigest()
