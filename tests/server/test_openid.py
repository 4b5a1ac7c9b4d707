"""Identity providers as the configuration names them: what is wrong is said at the start, and nobody is asked then."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import pytest
from twisted.internet.task import Clock

from cloudsvc.access.throttling.counter import Counter
from cloudsvc.core.errors import OperatorError
from cloudsvc.core.structuring import StructureFaults, structure
from cloudsvc.core.threads import WorkerThreads
from cloudsvc.identity.settings import OpenIDSettings
from cloudsvc.server.openid import check_providers, make_parties
from tests.support.coroutines import finish
from tests.support.identity_provider import IdentityProvider
from tests.support.identity_provider import make_parties as make_known

PROVIDER: Final[dict[str, Any]] = {
    "name": "home",
    "issuer": "https://login.example",
    "client_id": "cloud",
    "client_secret_file": "oidc.secret",
}


def read(public_url: str | None = "https://cloud.example", *providers: dict[str, Any]) -> OpenIDSettings:
    return structure({"public_url": public_url, "providers": [*providers]}, OpenIDSettings, path="oidc")


def make(home: Path, **changes: Any) -> Any:
    reactor: Any = Clock()
    return make_parties(
        read("https://cloud.example", {**PROVIDER, **changes}),
        home,
        reactor=reactor,
        now=lambda: 0.0,
        counter=Counter(None, lambda: 0.0),
        make_threads=lambda most: WorkerThreads(reactor=reactor, most=most, name="test"),
    )


def test_a_provider_is_asked_nothing_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "oidc.secret").write_text("a secret of this client\n")
    [party] = make(tmp_path).list_parties()
    assert party.client.redirect_uri == "https://cloud.example/api/sessions/oidc/home/callback"
    assert party.client.secret.reveal() == "a secret of this client"
    assert "a secret" not in repr(party.client)
    assert not party.is_failing


@pytest.mark.parametrize("secret", [None, "", "short", "\xff" * 20])
def test_a_secret_that_is_none_is_told_without_it(tmp_path: Path, secret: str | None) -> None:
    if secret is not None:
        (tmp_path / "oidc.secret").write_bytes(secret.encode("latin-1"))
    with pytest.raises(OperatorError) as caught:
        make(tmp_path)
    [line] = caught.value.lines
    assert line.startswith("config.identity.oidc.providers[0]: ")
    assert "short" not in line


@pytest.mark.parametrize("content", [None, "no certificate"])
def test_authorities_that_are_none_are_told(tmp_path: Path, content: str | None) -> None:
    (tmp_path / "oidc.secret").write_text("a secret of this client\n")
    if content is not None:
        (tmp_path / "ca.pem").write_text(content)
    with pytest.raises(OperatorError):
        make(tmp_path, ca_file="ca.pem")


WRONG: Final[dict[str, dict[str, Any]]] = {
    "a name with a slash": {"name": "a/b"},
    "no TLS": {"issuer": "http://login.example"},
    "a query": {"issuer": "https://login.example?a"},
    "a user": {"issuer": "https://a@login.example"},
    "no openid": {"scopes": ["profile"]},
    "a scope of two words": {"scopes": ["openid", "a b"]},
    "a group that is none": {"groups": {"there": "a b"}},
    "an unknown key": {"client_secret": "a"},
}


@pytest.mark.parametrize("changes", WRONG.values(), ids=WRONG.keys())
def test_what_makes_no_sense_is_told(changes: dict[str, Any]) -> None:
    with pytest.raises(StructureFaults):
        read("https://cloud.example", {**PROVIDER, **changes})


@pytest.mark.parametrize(
    "url", [None, "http://cloud.example", "https://cloud.example/", "https://cloud.example?a", "cloud"]
)
def test_an_address_of_the_server_that_is_none_is_told(url: str | None) -> None:
    with pytest.raises(StructureFaults):
        read(url, PROVIDER)


def test_providers_have_names_and_issuers_of_their_own() -> None:
    for other in ({"issuer": "https://other.example"}, {"name": "other"}):
        with pytest.raises(StructureFaults):
            read("https://cloud.example", PROVIDER, {**PROVIDER, **other})


def test_health_tells_who_is_away() -> None:
    provider = IdentityProvider(now=lambda: 0.0)
    look = check_providers(make_known(provider, lambda: 0.0)).run
    assert finish(look()).ok  # type: ignore[arg-type]  # it is a coroutine
    away = IdentityProvider(now=lambda: 0.0, is_away=True)
    found = finish(check_providers(make_known(away, lambda: 0.0)).run())
    assert (found.ok, "home" in found.message) == (False, True)
