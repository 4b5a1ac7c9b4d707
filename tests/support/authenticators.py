"""Authenticators in software: they make passkeys and sign by them, as browsers have them do, and lie on demand."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from typing import Any

import cbor2
from attrs import define, field
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256


def encode(content: bytes) -> str:
    """Base64url without padding, as everything is written here."""
    return urlsafe_b64encode(content).decode().rstrip("=")


def decode(text: str) -> bytes:
    """What :func:`encode` has written."""
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


@define(eq=False)
class Authenticator:
    """
    One with a passkey, once it has made one.

    :ivar origin: of the page that asks, as the browser says.
    :ivar host: for which it signs, whatever it is asked for; that of the options where it is ``None``.
    :ivar is_verified: whether it says to have seen that it is its user.
    :ivar counts: whether it counts what it signs.
    """

    origin: str = "https://cloud.example"
    host: str | None = None
    is_verified: bool = True
    counts: bool = True
    signed: int = 0
    credential: bytes = field(factory=lambda: secrets.token_bytes(32))
    user: bytes = b""
    _key: ec.EllipticCurvePrivateKey = field(factory=lambda: ec.generate_private_key(ec.SECP256R1()), repr=False)

    def create(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """What ``navigator.credentials.create`` gives."""
        self.user = decode(options["user"]["id"])
        numbers = self._key.public_key().public_numbers()
        public_key = cbor2.dumps(
            {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
        )
        attested = bytes(16) + len(self.credential).to_bytes(2, "big") + self.credential + public_key
        data = self._describe(options["rp"]["id"], 0x40) + attested
        return self._answer(
            clientDataJSON=self._ask("webauthn.create", options["challenge"]),
            attestationObject=cbor2.dumps({"fmt": "none", "attStmt": {}, "authData": data}),
        )

    def get(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """What ``navigator.credentials.get`` gives."""
        asked = self._ask("webauthn.get", options["challenge"])
        self.signed += self.counts
        data = self._describe(options["rpId"], 0)
        signature = self._key.sign(data + hashlib.sha256(asked).digest(), ec.ECDSA(SHA256()))
        return self._answer(clientDataJSON=asked, authenticatorData=data, signature=signature, userHandle=self.user)

    def _ask(self, kind: str, challenge: str) -> bytes:
        return json.dumps({"type": kind, "challenge": challenge, "origin": self.origin}).encode()

    def _describe(self, host: str, flags: int) -> bytes:
        flags |= 0x01 | (0x04 if self.is_verified else 0)
        named = hashlib.sha256((self.host or host).encode()).digest()
        return named + bytes([flags]) + self.signed.to_bytes(4, "big")

    def _answer(self, **response: bytes) -> dict[str, Any]:
        return {
            "id": encode(self.credential),
            "rawId": encode(self.credential),
            "type": "public-key",
            "response": {name: encode(value) for name, value in response.items()},
            "clientExtensionResults": {},
            "authenticatorAttachment": "platform",
        }
