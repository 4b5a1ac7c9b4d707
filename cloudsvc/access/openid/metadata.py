"""Metadata of identity providers: where they are asked, and what they can (OpenID Connect Discovery 1.0)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

from attrs import frozen

WELL_KNOWN: Final = "/.well-known/openid-configuration"
"""Where the document is, below the issuer (section 4)."""

ALGORITHMS: Final = frozenset(
    {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA", "Ed25519"}
)
"""
By which ID tokens may be signed: by public keys alone. ``none`` proves nothing, and by ``HS256`` a public key, which
everybody has, would be taken for a secret (RFC 8725 section 2.1).
"""


@frozen(kw_only=True)
class Metadata:
    """
    What a provider says of itself.

    :ivar algorithms: by which it signs ID tokens, as far as they are good for that.
    :ivar posts_secret: whether it takes the client secret in the form alone, and not in a header field.
    :ivar names_itself: whether it says in each answer who it is (RFC 9207).
    """

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str | None
    algorithms: frozenset[str]
    posts_secret: bool
    names_itself: bool


def read_metadata(content: Mapping[str, Any], issuer: str) -> Metadata:
    """
    The document of the provider that is configured as ``issuer``.

    :raises ValueError: it is that of another one, lacks something, or names addresses without TLS.
    """
    if content.get("issuer") != issuer:
        raise ValueError("it names another issuer; write into the configuration what it says, to the letter")
    ways = _list_texts(content, "token_endpoint_auth_methods_supported") or ["client_secret_basic"]
    if not {"client_secret_basic", "client_secret_post"}.intersection(ways):
        raise ValueError("it takes no client secret")
    signs = _list_texts(content, "id_token_signing_alg_values_supported") or ["RS256"]
    algorithms = ALGORITHMS.intersection(signs)
    if not algorithms:
        raise ValueError("it signs by nothing that is known here")
    methods = _list_texts(content, "code_challenge_methods_supported")
    if methods and "S256" not in methods:
        raise ValueError("it has PKCE, but not S256")
    optional = content.get("userinfo_endpoint")
    return Metadata(
        issuer=issuer,
        authorization_endpoint=_read_url(content, "authorization_endpoint"),
        token_endpoint=_read_url(content, "token_endpoint"),
        jwks_uri=_read_url(content, "jwks_uri"),
        userinfo_endpoint=None if optional is None else _read_url(content, "userinfo_endpoint"),
        algorithms=algorithms,
        posts_secret="client_secret_basic" not in ways,
        names_itself=content.get("authorization_response_iss_parameter_supported") is True,
    )


def check_url(url: object) -> str:
    """
    ``url``, which may be asked: with TLS, for a host, without a user and a fragment.

    :raises ValueError: it may not.
    """
    if not isinstance(url, str) or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("it is no URL")
    parts = urlsplit(url)
    _ = parts.port
    if parts.scheme != "https" or not parts.hostname or parts.username is not None or parts.fragment:
        raise ValueError("it is no https:// URL of a host")
    return url


def _read_url(content: Mapping[str, Any], name: str) -> str:
    try:
        return check_url(content.get(name))
    except ValueError as problem:
        raise ValueError(f"{name}: {problem}") from None


def _list_texts(content: Mapping[str, Any], name: str) -> list[str]:
    found = content.get(name)
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []
