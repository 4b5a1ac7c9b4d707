"""
Challenges of passkeys: what an authenticator is to sign, so that nothing that it has signed before is taken.

A challenge says itself what it is for and until when it is good, under a code (HMAC, RFC 2104) by a secret of the
store: so nobody keeps those that were asked for, whoever asks, and each process and node takes those of the others.
What was signed is remembered until it has expired, so that each is good once.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import Final

from attrs import field, frozen

from cloudsvc.core.clock import Instant

CHALLENGE_SECONDS: Final = 5 * 60
"""Seconds for which a challenge is good."""

SIGN_IN: Final = "sign-in"
"""What challenges are for that whoever signs in has signed."""

_NONCE: Final = 16
_MOMENT: Final = 8
_LENGTH: Final = _NONCE + _MOMENT + hashlib.sha256().digest_size


@frozen(kw_only=True)
class Challenge:
    """
    A challenge that was asked for here, and has not expired.

    :ivar digest: SHA-256 of it, by which it is remembered when it was signed.
    """

    content: bytes = field(repr=False)
    digest: bytes
    expires_at: Instant


def name_enrolment(user: str) -> str:
    """What challenges are for by which this user adds a passkey."""
    return f"enrolment {user}"


def make_challenge(seal: bytes, purpose: str, host: str, now: Instant) -> bytes:
    """
    A new challenge.

    :param seal: the secret of the store.
    :param purpose: what it is for.
    :param host: the name of this server that was asked.
    """
    head = secrets.token_bytes(_NONCE) + (now + CHALLENGE_SECONDS * 1_000_000).to_bytes(_MOMENT)
    return head + _sign(seal, purpose, host, head)


def check_challenge(content: bytes, seal: bytes, purpose: str, host: str, now: Instant) -> Challenge | None:
    """``content``, if it is a challenge for this purpose and this name that has not expired."""
    head, code = content[: _NONCE + _MOMENT], content[_NONCE + _MOMENT :]
    is_right = hmac.compare_digest(_sign(seal, purpose, host, head), code)
    expires_at = int.from_bytes(head[_NONCE:])
    if not is_right or len(content) != _LENGTH or expires_at <= now:
        return None
    return Challenge(content=content, digest=hashlib.sha256(content).digest(), expires_at=expires_at)


def _sign(seal: bytes, purpose: str, host: str, head: bytes) -> bytes:
    return hmac.new(seal, f"challenge {purpose} {host} ".encode() + head, hashlib.sha256).digest()
