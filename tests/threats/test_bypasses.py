"""No spelling of a path, no header and no place for a key leads past the guards or out of a directory."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cloudsvc.access.throttling import FixedWindowStore, Throttle
from cloudsvc.core.rates import parse_rate
from cloudsvc.web.resources import Tree
from tests.support.pages import make_pages
from tests.support.site import NOW, TOKEN, TestSite
from tests.support.web_routes import Demo

PROXY = "198.51.100.1"


@pytest.fixture
def site() -> TestSite:
    return TestSite(application=Demo())


def get(path: str, *lines: str) -> bytes:
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: a", *lines, "", ""]).encode()


FORMS = [
    "/api/demo/key",
    "//api/demo/key",
    "/api//demo/key",
    "/api/demo//key",
    "/api/demo/key/",
    "/api/demo/key//",
    "/API/demo/key",
    "/api/demo/KEY",
    "/api/./demo/key",
    "/api/demo/./key",
    "/api/demo/x/../key",
    "/api/plain/../demo/key",
    "/api/%2e/demo/key",
    "/api/demo/plain/%2e%2e/key",
    "/api/demo%2fkey",
    "/api%2fdemo%2fkey",
    "/api/demo/%6bey",
    "/api/demo/%256bey",
    "/api/demo/key;a=b",
    "/api/demo/key%00",
    "/api/demo/key%0a",
    "/api/demo/key%20",
    "/api/demo/key?",
    "/api/demo/key#",
    "/api/demo\\key",
    "/api/demo/k%C4%99y",
    "http://a/api/demo/key",
    "https://admin@a/api/demo/key",
]


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS", "FOO"])
def test_every_form_of_a_path_meets_the_guard_or_nothing(site: TestSite, path: str, method: str) -> None:
    client = site.connect()
    client.send(get(path).replace(b"GET", method.encode(), 1))
    status = int(client.received.split(b" ")[1])
    assert status in {400, 401, 404, 405} or (method, status) == ("OPTIONS", 204)
    assert "authenticated" not in site.tally.guarded


@pytest.mark.parametrize("place", ["?api_key={}", "?X-API-Key={}", "?token={}", "/{}", "?access_token={}"])
def test_a_key_in_a_url_is_no_key_and_is_not_logged(site: TestSite, place: str) -> None:
    key = quote(TOKEN)
    answer = site.ask(get("/api/demo/key" + place.format(key)))
    assert answer.status in {401, 404}
    assert key not in str(answer)
    if "?" in place:
        assert key not in str(site.tally.lines)


@pytest.mark.parametrize(
    "line",
    [
        f"Cookie: api_key={TOKEN}; X-API-Key={TOKEN}",
        f"Authorization: Basic {TOKEN}",
        f"X-API_Key: {TOKEN}",
        f"X_API_KEY: {TOKEN}",
        "X-Forwarded-User: owner",
        "Remote-User: owner",
        "X-Forwarded-For: 127.0.0.1",
        "X-Original-URL: /api/demo/plain",
        "X-Rewrite-URL: /api/demo/plain",
        "X-HTTP-Method-Override: OPTIONS",
    ],
)
def test_no_other_header_opens_the_door(site: TestSite, line: str) -> None:
    assert site.ask(get("/api/demo/key", line)).status == 401


def test_every_wrong_key_gets_the_same_answer(site: TestSite) -> None:
    keys = ["a", "a" * 43, TOKEN[:-1], TOKEN + "a", TOKEN.upper(), "\xff"]
    answers = [site.ask(get("/api/demo/key", f"X-API-Key: {key}")) for key in keys]
    assert {(each.status, each.json["error"], each.json["message"]) for each in answers} == {
        (401, "invalid_api_key", "Invalid API key")
    }


def make_limited(trusted: tuple[str, ...]) -> TestSite:
    throttle = Throttle(
        store=FixedWindowStore(now=lambda: NOW),
        rates={name: parse_rate(rate) for name, rate in (("api", "3/minute"), ("failure", "2/minute"))},
        on_failure="allow",
    )
    return TestSite(application=Demo(), throttle=throttle, trusted=trusted)


def guess(site: TestSite, sender: str, key: str = "wrong") -> int:
    return site.ask(get("/api/demo/key", f"X-API-Key: {key}", f"X-Forwarded-For: {sender}"), PROXY).status


def test_guessing_is_throttled_whoever_it_claims_to_be() -> None:
    site = make_limited(trusted=())
    assert [guess(site, f"203.0.113.{n}") for n in range(5)] == [401, 401, 429, 429, 429]
    assert guess(site, "203.0.113.9", TOKEN) == 429


def test_behind_a_proxy_one_guesser_does_not_throttle_the_others() -> None:
    site = make_limited(trusted=(f"{PROXY}/32",))
    assert [guess(site, "203.0.113.1") for _ in range(3)] == [401, 401, 429]
    assert guess(site, "203.0.113.2") == 401
    assert guess(site, "203.0.113.2, 203.0.113.1") == 429


SEGMENTS = st.lists(
    st.sampled_from(
        [
            "..",
            ".",
            "",
            "%2e%2e",
            "..%2f",
            "%2e%2e%2f",
            "..%5c",
            "..\\",
            "outside.txt",
            "pages",
            "up",
            "link.txt",
            "guide",
        ]
    ),
    max_size=8,
)


@pytest.mark.slow
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SEGMENTS)
def test_no_path_leads_out_of_a_directory(tmp_path: Path, segments: list[str]) -> None:
    pages = tmp_path / "pages"
    if not pages.exists():
        (pages / "guide").mkdir(parents=True)
        (tmp_path / "outside.txt").write_text("secret")
        (pages / "link.txt").symlink_to(tmp_path / "outside.txt")
        (pages / "up").symlink_to(tmp_path)
    site = TestSite(application=Demo())
    site.site.tree = Tree(mounts={}, others=make_pages(site, pages))
    client = site.connect()
    client.send(get("/" + "/".join(segments)))
    assert client.received.split(b" ")[1] in {b"404", b"308"}
    assert b"secret" not in client.received
