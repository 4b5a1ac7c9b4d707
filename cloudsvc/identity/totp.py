"""One-time codes by the clock (TOTP, RFC 6238): six digits for each half minute, of a secret that a device has too."""

from __future__ import annotations

import hmac
import re
from typing import Final

import pyotp

from cloudsvc.core.clock import Instant
from cloudsvc.core.secrets import Secret

STEP_SECONDS: Final = 30
"""Seconds for which there is the same code, as all authenticators have it."""

MAX_CODE: Final = 16
"""Characters of what is shown as a code: six digits, and spaces that people write between them."""

_WINDOW: Final = 1
"""Steps before and after the present one of which codes are taken: clocks differ (RFC 6238 section 5.2)."""

_STEP: Final = STEP_SECONDS * 1_000_000

_SECRET: Final = re.compile("[A-Z2-7]{32}")
"""160 bits in Base32."""


def make_totp_secret() -> Secret:
    """A new secret of 160 random bits (RFC 4226 section 4), in Base32."""
    return Secret(pyotp.random_base32())


def is_totp_secret(text: str) -> bool:
    """Whether ``text`` has the form of what :func:`make_totp_secret` gives."""
    return _SECRET.fullmatch(text) is not None


def write_uri(secret: Secret, name: str, issuer: str) -> Secret:
    """
    What authenticators read from a QR code: ``otpauth://totp/…``, with the secret in it.

    :param name: of the user.
    :param issuer: what people know the server by.
    """
    return Secret(pyotp.TOTP(secret.reveal()).provisioning_uri(name=name, issuer_name=issuer))


def find_step(secret: Secret, shown: Secret, now: Instant, after: int) -> int | None:
    """
    The step whose code ``shown`` is; ``None`` where it is that of none about now.

    :param after: the last step whose code was shown before: neither that nor an earlier one is good again (RFC 6238
        section 5.2).
    """
    text = shown.reveal()[: MAX_CODE + 1].replace(" ", "").encode(errors="replace")
    totp, present, found = pyotp.TOTP(secret.reveal()), now // _STEP, None
    for step in range(max(0, present - _WINDOW), present + _WINDOW + 1):
        is_right = hmac.compare_digest(totp.generate_otp(step).encode(), text)
        if is_right and step > after:
            found = step
    return found


def begin_step(step: int) -> Instant:
    """When a step begins."""
    return step * _STEP
