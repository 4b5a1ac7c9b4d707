"""Signing in by a real identity provider, with a real browser: there, back, and on, over TLS and between two sites."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

from tests.support.browser import Page, browsing
from tests.support.external_servers import find_free_port
from tests.support.oidc_provider import CLIENT_ID, CLIENT_SECRET, run_provider
from tests.support.server import Server, make_home, running, write_config

PEOPLE = {"1001": {"preferred_username": "anna", "name": "Anna A.", "groups": ["cloud-family", "others"]}}


@frozen
class World:
    """A server, and the provider by which people sign in to it."""

    server: Server
    issuer: str


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    directory, port = tmp_path_factory.mktemp("openid"), find_free_port()
    home, token = make_home(directory / "home")
    public = f"https://localhost:{port}"
    callback = f"{public}/api/sessions/oidc/home/callback"
    with run_provider(directory, redirect_uri=callback, certificates=home / "certs", people=PEOPLE) as issuer:
        (home / "oidc.secret").write_text(f"{CLIENT_SECRET}\n")
        provider = {
            "name": "home",
            "issuer": issuer,
            "client_id": CLIENT_ID,
            "client_secret_file": "oidc.secret",
            "ca_file": "certs/cert.pem",
            "create_users": True,
            "groups": {"cloud-family": "family"},
        }
        write_config(
            home,
            server={"port": port},
            applications=["drive", "identity"],
            identity={"oidc": {"public_url": public, "providers": [provider]}},
        )
        with running(home, token) as server:
            yield World(server, issuer)


@pytest.fixture
def page(world: World, tmp_path: Path) -> Iterator[Page]:
    with browsing(tmp_path, world.server.certificate) as page:
        yield page


def sign_in(world: World, page: Page, path: str) -> None:
    """Sign in as whom the provider calls 1001, and consent to what it tells of them."""
    page.open(f"{world.server.url}/api/sessions/oidc/home?next={path}")
    page.type("input[name=login]", "1001")
    page.type("input[name=password]", "whatever")
    page.evaluate("document.forms[0].submit()")
    page.wait_for("document.querySelector('input[name=prompt][value=consent]') !== null")
    page.evaluate("document.forms[0].submit()")


@pytest.mark.seconds(300)
def test_a_browser_signs_in_and_goes_on(world: World, page: Page) -> None:
    made = world.server.ask("POST", "/api/groups", b'{"name": "family"}', {"Content-Type": "application/json"})
    assert made.status == 201
    sign_in(world, page, "/api/me")
    # The page to which it goes on has the session already, which is sent to no request that another site has begun.
    page.wait_for(f"location.href === '{world.server.url}/api/me'")
    shown = page.wait_for("document.body.innerText")
    assert '"name":"anna"' in shown
    assert '"family"' in shown
    asked = [each for each in page.requested if "/callback" in each]
    assert len(asked) == 1
    code = asked[0].partition("code=")[2].partition("&")[0]
    assert code
    assert code not in world.server.log() + world.server.console
