"""
Ceremonies of Web Authentication (level 3), of which the library ``webauthn`` does what is hard: options that pages hand
to browsers, and what browsers answer.

The library takes a fifth of a second to import, so it is imported when somebody shows a passkey.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec
from attrs import field, frozen

from cloudsvc.identity.challenges import CHALLENGE_SECONDS
from cloudsvc.identity.factor_errors import passkey_copied, wrong_passkey
from cloudsvc.identity.passkeys import Party, Passkey
from cloudsvc.identity.users import User

MAX_CREDENTIAL: Final = 1023
"""Bytes of the id of a credential (section 5.8.3 of the standard)."""

MAX_PUBLIC_KEY: Final = 1024
"""Bytes of a public key: RSA of 4,096 bits has 540."""

_ALGORITHMS: Final = (-8, -7, -257)
"""EdDSA, ES256, RS256 (RFC 9053, RFC 8812): what all authenticators have one of."""

_MOST_TEXT: Final = 8_192
"""Characters of a part of what a browser answers."""


@frozen(kw_only=True)
class Answered:
    """
    What a browser says to have been asked, and by what it answers. Nothing of it is checked yet.

    :ivar credential: the id of the credential.
    :ivar user: whose it is, as the authenticator knows it; empty where it does not say.
    """

    content: Mapping[str, Any] = field(repr=False)
    challenge: bytes
    credential: bytes
    user: str


@frozen(kw_only=True)
class Registered:
    """What is known of a new credential."""

    credential: bytes
    public_key: bytes = field(repr=False)
    sign_count: int
    is_synced: bool


@frozen(kw_only=True)
class Asserted:
    """
    What an authenticator has signed.

    :ivar sign_count: how often it says to have signed.
    :ivar is_verified: whether it has seen that it is its user, by a finger or a number.
    """

    sign_count: int
    is_verified: bool


def write_creation_options(user: User, party: Party, challenge: bytes, known: Sequence[Passkey]) -> dict[str, Any]:
    """
    ``PublicKeyCredentialCreationOptionsJSON`` for a new passkey of a user, who is verified, and found by it alone.

    :param known: those that they have: no authenticator is to have two.
    """
    return {
        "rp": {"id": party.host, "name": party.host},
        "user": {
            "id": _encode(user.id.encode()),
            "name": str(user.name),
            "displayName": user.display_name or str(user.name),
        },
        "challenge": _encode(challenge),
        "pubKeyCredParams": [{"type": "public-key", "alg": each} for each in _ALGORITHMS],
        "timeout": CHALLENGE_SECONDS * 1_000,
        "excludeCredentials": _list_credentials(known, party),
        "authenticatorSelection": {
            "residentKey": "required",
            "requireResidentKey": True,
            "userVerification": "required",
        },
        "attestation": "none",
    }


def write_request_options(party: Party, challenge: bytes, allowed: Sequence[Passkey], *, alone: bool) -> dict[str, Any]:
    """
    ``PublicKeyCredentialRequestOptionsJSON`` for signing in.

    :param allowed: those that will do; any of this server where there are none.
    :param alone: whether nothing else is asked for, so that the user has to be verified.
    """
    return {
        "challenge": _encode(challenge),
        "rpId": party.host,
        "timeout": CHALLENGE_SECONDS * 1_000,
        "allowCredentials": _list_credentials(allowed, party),
        "userVerification": "required" if alone else "preferred",
    }


def read_answer(content: Mapping[str, Any]) -> Answered:
    """
    What a browser has answered, in the form of ``PublicKeyCredential.toJSON()``.

    :raises CloudError: it has not that form.
    """
    try:
        response = content["response"]
        asked = msgspec.json.decode(_decode(response["clientDataJSON"]))
        handle = response.get("userHandle")
        return Answered(
            content=content,
            challenge=_decode(asked["challenge"]),
            credential=_decode(content["rawId"]),
            user="" if handle is None else _decode(handle).decode(),
        )
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, msgspec.DecodeError):
        raise wrong_passkey() from None


def check_registration(answered: Answered, party: Party, challenge: bytes) -> Registered:
    """
    A new credential that was made for ``party`` by ``challenge``, whose user was verified.

    :raises CloudError: it was not.
    """
    from webauthn import verify_registration_response  # noqa: PLC0415  # see above
    from webauthn.helpers.cose import COSEAlgorithmIdentifier  # noqa: PLC0415  # likewise

    try:
        found = verify_registration_response(
            credential=dict(answered.content),
            expected_challenge=challenge,
            expected_rp_id=party.host,
            expected_origin=party.origin,
            require_user_verification=True,
            supported_pub_key_algs=[*map(COSEAlgorithmIdentifier, _ALGORITHMS)],
        )
    except Exception:  # noqa: BLE001  # whatever it cannot read is wrong, and it tells that by errors of many kinds
        raise wrong_passkey() from None
    if len(found.credential_id) > MAX_CREDENTIAL or len(found.credential_public_key) > MAX_PUBLIC_KEY:
        raise wrong_passkey()
    return Registered(
        credential=found.credential_id,
        public_key=found.credential_public_key,
        sign_count=found.sign_count,
        is_synced=found.credential_backed_up,
    )


def check_assertion(answered: Answered, party: Party, challenge: bytes, passkey: Passkey) -> Asserted:
    """
    What the authenticator of ``passkey`` has signed for ``party`` by ``challenge``.

    :raises CloudError: it has not; ``passkey_copied``: it has counted fewer signatures than before.
    """
    from webauthn import verify_authentication_response  # noqa: PLC0415  # see above

    try:
        found = verify_authentication_response(
            credential=dict(answered.content),
            expected_challenge=challenge,
            expected_rp_id=party.host,
            expected_origin=party.origin,
            credential_public_key=passkey.public_key,
            # It would refuse before it looks at the signature, and nobody could be told.
            credential_current_sign_count=0,
        )
    except Exception:  # noqa: BLE001  # likewise
        raise wrong_passkey() from None
    counts = found.new_sign_count > 0 or passkey.sign_count > 0
    if counts and found.new_sign_count <= passkey.sign_count:
        raise passkey_copied()
    return Asserted(sign_count=found.new_sign_count, is_verified=found.user_verified)


def _list_credentials(passkeys: Sequence[Passkey], party: Party) -> list[dict[str, str]]:
    mine = (each for each in passkeys if each.host == party.host)
    return [{"type": "public-key", "id": _encode(each.credential)} for each in mine]


def _encode(content: bytes) -> str:
    return urlsafe_b64encode(content).decode().rstrip("=")


def _decode(text: str) -> bytes:
    if len(text) > _MOST_TEXT:
        raise ValueError("it is too long")
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
