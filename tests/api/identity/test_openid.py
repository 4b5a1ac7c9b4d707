"""Routes of signing in by identity providers: there and back, and what strangers make of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from urllib.parse import urlencode

import pytest
from attrs import define, field, frozen

from cloudsvc.core.actors import Role
from cloudsvc.extend import Request
from cloudsvc.identity.directory import UserFields
from tests.support.accounts import SECOND, Office
from tests.support.coroutines import finish
from tests.support.identity_provider import ISSUER, IdentityProvider, make_parties, make_policy
from tests.support.identity_site import IdentitySite
from tests.support.site import TOKEN

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


def test_an_answer_is_taken_from_the_browser_alone_that_has_begun(world: World) -> None:
    """Or else somebody would be signed in as somebody else, or link their account to somebody else."""
    url, cookie = world.begin()
    answer = world.provider.authorize(url, "1")
    other_url, other_cookie = world.begin()
    for state, shown in (
        (answer["state"], ""),
        (answer["state"], other_cookie),
        (answer["state"], cookie[:-2] + ("AA" if cookie[-2:] != "AA" else "BB")),
        (answer["state"], "x" * 5000),
        (other_url.partition("state=")[2].partition("&")[0], cookie),
        ("", cookie),
        ("\u00e4", cookie),
    ):
        got = world.come_back({**answer, "state": state}, shown)
        assert (got.status, got.json["error"]) == (403, "sign_in_unknown")
        assert "__Host-cloudsvc" not in got.cookies
    # None of these has cost the code.
    assert world.come_back(answer, cookie).status == 200


def test_an_answer_is_of_use_once(world: World) -> None:
    url, cookie = world.begin()
    answer = world.provider.authorize(url, "1")
    assert world.come_back(answer, cookie).status == 200
    again = world.come_back(answer, cookie)
    assert (again.status, again.json["error"]) == (403, "sign_in_failed")


def test_an_attempt_ends(world: World) -> None:
    url, cookie = world.begin()
    answer = world.provider.authorize(url, "1")
    world.site.office.now += 601 * SECOND
    assert world.come_back(answer, cookie).json["error"] == "sign_in_unknown"


@pytest.mark.parametrize("issuer", ["https://evil.example", None])
def test_an_answer_of_another_issuer_is_none(world: World, issuer: str | None) -> None:
    url, cookie = world.begin()
    answer = world.provider.authorize(url, "1")
    del answer["iss"]
    got = world.come_back(answer if issuer is None else {**answer, "iss": issuer}, cookie)
    assert (got.status, got.json["error"]) == (403, "sign_in_failed")
    assert "/realm/token" not in world.provider.asked


def test_who_refuses_at_the_provider_is_not_signed_in(world: World) -> None:
    url, cookie = world.begin()
    answer = world.provider.authorize(url, "1")
    del answer["code"]
    got = world.come_back({**answer, "error": "access_denied", "error_description": "<script>"}, cookie)
    assert (got.status, got.json["error"]) == (403, "sign_in_refused")


@pytest.mark.parametrize(
    "path",
    [
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "evil",
        "/a b",
        "/a\n",
        "/" + "a" * 1024,
        "javascript:x",
    ],
)
def test_nobody_is_sent_elsewhere(world: World, path: str) -> None:
    got = world.send("GET", f"/sessions/oidc/home?{urlencode({'next': path})}")
    assert got.status == 400
    assert "Location" not in got.headers


def test_the_page_shows_a_path_as_text(world: World) -> None:
    got = world.sign_in(path="/\"><script>alert(1)</script>'")
    assert b"<script" not in got.body
    assert b"&lt;script&gt;" in got.body
    assert got.headers["Content-Security-Policy"].startswith("default-src 'none'")


def test_a_provider_that_is_away(world: World) -> None:
    world.provider.is_away = True
    got = world.send("GET", "/sessions/oidc/home")
    assert (got.status, got.json["error"], got.headers["Retry-After"]) == (503, "provider_unavailable", "10")
    asked = len(world.provider.asked)
    # Strangers cause no more questions for a while, and then one.
    assert [world.send("GET", "/sessions/oidc/home").status for _ in range(3)] == [503] * 3
    assert len(world.provider.asked) == asked
    world.provider.is_away = False
    world.site.office.now += 11 * SECOND
    assert show(world.sign_in())


def test_there_is_no_other_provider(world: World) -> None:
    for path in ("/sessions/oidc/office", "/sessions/oidc/office/callback?state=x"):
        assert world.send("GET", path).json["error"] == "provider_not_found"


def test_answers_are_counted_before_the_provider_is_asked(world: World) -> None:
    url, cookie = world.begin()
    answer = {**world.provider.authorize(url, "1"), "code": "wrong"}
    statuses = [world.come_back(answer, cookie).status for _ in range(121)]
    assert statuses == [403] * 120 + [429]
    assert world.provider.asked.count("/realm/token") == 120


def test_who_was_disabled_is_not_let_in(world: World) -> None:
    cookie = show(world.sign_in())
    assert world.site.ask("PATCH", "/users/anna", {"disabled": True}).status == 200
    assert world.send("GET", "/me", cookie).status == 401
    got = world.sign_in()
    assert (got.status, got.json["error"]) == (403, "sign_in_not_allowed")


def test_groups_are_taken_as_well_as_given(world: World) -> None:
    cookie = show(world.sign_in())
    finish(world.site.office.directory.add_group(world.site.office.owner, "club"))
    assert world.site.ask("PATCH", "/users/anna", {"groups": ["family", "club"]}).status == 200
    world.provider.people["1"]["groups"] = []
    again = show(world.sign_in())
    for each in (cookie, again):
        me = world.send("GET", "/me", each).json
        assert (me["groups"], me["roles"]) == (["club"], [])
    world.provider.people["1"]["groups"] = ["cloud-family"]
    assert sorted(world.send("GET", "/me", show(world.sign_in())).json["groups"]) == ["club", "family"]


def test_nobody_becomes_somebody_by_their_name(world: World) -> None:
    finish(world.site.office.add_user("boss", ("", Role.MANAGER)))
    world.provider.people["2"] = {"preferred_username": "boss", "email": "boss@cloud.example", "groups": []}
    world.provider.people["3"] = {"preferred_username": "b0ss", "groups": []}
    for subject in ("2", "3"):
        got = world.sign_in(subject)
        assert (got.status, got.json["error"]) == (403, "subject_name_taken")
    linked = world.site.ask("POST", "/users/boss/subjects", {"issuer": ISSUER, "subject": "2"})
    assert linked.status == 201
    cookie = show(world.sign_in("2"))
    assert world.send("GET", "/me", cookie).json["manager"]
    # What was begun by it ends with it.
    path = f"/users/boss/subjects/{linked.json['subject']['id']}"
    assert world.site.ask("DELETE", path).status == 200
    assert world.send("GET", "/me", cookie).status == 401
    assert world.sign_in("2").json["error"] == "subject_name_taken"


@pytest.mark.parametrize("name", ["owner", "", "a" * 65, "anna b", "\u0430nna", None, 5])
def test_a_name_that_is_none_makes_no_user(world: World, name: object) -> None:
    world.provider.people["2"] = {"preferred_username": name, "groups": []}
    got = world.sign_in("2")
    assert (got.status, got.json["error"]) == (403, "subject_nameless")


def begin_link(world: World, *lines: str, password: str = PASSWORD) -> Got:
    body = b'{"password": "%b"}' % password.encode()
    return world.send("POST", "/me/subjects/oidc/home", *lines, body=body)


def sign_in_by_password(world: World, name: str) -> str:
    body = b'{"name": "%b", "password": "%b"}' % (name.encode(), PASSWORD.encode())
    got = world.send("POST", "/sessions", OURS, body=body)
    assert got.status == 201
    return "Cookie: __Host-cloudsvc=" + got.cookies["__Host-cloudsvc"].partition(";")[0]


def test_one_links_one_s_own_account(world: World) -> None:
    finish(world.site.office.add_user("bert", password=PASSWORD))
    session = sign_in_by_password(world, "bert")
    begun = begin_link(world, session, OURS)
    assert begun.status == 200, begun.json
    cookie = begun.cookies["__Host-cloudsvc-sign-in"].partition(";")[0]
    got = world.come_back(world.provider.authorize(begun.json["url"], "1"), cookie)
    assert b"linked to bert" in got.body
    assert "__Host-cloudsvc" not in got.cookies
    assert world.send("GET", "/me", show(world.sign_in())).json["name"] == "bert"
    [subject] = world.send("GET", "/me/subjects", session).json["subjects"]
    assert world.send("DELETE", f"/me/subjects/{subject['id']}", session, OURS).status == 200
    assert world.send("GET", "/me", show(world.sign_in())).json["name"] == "anna"


def test_a_link_takes_a_session_that_goes_on_and_the_password(world: World) -> None:
    finish(world.site.office.add_user("bert", password=PASSWORD))
    session = sign_in_by_password(world, "bert")
    assert begin_link(world, session).json["error"] == "cross_origin"
    assert begin_link(world, session, OURS, password="wrong horse battery").json["error"] == "wrong_password"
    assert begin_link(world, f"X-API-Key: {world.site.key_of('bert')}").json["error"] == "session_required"
    assert begin_link(world, f"X-API-Key: {TOKEN}").json["error"] == "users_only"
    begun = begin_link(world, session, OURS)
    cookie = begun.cookies["__Host-cloudsvc-sign-in"].partition(";")[0]
    assert world.send("DELETE", "/sessions/current", session, OURS).status == 200
    got = world.come_back(world.provider.authorize(begun.json["url"], "1"), cookie)
    assert got.json["error"] == "session_not_found"


@pytest.mark.parametrize("how", ["the key is revoked", "the user is disabled"])
def test_a_link_takes_what_the_session_was_begun_by(world: World, how: str) -> None:
    office = world.site.office
    finish(office.add_user("bert", password=PASSWORD))
    key = finish(office.issue("bert", scopes=tuple(finish(office.directory.find_user(office.owner, "bert")).scopes)))
    begun = world.send("POST", "/sessions", OURS, f"X-API-Key: {key.made.text.reveal()}", body=b"{}")
    session = "Cookie: __Host-cloudsvc=" + begun.cookies["__Host-cloudsvc"].partition(";")[0]
    begun = begin_link(world, session, OURS)
    assert begun.status == 200, begun.json
    cookie = begun.cookies["__Host-cloudsvc-sign-in"].partition(";")[0]
    if how == "the key is revoked":
        finish(office.issuer.revoke(office.owner, key.key.id))
    else:
        finish(office.directory.edit_user(office.owner, "bert", UserFields(disabled=True)))
    got = world.come_back(world.provider.authorize(begun.json["url"], "1"), cookie)
    assert got.json["error"] == "session_not_found"


def test_an_account_is_linked_once(world: World) -> None:
    assert show(world.sign_in())
    finish(world.site.office.add_user("bert", password=PASSWORD))
    begun = begin_link(world, sign_in_by_password(world, "bert"), OURS)
    cookie = begun.cookies["__Host-cloudsvc-sign-in"].partition(";")[0]
    got = world.come_back(world.provider.authorize(begun.json["url"], "1"), cookie)
    assert (got.status, got.json["error"]) == (409, "subject_taken")


def test_who_manages_nothing_links_nobody(world: World) -> None:
    finish(world.site.office.add_user("bert"))
    key = world.site.key_of("bert")
    refused = world.site.ask("POST", "/users/bert/subjects", {"issuer": ISSUER, "subject": "1"}, key=key)
    assert (refused.status, refused.json["error"]) == (403, "managers_only")
    assert world.site.ask("GET", "/users/anna/subjects", key=key).json["error"] == "user_not_found"


def test_accounts_that_are_older_let_nobody_in(world: World) -> None:
    assert show(world.sign_in())
    world.site.office.is_trusted = False
    assert world.sign_in().json["error"] == "subject_unlinked"
    world.site.office.is_trusted = True
    finish(world.site.office.store.void_credentials())
    # What was linked may have been unlinked since.
    assert world.sign_in().json["error"] == "subject_unlinked"
    assert world.site.ask("POST", "/users/anna/subjects", {"issuer": ISSUER, "subject": "1"}).status == 201
    assert show(world.sign_in())


@define
class Notes:
    """A recorder that remembers what it was told."""

    recorded: list[tuple[str, str, str, int]] = field(factory=list)

    def check(self) -> None:
        """See :class:`cloudsvc.web.recording.Recorder`."""

    async def record(self, request: Request, status: int) -> None:
        """See :class:`cloudsvc.web.recording.Recorder`."""
        assert request.principal is not None
        self.recorded.append((request.pattern, request.principal.actor.name, request.principal.via, status))

    def see(self, request: Request, status: int) -> None:
        """See :class:`cloudsvc.web.recording.Recorder`."""

    def note(self, request: Request, status: int) -> None:
        """See :class:`cloudsvc.web.recording.Recorder`."""


def test_signing_in_is_recorded_as_a_change_though_it_is_by_get(world: World) -> None:
    world.site.site.site.recorder = notes = Notes()
    assert show(world.sign_in())
    url, cookie = world.begin()
    assert world.come_back({**world.provider.authorize(url, "1"), "code": "wrong"}, cookie).status == 403
    assert notes.recorded == [("/api/sessions/oidc/{provider}/callback", "anna", "oidc:home", 200)]
