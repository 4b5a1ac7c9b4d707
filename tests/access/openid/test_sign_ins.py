"""Statements of providers: nothing of it is believed that is not for this server, this attempt and this moment."""

from __future__ import annotations

import hmac
import json
from base64 import urlsafe_b64encode
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from attrs import define, field
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from cloudsvc.access.openid.keys import ProviderKeys
from cloudsvc.access.openid.parties import Answer
from cloudsvc.access.openid.published import KEPT_SECONDS, NEWER_SECONDS
from cloudsvc.access.openid.relying_party import RelyingParty
from cloudsvc.core.errors import CloudError
from tests.support.coroutines import finish
from tests.support.identity_provider import CLIENT_ID, IdentityProvider, make_party

NOW = 1_800_000_000.0


@define(eq=False)
class Desk:
    """A client and a provider, at one moment."""

    now: float = NOW
    provider: IdentityProvider = field(init=False)
    party: RelyingParty = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.provider = IdentityProvider(now=lambda: self.now)
        self.provider.people["1"] = {"preferred_username": "anna", "groups": ["family"]}
        self.party = make_party(self.provider, lambda: self.now)

    def sign_in(self) -> Mapping[str, Any]:
        begun = finish(self.party.begin())
        told = self.provider.authorize(begun.url, "1")
        attempt = self.party.find_attempt(begun.cookie.reveal().encode(), told["state"])
        return finish(self.party.redeem(attempt, Answer(state=told["state"], code=told["code"], issuer=told["iss"])))

    def refuse(self) -> str:
        """The code of the error by which a sign-in is refused."""
        with pytest.raises(CloudError) as caught:
            self.sign_in()
        return caught.value.code


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_what_is_said_is_believed(desk: Desk) -> None:
    assert desk.sign_in()["sub"] == "1"


def change(**changes: Any) -> Callable[[dict[str, Any]], None]:
    return lambda claims: claims.update(changes)


def drop(name: str) -> Callable[[dict[str, Any]], None]:
    return lambda claims: claims.pop(name)


DOUBTFUL = {
    "another issuer": change(iss="https://evil.example"),
    "the issuer with a slash": change(iss="https://login.example/realm/"),
    "no issuer": drop("iss"),
    "another audience": change(aud="other"),
    "other audiences": change(aud=["other", "another"]),
    "no audience": drop("aud"),
    "an audience that is none": change(aud={CLIENT_ID: 1}),
    "several, and not issued to any": change(aud=[CLIENT_ID, "other"]),
    "issued to another": change(aud=[CLIENT_ID, "other"], azp="other"),
    "issued to another alone": change(azp="other"),
    "issued to a number": change(azp=5),
    "another nonce": change(nonce="other"),
    "no nonce": drop("nonce"),
    "a nonce that is none": change(nonce=5),
    "expired": change(exp=NOW - 60),
    "no end": drop("exp"),
    "an end that is true": change(exp=True),
    "an end that is text": change(exp="9999999999"),
    "no beginning": drop("iat"),
    "of the future": change(iat=NOW + 61),
    "not yet": change(nbf=NOW + 61),
    "no subject": drop("sub"),
    "an empty subject": change(sub=""),
    "a number": change(sub=1),
    "a long subject": change(sub="a" * 256),
    "a subject of another script": change(sub="\u00e4"),
    "another access token": change(at_hash="AAAAAAAAAAAAAAAAAAAAAA"),
    "a hash that is none": change(at_hash=5),
}


@pytest.mark.parametrize("bend", DOUBTFUL.values(), ids=DOUBTFUL.keys())
def test_what_is_not_for_us_is_not_believed(desk: Desk, bend: Callable[[dict[str, Any]], None]) -> None:
    desk.provider.bend = bend
    assert desk.refuse() == "sign_in_failed"


FINE = {
    "one of several": change(aud=[CLIENT_ID, "other"], azp=CLIENT_ID),
    "a list of one": change(aud=[CLIENT_ID]),
    "a clock that is late": change(exp=NOW - 59),
    "a clock that is early": change(iat=NOW + 60, nbf=NOW + 60),
    "no hash": drop("at_hash"),
    "fractions": change(iat=NOW - 0.5),
}


@pytest.mark.parametrize("bend", FINE.values(), ids=FINE.keys())
def test_what_differs_a_little_is_believed(desk: Desk, bend: Callable[[dict[str, Any]], None]) -> None:
    desk.provider.bend = bend
    assert desk.sign_in()["sub"] == "1"


def encode(value: object) -> str:
    return urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()


def sign_by(key: Any, **header: Any) -> Callable[[Desk, dict[str, Any]], str]:
    return lambda desk, claims: jws.serialize_compact(
        {"alg": "ES256", **header}, json.dumps(claims), key, algorithms=["ES256"]
    )


def sign_content(content: str, **header: Any) -> Callable[[Desk, dict[str, Any]], str]:
    """Something else than claims, properly."""
    return lambda desk, _: jws.serialize_compact(
        {"alg": "ES256", "kid": desk.provider.key.kid, **header}, content, desk.provider.key, algorithms=["ES256"]
    )


def put_together(make: Callable[[str, str, str], str]) -> Callable[[Desk, dict[str, Any]], str]:
    """Something of the parts of a token that is right."""
    return lambda desk, claims: make(*desk.provider.sign_properly(claims).split("."))


def sign_by_public_key(desk: Desk, claims: dict[str, Any]) -> str:
    key = desk.provider.key
    head, body = encode({"alg": "HS256", "kid": key.kid}), encode(claims)
    digest = hmac.digest(key.as_pem(private=False), f"{head}.{body}".encode(), "sha256")
    return f"{head}.{body}.{urlsafe_b64encode(digest).rstrip(b'=').decode()}"


OWN = ECKey.generate_key("P-256")

FORGED: dict[str, Callable[[Desk, dict[str, Any]], str]] = {
    "not at all": put_together(lambda _, body, __: f"{encode({'alg': 'none'})}.{body}."),
    "not at all, in other words": put_together(
        lambda _, body, __: f"{encode({'alg': 'nOnE', 'kid': 'first'})}.{body}."
    ),
    "by the public key as a secret": sign_by_public_key,
    "by another key of that name": sign_by(OWN, kid="first"),
    "by a key that it brings along": sign_by(OWN, jwk=OWN.as_dict(private=False)),
    "without a name, by another": sign_by(OWN),
    "and then altered": put_together(lambda head, _, signature: f"{head}.{encode({'sub': '2'})}.{signature}"),
    "with demands": sign_content("{}", crit=["b64"], b64=True),
    "at great length": lambda desk, claims: desk.provider.sign_properly({**claims, "more": "a" * 70_000}),
    "with a list": sign_content("[]"),
    "with no JSON": sign_content("{"),
    "deeply": sign_content("[" * 20_000),
    "in two parts": put_together(lambda head, body, _: f"{head}.{body}"),
    "with a number for a name": put_together(lambda _, body, end: f"{encode({'alg': 'ES256', 'kid': 5})}.{body}.{end}"),
    "with a deep head": put_together(lambda _, body, end: f"{urlsafe_b64encode(b'[' * 20_000).decode()}.{body}.{end}"),
    "in other letters": lambda *_: "\u00e4",
}


@pytest.mark.parametrize("sign", FORGED.values(), ids=FORGED.keys())
def test_what_is_not_signed_by_the_provider_is_not_believed(
    desk: Desk, sign: Callable[[Desk, dict[str, Any]], str]
) -> None:
    desk.provider.sign = lambda claims: sign(desk, claims)
    assert desk.refuse() == "sign_in_failed"


def test_a_new_key_is_asked_for_and_not_too_often(desk: Desk) -> None:
    desk.sign_in()
    desk.provider.rotate()
    # Anybody could show tokens of keys that there are not.
    assert desk.refuse() == "sign_in_failed"
    desk.now += NEWER_SECONDS
    assert desk.sign_in()["sub"] == "1"
    assert desk.provider.asked.count("/realm/keys") == 2


def test_what_is_published_is_asked_for_once_in_a_while(desk: Desk) -> None:
    for _ in range(3):
        desk.sign_in()
    assert [desk.provider.asked.count(f"/realm/{path}") for path in (".well-known/openid-configuration", "keys")] == [
        1,
        1,
    ]
    desk.now += KEPT_SECONDS
    desk.sign_in()
    assert [desk.provider.asked.count(f"/realm/{path}") for path in (".well-known/openid-configuration", "keys")] == [
        2,
        2,
    ]


def test_whoever_is_not_asked_does_not_fail(desk: Desk) -> None:
    desk.provider.is_busy = True
    assert desk.refuse() == "provider_busy"
    assert not desk.party.is_failing
    desk.provider.is_busy = False
    assert desk.sign_in()["sub"] == "1"
    # As opposed to this.
    desk.now += KEPT_SECONDS
    desk.provider.is_away = True
    assert desk.refuse() == "provider_unavailable"
    assert desk.party.is_failing
    desk.provider.is_away = False
    assert desk.refuse() == "provider_unavailable"


NONSENSE = {
    "another issuer": {"issuer": "https://evil.example"},
    "a slash": {"issuer": "https://login.example/realm/"},
    "no TLS": {"token_endpoint": "http://login.example/token"},
    "a user": {"jwks_uri": "https://user@login.example/keys"},
    "no host": {"authorization_endpoint": "https:///authorize"},
    "no URL": {"token_endpoint": 5},
    "a line more": {"authorization_endpoint": "https://login.example/a\r\nSet-Cookie: a=b"},
    "no PKCE that is any good": {"code_challenge_methods_supported": ["plain"]},
    "no secrets": {"token_endpoint_auth_methods_supported": ["private_key_jwt"]},
    "secrets alone as signatures": {"id_token_signing_alg_values_supported": ["HS256", "none"]},
}


@pytest.mark.parametrize("metadata", NONSENSE.values(), ids=NONSENSE.keys())
def test_metadata_that_makes_no_sense(desk: Desk, metadata: dict[str, Any]) -> None:
    desk.provider.metadata = metadata
    assert desk.refuse() == "provider_unavailable"
    assert desk.party.is_failing


def test_a_secret_in_the_form_where_nothing_else_is_taken(desk: Desk) -> None:
    desk.provider.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}
    assert desk.sign_in()["sub"] == "1"


def test_userinfo_is_asked_for_what_the_token_lacks_and_is_of_the_same(desk: Desk) -> None:
    desk.sign_in()
    assert "/realm/userinfo" not in desk.provider.asked
    desk.provider.told = frozenset()
    assert desk.sign_in()["groups"] == ["family"]
    assert "/realm/userinfo" in desk.provider.asked
    desk.provider.people["1"]["sub"] = "2"
    assert desk.refuse() == "sign_in_failed"


@pytest.mark.parametrize(
    "key",
    [
        {"kty": "oct", "k": "c2VjcmV0", "kid": "first"},
        {"kty": "other", "kid": "first"},
        {"kid": "first"},
        {"kty": "EC", "crv": "P-256", "x": "AA", "y": "AA", "kid": "first"},
        {"kty": "RSA", "n": urlsafe_b64encode(b"\xff" * 128).rstrip(b"=").decode(), "e": "AQAB", "kid": "first"},
        {**ECKey.generate_key("P-256", {"kid": "first"}).as_dict(private=False), "use": "enc"},
        {**ECKey.generate_key("P-256", {"kid": "first"}).as_dict(private=False), "use": ["sig"]},
        {**ECKey.generate_key("P-256").as_dict(private=False), "kid": ["first"]},
        5,
    ],
)
def test_what_verifies_nothing_is_passed_over(key: object) -> None:
    good = ECKey.generate_key("P-256", {"kid": "second"}).as_dict(private=False)
    keys = ProviderKeys.read({"keys": [key, good]})
    assert keys.find("ES256", "first") is None
    assert keys.find("RS256", "first") is None
    assert keys.find("ES256", "second") is not None
    # It is the only one, so that it need not be named.
    assert keys.find("ES256", None) is not None
    assert not ProviderKeys.read({"keys": [key]})


def test_a_key_is_for_algorithms_of_its_type() -> None:
    made: list[Any] = [
        ECKey.generate_key("P-256", {"kid": "ec"}),
        RSAKey.generate_key(2048, {"kid": "rsa", "alg": "PS256"}),
        OKPKey.generate_key("Ed25519", {"kid": "okp"}),
    ]
    keys = ProviderKeys.read({"keys": [each.as_dict(private=False) for each in made]})
    found = {
        (algorithm, kid)
        for algorithm in ("ES256", "RS256", "PS256", "EdDSA")
        for kid in ("ec", "rsa", "okp")
        if keys.find(algorithm, kid) is not None
    }
    assert found == {("ES256", "ec"), ("PS256", "rsa"), ("EdDSA", "okp")}
