"""
Signing of messages, as Standard Webhooks has it (https://www.standardwebhooks.com, specification, "Verifying webhook
authenticity"): an HMAC with SHA-256 over the id, the moment and the content of a message.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Iterable
from typing import Final

from cloudsvc.core.secrets import Secret

_PREFIX: Final = "whsec_"
_SECRET_BYTES: Final = 32
"""The convention asks for 24 to 64."""


def make_secret() -> Secret:
    """A new one, as receivers keep it."""
    return Secret(_PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode("ascii"))


def sign(message: str, seconds: int, content: bytes, keys: Iterable[Secret]) -> dict[str, str]:
    """
    The fields of a message's head.

    :param message: its id.
    :param seconds: since the epoch: when it is sent. A receiver refuses what is too old.
    :param keys: one signature each.
    """
    signed = b"%s.%d.%s" % (message.encode("ascii"), seconds, content)
    return {
        "webhook-id": message,
        "webhook-timestamp": str(seconds),
        "webhook-signature": " ".join(_sign(signed, each) for each in keys),
    }


def _sign(signed: bytes, key: Secret) -> str:
    digest = hmac.digest(base64.b64decode(key.reveal().removeprefix(_PREFIX)), signed, hashlib.sha256)
    return f"v1,{base64.b64encode(digest).decode('ascii')}"
