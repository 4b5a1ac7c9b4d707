"""Routes of sessions: signing in and out over HTTP, and what pages of others cannot have a browser do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from attrs import frozen

from cloudsvc.core.actors import Role
from tests.support.coroutines import finish
from tests.support.identity_site import IdentitySite

PASSWORD = "correct horse battery"  # of nobody but tests
OTHER = "another horse battery"
OURS = "Sec-Fetch-Site: same-origin"


@frozen
class Cookies:
    """What a browser keeps of an answer, and shows again."""

    session: str
    device: str = ""

    @property
    def line(self) -> str:
        pairs = [f"__Host-cloudsvc={self.session}"]
        return "Cookie: " + "; ".join([*pairs, *([f"__Host-cloudsvc-device={self.device}"] if self.device else [])])


@frozen
class Got:
    """
    An answer.

    :ivar cookies: the lines that set some.
    """

    status: int
    json: Any
    cookies: list[str]


@pytest.fixture
def site() -> Iterator[IdentitySite]:
    site = IdentitySite()
    site.office.folders.make("photos")
    finish(site.office.add_user("anna", ("photos", Role.MANAGER), password=PASSWORD))
    finish(site.office.add_user("boss", ("", Role.MANAGER)))
    site.start()
    yield site
    site.stop()


def send(site: IdentitySite, method: str, path: str, *lines: str, body: Any = None) -> Got:
    """The answer to a request with these header fields, and no key."""
    content = b"" if body is None else json.dumps(body).encode()
    head = [f"{method} /api{path} HTTP/1.1", "Host: cloud.example", *lines]
    if body is not None:
        head += ["Content-Type: application/json", f"Content-Length: {len(content)}"]
    client = site.site.connect()
    client.send("\r\n".join([*head, "", ""]).encode() + content)
    answer = client.answer()
    head_lines = client.received.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    client.leave()
    cookies = [line.partition(": ")[2] for line in head_lines if line.lower().startswith("set-cookie:")]
    return Got(answer.status, answer.json, cookies)


def sign_in(site: IdentitySite, *lines: str, password: str = PASSWORD, name: str = "anna") -> Got:
    return send(site, "POST", "/sessions", OURS, *lines, body={"name": name, "password": password, "label": "browser"})


def read_cookies(answer: Got) -> Cookies:
    assert answer.status == 201, answer.json
    found: dict[str, str] = {}
    for line in answer.cookies:
        pair, *attributes = line.split("; ")
        name, _, value = pair.partition("=")
        assert {"Path=/", "Secure", "HttpOnly", "SameSite=Strict"} <= {*attributes}
        assert not any(each.lower().startswith("domain") for each in attributes)
        found[name] = value
    return Cookies(found["__Host-cloudsvc"], found.get("__Host-cloudsvc-device", ""))


def test_from_signing_in_to_signing_out(site: IdentitySite) -> None:
    begun = sign_in(site)
    cookies = read_cookies(begun)
    assert cookies.session.startswith("css_")
    assert cookies.session[-64:] not in str(begun.json)
    assert cookies.device not in str(begun.json)
    assert (begun.json["name"], begun.json["session"]["current"], begun.json["session"]["label"]) == (
        "anna",
        True,
        "browser",
    )
    assert send(site, "GET", "/me", cookies.line).json["name"] == "anna"
    elsewhere = read_cookies(sign_in(site))
    listed = send(site, "GET", "/sessions", cookies.line).json["sessions"]
    assert sorted(each["current"] for each in listed) == [False, True]
    assert not any("secret" in each or "digest" in each for each in listed)
    out = send(site, "DELETE", "/sessions/current", cookies.line, OURS)
    assert out.status == 200
    [line] = out.cookies
    assert line.startswith("__Host-cloudsvc=; Max-Age=0; ")
    assert send(site, "GET", "/me", cookies.line).status == 401
    assert send(site, "GET", "/me", elsewhere.line).status == 200


def test_sessions_end_one_by_one_and_all(site: IdentitySite) -> None:
    here, there, far = [read_cookies(sign_in(site)) for _ in range(3)]
    ended = send(site, "DELETE", f"/sessions/{there.session[4:28]}", here.line, OURS)
    assert ended.status == 200
    assert send(site, "GET", "/me", there.line).status == 401
    assert send(site, "DELETE", "/sessions?keep_current=true", here.line, OURS).json["ended"] == 1
    assert [send(site, "GET", "/me", each.line).status for each in (here, far)] == [200, 401]
    boss = site.key_of("boss")
    assert len(site.ask("GET", "/sessions?user=anna", key=boss).json["sessions"]) == 1
    assert site.ask("DELETE", "/sessions?user=anna", key=boss).json["ended"] == 1
    assert send(site, "GET", "/me", here.line).status == 401
    assert site.ask("GET", "/sessions?user=boss", key=site.key_of("anna")).json["error"] == "user_not_found"
    assert site.ask("DELETE", "/sessions/current").json["error"] == "users_only"


def test_by_a_key(site: IdentitySite) -> None:
    key = site.key_of("anna", ("photos", Role.VIEWER), scopes=("files:read", "accounts:read"))
    begun = send(site, "POST", "/sessions", OURS, f"X-API-Key: {key}", body={})
    cookies = read_cookies(begun)
    assert cookies.device == ""
    me = send(site, "GET", "/me", cookies.line).json
    assert (me["scopes"], [each["role"] for each in me["roles"]]) == (["accounts:read", "files:read"], ["viewer"])
    assert send(site, "DELETE", "/sessions", cookies.line, OURS).json["error"] == "missing_scope"
    # A session begins no other one, which would never be old.
    assert send(site, "POST", "/sessions", OURS, cookies.line, body={}).json["error"] == "users_only"
    assert site.ask("DELETE", f"/keys/{key[4:20]}").status == 200
    assert send(site, "GET", "/me", cookies.line).status == 401
    for refused in ("wrong", "csk_" + "0" * 65):
        assert send(site, "POST", "/sessions", OURS, f"X-API-Key: {refused}", body={}).status == 401
    assert send(site, "POST", "/sessions", OURS, body={}).status == 401


FOREIGN = {
    "nothing": (),
    "another site": ("Sec-Fetch-Site: cross-site",),
    "a sibling": ("Sec-Fetch-Site: same-site", "Origin: https://cloud.example"),
    "both": ("Sec-Fetch-Site: same-origin", "Sec-Fetch-Site: cross-site"),
    "another origin": ("Origin: https://evil.example",),
    "another port": ("Origin: https://cloud.example:8443",),
    "without TLS": ("Origin: http://cloud.example",),
    "no origin": ("Origin: null",),
    "two origins": ("Origin: https://cloud.example", "Origin: https://evil.example"),
    "a longer name": ("Origin: https://cloud.example.evil.example",),
}


@pytest.mark.parametrize("lines", FOREIGN.values(), ids=FOREIGN.keys())
def test_pages_of_others_change_nothing_and_sign_nobody_in(site: IdentitySite, lines: tuple[str, ...]) -> None:
    cookies = read_cookies(sign_in(site))
    for method, path, body in (
        ("DELETE", "/sessions", None),
        ("DELETE", "/sessions/current", None),
        ("PATCH", "/users/anna", {"disabled": True}),
        ("PUT", "/me/password", {"former": PASSWORD, "password": OTHER}),
        ("POST", "/keys", {}),
    ):
        answer = send(site, method, path, cookies.line, *lines, body=body)
        assert (answer.status, answer.json["error"]) == (403, "cross_origin")
    begun = send(site, "POST", "/sessions", *lines, body={"name": "anna", "password": PASSWORD})
    assert (begun.status, begun.json["error"]) == (403, "cross_origin")
    assert begun.cookies == []
    # Nothing has happened; and whoever shows a key is no browser that was talked into it.
    assert len(send(site, "GET", "/sessions", cookies.line, *lines).json["sessions"]) == 1
    assert site.ask("DELETE", "/sessions?user=anna").status == 200


@pytest.mark.parametrize(
    "line",
    [
        "Origin: https://cloud.example",
        "Sec-Fetch-Site: none",
        "Origin: https://cloud.example\r\nSec-Fetch-Site: same-origin",
    ],
)
def test_our_own_pages_do(site: IdentitySite, line: str) -> None:
    cookies = read_cookies(sign_in(site))
    assert send(site, "DELETE", "/sessions/current", cookies.line, line).status == 200


def test_a_key_is_asked_for_before_the_cookie(site: IdentitySite) -> None:
    cookies = read_cookies(sign_in(site))
    assert send(site, "GET", "/me", cookies.line, f"X-API-Key: {site.key_of('boss')}").json["name"] == "boss"
    # A right cookie makes up for no wrong key.
    assert send(site, "GET", "/me", cookies.line, "X-API-Key: wrong").status == 401


def test_only_one_cookie_as_browsers_write_it_counts(site: IdentitySite) -> None:
    session = read_cookies(sign_in(site)).session
    right, wrong = f"__Host-cloudsvc={session}", "__Host-cloudsvc=css_" + "0" * 88
    for value in (f"{right}; other=1", f"other=1; {right}", f"a=b\r\nCookie: {right}"):
        assert send(site, "GET", "/me", f"Cookie: {value}").status == 200
    for value in (
        wrong,
        f"{right}; {wrong}",
        f"{wrong}; {right}",
        f"{right}; {right}",
        f"{right}\r\nCookie: {wrong}",
        f"other=1;{right}",
        f"other=1,{right}",
        f'__Host-cloudsvc="{session}"',
        f"__HOST-cloudsvc={session}",
        f"cloudsvc={session}",
        "__Host-cloudsvc=",
        right[:-1],
    ):
        assert send(site, "GET", "/me", f"Cookie: {value}").status == 401, value


def test_whatever_is_wrong_gets_the_same_answer(site: IdentitySite) -> None:
    finish(site.office.add_user("cleo"))
    answers = [sign_in(site, name=name, password=OTHER) for name in ("anna", "bert", "cleo", "owner", "c")]
    assert {(each.status, each.json["error"], each.json["message"]) for each in answers} == {
        (403, "wrong_password", answers[0].json["message"])
    }
    assert all(each.cookies == [] for each in answers)


def test_a_password_is_changed_by_who_knows_it(site: IdentitySite) -> None:
    here, there = read_cookies(sign_in(site)), read_cookies(sign_in(site))
    wrong = send(site, "PUT", "/me/password", here.line, OURS, body={"former": OTHER, "password": OTHER})
    assert (wrong.status, wrong.json["error"]) == (403, "wrong_password")
    short = send(site, "PUT", "/me/password", here.line, OURS, body={"former": PASSWORD, "password": "short"})
    assert (short.status, short.json["error"]) == (400, "invalid_password")
    changed = send(site, "PUT", "/me/password", here.line, OURS, body={"former": PASSWORD, "password": OTHER})
    assert changed.status == 200
    assert [send(site, "GET", "/me", each.line).status for each in (here, there)] == [200, 401]
    assert sign_in(site).status == 403
    assert sign_in(site, password=OTHER).status == 201


def test_requests_are_known_by_the_id_of_the_session(site: IdentitySite) -> None:
    cookies = read_cookies(sign_in(site))
    found = finish(site.accounts.look_up_session(cookies.session.encode()))
    assert found is not None
    assert found.via == "session"
    assert found.credential == f"session:{cookies.session[4:28]}"
