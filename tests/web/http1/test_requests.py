"""Requests that start at their headers, and their answers."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.logger import ILogObserver, LogEvent, globalLogPublisher
from zope.interface import provider

from cloudsvc.core.errors import Kind
from cloudsvc.web.errors import STATUS_OF_KIND, HTTPError
from cloudsvc.web.http1.targets import decode_path
from tests.support.site import TOKEN, TestSite
from tests.support.web_routes import Demo

KEY = b"X-API-Key: " + TOKEN.encode() + b"\r\n"
HOST = b"Host: localhost\r\n"


def head(method: str, path: str, *lines: bytes) -> bytes:
    return f"{method} {path} HTTP/1.1\r\n".encode() + HOST + b"".join(line + b"\r\n" for line in lines) + b"\r\n"


class TestBodies:
    def test_an_upload_is_read_as_it_arrives(self, site: TestSite, demo: Demo) -> None:
        client = site.connect()
        client.send(head("PUT", "/api/demo/upload", KEY.strip(), b"Content-Length: 6"))
        client.send(b"abc")
        client.send(b"def")
        assert demo.events == ["read 3", "read 3"]
        assert client.answer().json["message"] == "6"
        assert not client.closed

    def test_a_chunked_upload_is_the_same(self, site: TestSite) -> None:
        client = site.connect()
        client.send(head("PUT", "/api/demo/upload", KEY.strip(), b"Transfer-Encoding: chunked"))
        client.send(b"3\r\nabc\r\n4\r\ndefg\r\n0\r\n\r\n")
        assert client.answer().json["message"] == "7"
        client.send(head("GET", "/api/demo/plain"))
        assert [answer.status for answer in client.answers()] == [200, 200]

    def test_100_continue_is_sent_when_the_body_is_wanted(self, site: TestSite) -> None:
        client = site.connect()
        client.send(head("PUT", "/api/demo/upload", KEY.strip(), b"Content-Length: 3", b"Expect: 100-continue"))
        assert client.received == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.send(b"abc")
        assert client.answer().json["message"] == "3"

    def test_a_refused_upload_is_not_invited(self, site: TestSite) -> None:
        client = site.connect()
        client.send(head("PUT", "/api/demo/upload", b"Content-Length: 3", b"Expect: 100-continue"))
        assert b"100 Continue" not in client.received
        answer = client.answer()
        assert (answer.status, answer.headers["Connection"]) == (401, "close")
        assert client.closed

    def test_a_small_refused_body_keeps_the_connection(self, site: TestSite) -> None:
        client = site.connect()
        client.send(head("PUT", "/api/demo/upload", b"Content-Length: 5") + b"ab")
        assert client.answer().status == 401
        client.send(b"cde" + head("GET", "/api/demo/plain"))
        assert [answer.status for answer in client.answers()] == [401, 200]

    def test_a_large_refused_body_closes_it(self, site: TestSite) -> None:
        client = site.connect()
        client.send(head("PUT", "/api/demo/upload", b"Content-Length: 1000000000"))
        assert client.answer().headers["Connection"] == "close"
        assert client.closed

    def test_too_large_is_said_at_the_headers_when_the_length_is_known(self, site: TestSite, demo: Demo) -> None:
        client = site.connect()
        client.send(head("PUT", "/api/demo/upload", KEY.strip(), b"Content-Length: 200001", b"Expect: 100-continue"))
        assert client.answer().status == 413
        assert client.answer().json["error"] == "body_too_large"
        assert demo.events == []

    def test_too_large_is_said_on_the_way_when_it_is_not(self, site: TestSite) -> None:
        client = site.connect()
        client.send(head("PUT", "/api/demo/upload", KEY.strip(), b"Transfer-Encoding: chunked"))
        for _ in range(4):
            client.send(b"c350\r\n" + b"x" * 50_000 + b"\r\n")
        assert client.received == b""
        client.send(b"1\r\nx\r\n")
        assert client.answer().status == 413
        assert client.closed

    def test_the_transport_is_paused_while_nobody_reads(self, site: TestSite, demo: Demo) -> None:
        client = site.connect()
        client.send(head("PUT", "/api/demo/slow-upload", b"Content-Length: 300000"))
        client.send(b"x" * 30_000)
        assert not client.transport.paused
        client.send(b"x" * 170_000)
        assert client.transport.paused
        demo.pending.pop().callback(None)
        assert not client.transport.paused
        client.send(b"x" * 100_000)
        assert client.answer().json["message"] == "300000"

    def test_a_client_that_leaves_cancels_its_handler(self, site: TestSite, demo: Demo) -> None:
        client = site.connect()
        client.send(head("GET", "/api/demo/wait"))
        client.leave()
        assert demo.events == ["cancelled"]
        assert site.tally.lines[0]["status"] == 499
        assert site.tally.departures == [(b"GET", "/api/demo/wait", 499)]

    def test_a_client_that_leaves_in_its_upload_is_counted_once(self, site: TestSite) -> None:
        client = site.connect()
        client.send(head("PUT", "/api/demo/upload", KEY.strip(), b"Content-Length: 10") + b"abc")
        client.leave()
        assert [line["status"] for line in site.tally.lines] == [499]


class TestAnswers:
    @pytest.mark.parametrize("number", range(5))
    def test_a_line_break_in_a_value_begins_no_line(self, site: TestSite, number: int) -> None:
        client = site.connect()
        client.send(head("GET", f"/api/demo/broken/{number}"))
        answer = client.answer()
        assert (answer.status, answer.body) == (200, b"content")
        assert "X-Evil" not in answer.headers
        assert "X-Evil: 1" in answer.headers["X-Value"]
        assert b"\n" not in client.received.replace(b"\r\n", b"")
        assert b"\r" not in client.received.replace(b"\r\n", b"")

    @pytest.mark.parametrize(("number", "status"), [(0, 500), (1, 409)])
    def test_a_failure_takes_nothing_along_of_the_answer_that_was_begun(
        self, site: TestSite, number: int, status: int
    ) -> None:
        answer = site.ask(head("GET", f"/api/demo/half-way/{number}"))
        assert answer.status == status
        plain = site.ask(head("GET", "/api/demo/conflict")).headers
        assert answer.headers.keys() == plain.keys()
        assert "of the answer" not in str(answer.headers)

    def test_a_message_has_code_message_and_timestamp(self, site: TestSite) -> None:
        answer = site.ask(head("GET", "/api/demo/plain"))
        assert answer.json == {"code": 200, "message": "plain", "timestamp": "2026-01-01T00:00:00.000000Z"}
        assert answer.headers["Content-Type"] == "application/json"
        assert answer.headers["Date"] == "Thu, 01 Jan 2026 00:00:00 GMT"

    def test_fields_follow_the_three(self, site: TestSite) -> None:
        body = b'{"name": "a", "count": 3}'
        answer = site.ask(head("POST", "/api/demo/things", KEY.strip(), b"Content-Length: %d" % len(body)) + body)
        assert answer.status == 201
        assert list(answer.json) == ["code", "message", "timestamp", "name", "count"]

    def test_a_reply_has_its_own_status_and_headers(self, site: TestSite) -> None:
        answer = site.ask(head("GET", "/api/demo/things?deep=true&limit=7&tag=a&tag=b"))
        assert (answer.status, answer.headers["X-Extra"]) == (203, "yes")
        assert (answer.json["name"], answer.json["count"]) == ("a,b", 7)

    def test_head_has_no_content(self, site: TestSite) -> None:
        client = site.connect()
        client.send(head("HEAD", "/api/demo/plain"))
        headers, _, rest = client.received.partition(b"\r\n\r\n")
        assert rest == b""
        assert b"Content-Length: %d" % len(site.ask(head("GET", "/api/demo/plain")).body) in headers

    def test_204_has_no_content(self, site: TestSite) -> None:
        answer = site.ask(head("DELETE", "/api/demo/nothing"))
        assert (answer.status, answer.body) == (204, b"")
        assert "Content-Length" not in answer.headers

    def test_a_stream_of_unknown_length_is_chunked(self, site: TestSite) -> None:
        answer = site.ask(head("GET", "/api/demo/stream"))
        assert (answer.body, answer.headers["Transfer-Encoding"]) == (b"onetwosix", "chunked")

    def test_a_stream_of_known_length_is_not(self, site: TestSite) -> None:
        answer = site.ask(head("GET", "/api/demo/measured"))
        assert (answer.body, answer.headers["Content-Length"]) == (b"onetwosix", "9")

    def test_a_stream_waits_for_the_client(self, site: TestSite, demo: Demo) -> None:
        client = site.connect()
        client.channel.pauseProducing()
        client.send(head("GET", "/api/demo/stream"))
        client.channel.pauseProducing()
        client.channel.resumeProducing()
        assert client.answer().body == b"onetwosix"

    @pytest.mark.parametrize("path", ["/api/demo/liar", "/api/demo/torn"])
    def test_half_an_answer_ends_in_a_closed_connection(self, site: TestSite, path: str) -> None:
        client = site.connect()
        client.send(head("GET", path))
        assert client.transport.aborted
        assert b"HTTP/1.1" not in client.received[10:]


class TestErrors:
    def test_a_domain_error_is_mapped(self, site: TestSite) -> None:
        answer = site.ask(head("GET", "/api/demo/conflict"))
        assert answer.status == 409
        assert answer.json["error"] == "always_taken"
        assert answer.json["message"] == "It is taken."

    def test_every_kind_of_error_has_a_status(self) -> None:
        assert set(STATUS_OF_KIND) == set(Kind)
        assert all(400 <= status < 600 for status in STATUS_OF_KIND.values())

    @pytest.mark.parametrize("path", ["/api/demo/crash", "/api/demo/none"])
    def test_the_unexpected_tells_the_client_nothing_and_the_log_everything(self, site: TestSite, path: str) -> None:
        events: list[LogEvent] = []
        observer = provider(ILogObserver)(lambda event: events.append(event))  # noqa: PLW0108  # a method cannot be marked
        globalLogPublisher.addObserver(observer)
        try:
            answer = site.ask(head("GET", path))
        finally:
            globalLogPublisher.removeObserver(observer)
        assert answer.status == 500
        assert answer.json["error"] == "internal_error"
        assert b"universe" not in answer.body
        (event,) = [event for event in events if "log_failure" in event]
        assert event["id"] == answer.json["request_id"]

    def test_an_unknown_path_is_404(self, site: TestSite) -> None:
        for path in ("/", "/api", "/api/", "/api/nothing", "/api/demo", "/api/demo/", "/nothing", "/api//demo/plain"):
            answer = site.ask(head("GET", path))
            assert (answer.status, answer.json["error"]) == (404, "not_found"), path
            assert "default-src 'self'" in answer.headers["Content-Security-Policy"]

    @pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE", "FOO", "get", "Head"])
    def test_an_unexpected_method_is_405(self, site: TestSite, method: str) -> None:
        answer = site.ask(head(method, "/api/demo/plain", b"Content-Length: 0"))
        assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")

    def test_the_status_line_has_the_phrase_of_its_status(self, site: TestSite) -> None:
        client = site.connect()
        client.send(head("GET", "/api/demo/plain", *[b"X: a"] * 101))
        assert client.received.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")

    def test_a_missing_slash_is_a_relative_redirect(self, site: TestSite) -> None:
        answer = site.ask(head("GET", "/api/demo/folder"))
        assert (answer.status, answer.headers["Location"]) == (308, "/api/demo/folder/")
        assert site.ask(head("GET", "/api/demo/folder?a=b")).headers["Location"] == "/api/demo/folder/?a=b"


class TestPaths:
    @pytest.mark.parametrize(
        ("path", "name"),
        [
            ("a", "a"),
            ("a/b", "a/b"),
            ("a%2Fb", "a/b"),
            ("a//b", "a//b"),
            ("100%.txt", "100%.txt"),
            ("100%25.txt", "100%.txt"),
            ("%E2%98%83%20%23%3F", "☃ #?"),
            ("%2e%2e/%2e%2e/etc/passwd", "../../etc/passwd"),
        ],
    )
    def test_a_path_is_decoded_once_and_kept(self, site: TestSite, path: str, name: str) -> None:
        assert site.ask(head("GET", f"/api/demo/paths/{path}")).json["message"] == name

    @given(st.binary())
    def test_any_bytes_are_a_path_or_a_clear_refusal(self, path: bytes) -> None:
        try:
            segments = decode_path(path)
        except HTTPError as problem:
            assert problem.status == 400
        else:
            assert "\x00" not in "/".join(segments)

    @given(st.lists(st.text(st.characters(exclude_characters="\x00", codec="utf-8"), min_size=1), min_size=1))
    def test_quoted_segments_come_back(self, segments: list[str]) -> None:
        path = "/" + "/".join(quote(segment, safe="") for segment in segments)
        assert decode_path(path.encode()) == tuple("/".join(segments).split("/"))


class TestIdentity:
    def test_request_ids_are_ours_and_unique(self, site: TestSite) -> None:
        answers = [site.ask(head("GET", "/api/demo/plain", b"X-Request-ID: forged")) for _ in range(3)]
        ids = {answer.headers["X-Request-ID"] for answer in answers}
        assert len(ids) == 3
        assert all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{8}", each) for each in ids)

    def test_a_trusted_proxy_names_request_and_client(self, make_site: Callable[..., TestSite]) -> None:
        site = make_site(trusted=("198.51.100.0/24",))
        site.ask(
            head("GET", "/api/demo/plain", b"X-Request-ID: abc-1", b"X-Forwarded-For: 203.0.113.9"), "198.51.100.1"
        )
        assert (site.tally.lines[0]["request_id"], site.tally.lines[0]["client"]) == ("abc-1", "203.0.113.9")

    @pytest.mark.parametrize("given_id", [b"a b", b"", b"x" * 200, b"\xff", b'"'])
    def test_a_bad_id_from_a_proxy_is_replaced(self, make_site: Callable[..., TestSite], given_id: bytes) -> None:
        site = make_site(trusted=("198.51.100.0/24",))
        answer = site.ask(head("GET", "/api/demo/plain", b"X-Request-ID: " + given_id), "198.51.100.1")
        assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{8}", answer.headers["X-Request-ID"])

    def test_every_request_is_counted_and_logged_once(self, site: TestSite) -> None:
        answer = site.ask(head("GET", "/api/demo/paths/a/b?secret=1"))
        assert site.tally.arrivals == 1
        assert site.tally.departures == [(b"GET", "/api/demo/paths/{name}", 200)]
        (line,) = site.tally.lines
        assert (line["path"], line["client"], line["sent"]) == (b"/api/demo/paths/a/b", "192.0.2.1", len(answer.body))

    def test_a_route_may_have_a_policy_of_its_own(self, site: TestSite) -> None:
        answer = site.ask(head("GET", "/api/demo/own-policy"))
        assert answer.headers["Content-Security-Policy"] == "sandbox"
        assert answer.headers["X-Frame-Options"] == "DENY"
