"""An identity provider in memory, which holds its clients to the standards, and lies where a test has it lie."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from attrs import define, field, frozen
from joserfc import jwt
from joserfc.jwk import ECKey

from cloudsvc.access.openid.errors import provider_busy, provider_unavailable
from cloudsvc.access.openid.fetching import Fetched
from cloudsvc.access.openid.limits import SignInLimits
from cloudsvc.access.openid.parties import Client, RelyingParties
from cloudsvc.access.openid.published import Published
from cloudsvc.access.openid.relying_party import RelyingParty
from cloudsvc.access.openid.state import Seal, challenge
from cloudsvc.access.openid.tokens import hash_token
from cloudsvc.access.throttling.counter import Counter
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.claims import Policy

ISSUER: Final = "https://login.example/realm"
CLIENT_ID: Final = "cloud"
CLIENT_SECRET: Final = "a secret of this client"
REDIRECT_URI: Final = "https://cloud.example/api/sessions/oidc/home/callback"


@frozen(kw_only=True)
class Grant:
    """What a code is good for."""

    subject: str
    nonce: str
    challenge: str
    redirect_uri: str


@define(eq=False, kw_only=True)
class IdentityProvider:
    """
    A :class:`cloudsvc.access.openid.fetching.Fetcher` that answers itself.

    :ivar people: the claims of everybody, by their subjects.
    :ivar told: which claims are told in ID tokens; the others only at the userinfo endpoint.
    :ivar metadata: what differs in what it says of itself.
    :ivar bend: changes the claims of an ID token before it is signed.
    :ivar sign: signs them in another way.
    :ivar is_away: whether it answers nothing.
    :ivar is_busy: whether so much is asked that nothing more is.
    :ivar asked: the paths of all requests.
    """

    issuer: str = ISSUER
    now: Callable[[], float]
    people: dict[str, dict[str, Any]] = field(factory=dict)
    told: frozenset[str] = frozenset({"name", "preferred_username", "groups"})
    metadata: dict[str, Any] = field(factory=dict)
    bend: Callable[[dict[str, Any]], None] = lambda claims: None
    sign: Callable[[dict[str, Any]], str] | None = None
    is_away: bool = False
    is_busy: bool = False
    asked: list[str] = field(factory=list)
    key: ECKey = field(factory=lambda: ECKey.generate_key("P-256", {"kid": "first", "use": "sig", "alg": "ES256"}))
    _codes: dict[str, Grant] = field(factory=dict)
    _tokens: dict[str, str] = field(factory=dict)

    def authorize(self, url: str, subject: str) -> dict[str, str]:
        """What the browser comes back with that was sent to ``url``, where ``subject`` has signed in."""
        asked = dict(parse_qsl(urlsplit(url).query, strict_parsing=True))
        assert url.startswith(f"{self.issuer}/authorize?")
        assert (asked["response_type"], asked["client_id"]) == ("code", CLIENT_ID)
        assert asked["code_challenge_method"] == "S256"
        assert asked["redirect_uri"] == REDIRECT_URI
        assert "openid" in asked["scope"].split(" ")
        code = secrets.token_urlsafe(16)
        self._codes[code] = Grant(
            subject=subject,
            nonce=asked["nonce"],
            challenge=asked["code_challenge"],
            redirect_uri=asked["redirect_uri"],
        )
        return {"state": asked["state"], "code": code, "iss": self.issuer}

    def rotate(self, kid: str = "second") -> None:
        """Sign by another key from now on."""
        self.key = ECKey.generate_key("P-256", {"kid": kid, "use": "sig", "alg": "ES256"})

    def make_claims(self, grant: Grant) -> dict[str, Any]:
        """Those of an ID token."""
        now = int(self.now())
        person = self.people[grant.subject]
        told = {name: value for name, value in person.items() if name in self.told}
        return {
            **told,
            "iss": self.issuer,
            "sub": grant.subject,
            "aud": CLIENT_ID,
            "iat": now,
            "exp": now + 300,
            "nonce": grant.nonce,
        }

    async def get(self, url: str, *, headers: Mapping[str, str] | None = None) -> Fetched:
        """See :class:`cloudsvc.access.openid.fetching.Fetcher`."""
        match self._note(url):
            case "/realm/.well-known/openid-configuration":
                return Fetched(status=200, content=self._describe())
            case "/realm/keys":
                return Fetched(status=200, content={"keys": [self.key.as_dict(private=False)]})
            case "/realm/userinfo":
                subject = self._tokens.get((headers or {})["Authorization"].removeprefix("Bearer "))
                if subject is None:
                    return Fetched(status=401, content={})
                return Fetched(status=200, content={"sub": subject, **self.people[subject]})
        return Fetched(status=404, content={})

    async def post(self, url: str, form: Mapping[str, str], *, headers: Mapping[str, str] | None = None) -> Fetched:
        """See :class:`cloudsvc.access.openid.fetching.Fetcher`."""
        assert self._note(url) == "/realm/token"
        if self._read_client(form, headers or {}) != (CLIENT_ID, CLIENT_SECRET):
            return Fetched(status=401, content={"error": "invalid_client"})
        grant = self._codes.pop(form["code"], None)
        if (
            grant is None
            or form["grant_type"] != "authorization_code"
            or form["redirect_uri"] != grant.redirect_uri
            or challenge(form["code_verifier"]) != grant.challenge
        ):
            return Fetched(status=400, content={"error": "invalid_grant"})
        access_token = secrets.token_urlsafe(16)
        self._tokens[access_token] = grant.subject
        claims = {**self.make_claims(grant), "at_hash": hash_token(access_token, "ES256")}
        self.bend(claims)
        sign = self.sign or self.sign_properly
        tokens = {"access_token": access_token, "token_type": "Bearer", "id_token": sign(claims)}
        return Fetched(status=200, content=tokens)

    def sign_properly(self, claims: dict[str, Any]) -> str:
        """An ID token."""
        return jwt.encode({"alg": "ES256", "kid": self.key.kid}, claims, self.key)

    def _describe(self) -> dict[str, Any]:
        return {
            "issuer": self.issuer,
            "authorization_endpoint": f"{self.issuer}/authorize",
            "token_endpoint": f"{self.issuer}/token",
            "jwks_uri": f"{self.issuer}/keys",
            "userinfo_endpoint": f"{self.issuer}/userinfo",
            "id_token_signing_alg_values_supported": ["ES256", "HS256", "none"],
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
            **self.metadata,
        }

    def _note(self, url: str) -> str:
        if self.is_busy:
            raise provider_busy()
        path = urlsplit(url).path
        self.asked.append(path)
        if self.is_away:
            raise provider_unavailable()
        return path

    @staticmethod
    def _read_client(form: Mapping[str, str], headers: Mapping[str, str]) -> tuple[str, str]:
        if "client_secret" in form:
            return form["client_id"], form["client_secret"]
        found = base64.b64decode(headers["Authorization"].removeprefix("Basic ")).decode()
        name, _, secret = found.partition(":")
        return unquote(name), unquote(secret)


def make_party(provider: IdentityProvider, monotonic: Callable[[], float], **fields: Any) -> RelyingParty:
    """A client of ``provider``."""
    secret = Secret(CLIENT_SECRET)
    client = Client(
        **{
            "provider": "home",
            "title": "Home",
            "issuer": ISSUER,
            "id": CLIENT_ID,
            "secret": secret,
            "redirect_uri": REDIRECT_URI,
            "scopes": ("openid", "profile"),
            "wanted": ("preferred_username", "groups"),
            **fields,
        }
    )
    published = Published(name="home", issuer=client.issuer, fetcher=provider, monotonic=monotonic)
    return RelyingParty(
        client=client, seal=Seal.of(secret, client.issuer), fetcher=provider, published=published, now=provider.now
    )


def make_parties(provider: IdentityProvider, monotonic: Callable[[], float]) -> RelyingParties:
    """A server that is the client of one provider."""
    return RelyingParties(
        parties={"home": make_party(provider, monotonic)}, limits=SignInLimits(Counter(None, provider.now))
    )


def make_policy(**fields: Any) -> Policy:
    """What follows from what it says."""
    return Policy(**{"issuer": ISSUER, "adds_users": True, **fields})
