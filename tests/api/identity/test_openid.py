"""Routes of signing in by identity providers: there and back, and what strangers make of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from attrs import frozen

from cloudsvc.core.actors import Role
from tests.support.accounts import SECOND, Office
from tests.support.coroutines import finish
from tests.support.identity_provider import ISSUER, IdentityProvider, make_parties, make_policy
from tests.support.identity_site import IdentitySite

OURS = "Sec-Fetch-Site: same-origin"
PASSWORD = "correct horse battery"


@frozen
class Got:
    """
    An answer.

    :ivar cookies: what it sets, by their names.
    """

    status: int
    headers: dict[str, str]
    cookies: dict[str, str]
    body: bytes
    json: Any


@frozen
class World:
    """A server and the provider by which people sign in to it."""

    site: IdentitySite
    provider: IdentityProvider

    def send(self, method: str, path: str, *lines: str, body: bytes = b"") -> Got:
        head = [f"{method} /api{path} HTTP/1.1", "Host: cloud.example", *lines]
        if body:
            head += ["Content-Type: application/json", f"Content-Length: {len(body)}"]
        client = self.site.site.connect()
        client.send("\r\n".join([*head, "", ""]).encode() + body)
        answer = client.answer()
        sent = client.received.partition(b"\r\n\r\n")[0].decode().split("\r\n")[1:]
        client.leave()
        pairs = [line.partition(": ")[::2] for line in sent]
        cookies = dict(value.partition("=")[::2] for name, value in pairs if name.lower() == "set-cookie")
        is_json = dict(pairs).get("Content-Type", "").startswith("application/json")
        return Got(answer.status, dict(pairs), cookies, answer.body, answer.json if is_json else None)

    def begin(self, path: str = "") -> tuple[str, str]:
        """Where the browser is sent, and the cookie that it keeps."""
        begun = self.send("GET", f"/sessions/oidc/home?{urlencode({'next': path})}")
        assert begun.status == 303, begun.json
        return begun.headers["Location"], begun.cookies["__Host-cloudsvc-sign-in"].partition(";")[0]

    def come_back(self, answer: dict[str, str], cookie: str) -> Got:
        line = [f"Cookie: __Host-cloudsvc-sign-in={cookie}"] if cookie else []
        return self.send("GET", f"/sessions/oidc/home/callback?{urlencode(answer)}", *line)

    def sign_in(self, subject: str = "1", path: str = "") -> Got:
        url, cookie = self.begin(path)
        return self.come_back(self.provider.authorize(url, subject), cookie)


def show(got: Got) -> str:
    """The session of an answer, as a browser shows it again."""
    assert got.status == 200, got.json
    return "Cookie: __Host-cloudsvc=" + got.cookies["__Host-cloudsvc"].partition(";")[0]


@pytest.fixture
def world() -> Iterator[World]:
    office = Office()
    office.policies["home"] = make_policy(groups={"cloud-family": "family"})
    provider = IdentityProvider(now=lambda: office.now / SECOND)
    provider.people["1"] = {"preferred_username": "anna", "name": "Anna A.", "groups": ["cloud-family"]}
    site = IdentitySite(office=office, parties=make_parties(provider, lambda: office.now / SECOND))
    office.folders.make("photos")
    finish(office.directory.add_group(office.owner, "family"))
    finish(office.directory.grant_group_role(office.owner, "family", "photos", Role.VIEWER))
    site.start()
    yield World(site, provider)
    site.stop()


def test_from_the_provider_to_a_session(world: World) -> None:
    assert world.send("GET", "/sessions/oidc").json["providers"] == [{"name": "home", "title": "Home"}]
    got = world.sign_in(path="/photos?view=all")
    assert b'content="0; url=/photos?view=all"' in got.body
    assert got.cookies["__Host-cloudsvc"].endswith("; Path=/; Secure; HttpOnly; SameSite=Strict")
    assert got.cookies["__Host-cloudsvc-sign-in"].startswith("; Max-Age=0")
    assert (got.headers["Referrer-Policy"], got.headers["Cache-Control"]) == ("no-referrer", "no-store")
    me = world.send("GET", "/me", show(got)).json
    assert (me["name"], [each["path"] for each in me["roles"]]) == ("anna", ["photos"])
    [session] = world.send("GET", "/sessions", show(got)).json["sessions"]
    [subject] = world.send("GET", "/me/subjects", show(got)).json["subjects"]
    assert (session["subject"], session["label"]) == (subject["id"], "Home")
    assert (subject["issuer"], subject["subject"]) == (ISSUER, "1")
    assert world.send("GET", "/me", show(world.sign_in())).json["name"] == "anna"
