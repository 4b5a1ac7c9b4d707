"""ID tokens: what a provider says of who has signed in, verified (OpenID Connect Core 1.0, section 3.1.3.7)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any, Final

from attrs import field, frozen
from joserfc import jws
from joserfc.errors import JoseError

from cloudsvc.access.openid.keys import ProviderKeys

LEEWAY_SECONDS: Final = 60
"""By how much the clock of the provider and this one may differ."""

MOST_TOKEN: Final = 64 * 1024
"""Characters of an ID token: a user in 1,000 groups has one of some 40 KiB."""

MAX_SUBJECT: Final = 255
"""Characters of a subject, all of them ASCII (section 2)."""

_HASHES: Final = {"256": hashlib.sha256, "384": hashlib.sha384, "512": hashlib.sha512}


class TokenFault(Exception):  # noqa: N818  # why something is not believed
    """Why an ID token is not believed; for the log."""


class KeyUnknown(TokenFault):
    """There is no such key. The provider may have a new one."""


@frozen(kw_only=True)
class Expectation:
    """
    What an ID token has to say.

    :ivar algorithms: by which it may be signed.
    :ivar access_token: that came with it, which it may speak of.
    """

    issuer: str
    client: str
    nonce: str = field(repr=False)
    algorithms: frozenset[str]
    access_token: str | None = field(default=None, repr=False)


def verify_token(token: str, keys: ProviderKeys, expected: Expectation, now: float) -> Mapping[str, Any]:
    """
    The claims of an ID token that is signed by the provider, for this client, for this attempt, and for now.

    :param now: seconds since the epoch.
    :raises TokenFault: it is not, and why.
    """
    if len(token) > MOST_TOKEN:
        raise TokenFault("it is too long")
    claims, algorithm = _open(token, keys, expected.algorithms)
    if claims.get("iss") != expected.issuer:
        raise TokenFault("it is of another issuer")
    _check_audience(claims, expected.client)
    _check_moments(claims, now)
    nonce = claims.get("nonce")
    if not isinstance(nonce, str) or not hmac.compare_digest(nonce.encode(), expected.nonce.encode()):
        raise TokenFault("its nonce is of another attempt")
    subject = claims.get("sub")
    if not isinstance(subject, str) or not (0 < len(subject) <= MAX_SUBJECT and subject.isascii()):
        raise TokenFault("it has no subject")
    if "at_hash" in claims and claims["at_hash"] != hash_token(expected.access_token or "", algorithm):
        raise TokenFault("it speaks of another access token")
    return claims


def hash_token(token: str, algorithm: str) -> str:
    """What an ID token that is signed by ``algorithm`` says of an access token: half a digest (section 3.1.3.6)."""
    digest = _HASHES.get(algorithm[-3:], hashlib.sha512)(token.encode()).digest()
    return base64.urlsafe_b64encode(digest[: len(digest) // 2]).rstrip(b"=").decode()


def _open(token: str, keys: ProviderKeys, algorithms: frozenset[str]) -> tuple[Mapping[str, Any], str]:
    """The claims, and the algorithm by which they are signed."""
    try:
        signed = jws.extract_compact(token.encode("ascii"))
        header = signed.headers()
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in algorithms:
            raise TokenFault("it is signed by an algorithm that is not allowed, or not at all")
        # What has to be understood, as ``crit`` says, is nothing that is known here (RFC 7515 section 4.1.11).
        if "crit" in header or "b64" in header or not isinstance(kid, str | None):
            raise TokenFault("its header makes no sense")
        key = keys.find(algorithm, kid)
        if key is None:
            raise KeyUnknown("it is signed by a key that the provider has not published")
        if not jws.validate_compact(signed, key, algorithms=[algorithm]):
            raise TokenFault("its signature is wrong")
        claims = json.loads(signed.payload)
    except (JoseError, ValueError, TypeError, RecursionError) as problem:
        raise TokenFault(f"it is no signed token: {type(problem).__name__}") from None
    if not isinstance(claims, dict):
        raise TokenFault("it has no claims")
    return claims, algorithm


def _check_audience(claims: Mapping[str, Any], client: str) -> None:
    told, party = claims.get("aud"), claims.get("azp")
    audience = told if isinstance(told, list) else [told]
    if client not in audience:
        raise TokenFault("it is for another client")
    if party not in {None, client} if isinstance(party, str | None) else True:
        raise TokenFault("it was issued to another client")
    if len(audience) > 1 and party is None:
        raise TokenFault("it is for several clients, and does not say to which it was issued")


def _check_moments(claims: Mapping[str, Any], now: float) -> None:
    ends, issued, begins = (_read_moment(claims, name) for name in ("exp", "iat", "nbf"))
    if ends is None or issued is None:
        raise TokenFault("it does not say when it was issued, or until when it is good")
    if now >= ends + LEEWAY_SECONDS:
        raise TokenFault("it has expired; see that the clocks of both machines are right")
    if issued > now + LEEWAY_SECONDS or (begins is not None and begins > now + LEEWAY_SECONDS):
        raise TokenFault("it is of the future; see that the clocks of both machines are right")


def _read_moment(claims: Mapping[str, Any], name: str) -> float | None:
    found = claims.get(name)
    return None if isinstance(found, bool) or not isinstance(found, int | float) else found
