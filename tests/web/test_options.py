"""OPTIONS, versions, and connections that stay or do not: what RFC 9110 and 9112 say of them."""

from __future__ import annotations

import pytest

from cloudsvc.web.resources import Signpost, Tree
from tests.support.site import Answer, Client, TestSite

PLAIN = "/api/demo/plain"


def ask(site: TestSite, head: str, *lines: str) -> Client:
    client = site.connect()
    client.send("".join(f"{line}\r\n" for line in (head, "Host: a", *lines, "")).encode())
    return client


@pytest.mark.parametrize(
    ("target", "allow"),
    [
        ("*", "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"),
        (PLAIN, "GET, HEAD, OPTIONS"),
        ("/api/demo/paths/a/b", "GET, HEAD, OPTIONS"),
        ("/api/demo/things", "GET, HEAD, OPTIONS, POST"),
        ("/api/demo/key", "GET, HEAD, OPTIONS"),
        ("http://a/api/demo/plain", "GET, HEAD, OPTIONS"),
    ],
)
def test_options_tells_what_may_be_asked(site: TestSite, target: str, allow: str) -> None:
    answer = ask(site, f"OPTIONS {target} HTTP/1.1").answer()
    assert (answer.status, answer.headers["Allow"], answer.body) == (204, allow, b"")
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("target", ["/", "/api/nothing", "/nothing", "/api", "/*"])
def test_where_nothing_is_there_are_no_options(site: TestSite, target: str) -> None:
    assert ask(site, f"OPTIONS {target} HTTP/1.1").answer().status == 404


def test_only_options_asks_for_everything(site: TestSite) -> None:
    assert ask(site, "GET * HTTP/1.1").answer().status == 400


def test_the_connection_goes_on_after_options(site: TestSite) -> None:
    client = ask(site, "OPTIONS * HTTP/1.1")
    client.send(f"GET {PLAIN} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    assert [answer.status for answer in client.answers()] == [204, 200]


@pytest.mark.parametrize("minor", range(1, 10))
def test_a_higher_minor_version_is_read_as_ours(site: TestSite, minor: int) -> None:
    client = ask(site, f"GET {PLAIN} HTTP/1.{minor}")
    assert client.received.startswith(b"HTTP/1.1 200 ")
    assert not client.closed
    # A body may be chunked, as in HTTP/1.1.
    client.send(f"PUT /api/demo/upload HTTP/1.{minor}\r\nHost: a\r\n".encode())
    client.send(b"X-API-Key: a token of the tests\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n")
    assert client.answers()[1].json["message"] == "1"


@pytest.mark.parametrize("version", ["2.0", "3.0", "9.9", "2.1"])
def test_another_major_version_is_told_so(site: TestSite, version: str) -> None:
    client = ask(site, f"GET {PLAIN} HTTP/{version}")
    assert (client.answer().status, client.answer().json["error"]) == (505, "version_not_supported")
    assert client.closed


@pytest.mark.parametrize("version", ["1.10", "1.", "1", "x.y", "1.1 ", "-1.1", "11.1"])
def test_what_is_no_version_is_malformed(site: TestSite, version: str) -> None:
    assert ask(site, f"GET {PLAIN} HTTP/{version}").answer().status == 400


CLOSING = [
    ("close",),
    ("Close",),
    ("close, x",),
    ("x,close",),
    ("x ,\tclose\t, y",),
    (",,close",),
    ("x", "close"),
    ("close", "x"),
    ("keep-alive", "CLOSE"),
    ("keep-alive, close",),
]
STAYING = [
    ("x",),
    ("closed",),
    ("x-close",),
    ("close-not",),
    ("",),
    (",",),
    ("keep-alive",),
    ("x close",),
    ("disclose",),
]


@pytest.mark.parametrize("lines", CLOSING)
def test_whoever_wants_to_close_is_heard(site: TestSite, lines: tuple[str, ...]) -> None:
    # A name in small letters, and a field that only Twisted's parser takes: the same for both ways to read a head.
    for more in ((), ("Content-Length: 0",)):
        client = ask(site, f"GET {PLAIN} HTTP/1.1", *(f"connection: {line}" for line in lines), *more)
        assert client.closed
        assert client.answer().headers["Connection"] == "close"


@pytest.mark.parametrize("lines", STAYING)
def test_nobody_else_is_closed(site: TestSite, lines: tuple[str, ...]) -> None:
    client = ask(site, f"GET {PLAIN} HTTP/1.1", *(f"Connection: {line}" for line in lines))
    assert not client.closed
    assert "Connection" not in client.answer().headers


class TestHTTP10:
    def test_the_connection_ends(self, site: TestSite) -> None:
        client = ask(site, f"GET {PLAIN} HTTP/1.0")
        assert client.closed
        assert client.answer().headers["Connection"] == "close"

    @pytest.mark.parametrize("option", ["keep-alive", "Keep-Alive", "x, keep-alive"])
    def test_unless_it_is_to_be_kept(self, site: TestSite, option: str) -> None:
        client = ask(site, f"GET {PLAIN} HTTP/1.0", f"Connection: {option}")
        client.send(f"GET {PLAIN} HTTP/1.0\r\n\r\n".encode())
        assert [answer.headers["Connection"] for answer in client.answers()] == ["keep-alive", "close"]
        assert client.closed

    def test_what_has_no_length_ends_with_it(self, site: TestSite) -> None:
        client = ask(site, "GET /api/demo/stream HTTP/1.0", "Connection: keep-alive")
        head, _, body = client.received.partition(b"\r\n\r\n")
        assert (b"\r\nConnection: close" in head, b"chunked" in head, body) == (True, False, b"onetwosix")
        assert client.closed


def test_query_and_cookies_are_there_for_whoever_asks(site: TestSite) -> None:
    asked = []
    site.site.on_request += (lambda request: asked.append((request.args, request.getCookie(b"b"))),)
    answer: Answer = ask(site, f"GET {PLAIN}?a=1&a=2&c= HTTP/1.1", "Cookie: a=1; b=2").answer()
    assert answer.status == 200
    assert asked == [({b"a": [b"1", b"2"], b"c": [b""]}, b"2")]


def test_the_root_leads_to_the_documentation(site: TestSite) -> None:
    site.site.tree = Tree(mounts=site.site.tree.mounts, others=Signpost(b"./api/docs"))
    answer = ask(site, "GET / HTTP/1.1", "Accept: application/json").answer()
    assert (answer.status, answer.headers["Location"]) == (302, "./api/docs")
    assert "./api/docs" in answer.json["message"]
    assert ask(site, "GET /nothing HTTP/1.1").answer().status == 404
    assert ask(site, "POST / HTTP/1.1").answer().status == 405
    assert ask(site, "OPTIONS / HTTP/1.1").answer().headers["Allow"] == "GET, HEAD, OPTIONS"
