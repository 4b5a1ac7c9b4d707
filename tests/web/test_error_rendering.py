"""Errors are JSON, problem details for whoever asks for them, or what an application makes of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from klein import Klein
from twisted.logger import capturedLogs

from cloudsvc.web.error_rendering import wants_problem
from cloudsvc.web.errors import HTTPError
from cloudsvc.web.guards import authorized
from cloudsvc.web.http1.request import ErrorRenderer, Request
from cloudsvc.web.responses import Message, Response
from cloudsvc.web.routes import route
from tests.support.bounds import make_head_bounds
from tests.support.site import Answer, TestSite

PROBLEM = "application/problem+json"


class Demo:
    """Routes that go wrong."""

    app = Klein()

    @route(app, "GET", "/demo/guarded")
    @authorized()
    async def guarded(self, request: Request) -> Message:
        """Refused without a key."""
        raise NotImplementedError

    @route(app, "GET", "/demo/broken")
    async def broken(self, request: Request) -> Message:
        """Fails."""
        raise RuntimeError("spilt milk")


@pytest.fixture
def site() -> TestSite:
    return TestSite(application=Demo())


def ask(site: TestSite, line: str, *fields: str, host: str = "Host: a") -> Answer:
    head = "".join(f"{field}\r\n" for field in (host, *fields) if field)
    return site.ask(f"{line} HTTP/1.1\r\n{head}\r\n".encode())


@pytest.mark.parametrize(
    ("accept", "wanted"),
    [
        (None, False),
        ("", False),
        ("*/*", False),
        ("application/*", False),
        ("application/json", False),
        (PROBLEM, True),
        ("Application/Problem+JSON", True),
        (f"application/json, {PROBLEM}", True),
        (f"*/*, {PROBLEM}", True),
        (f"text/html, {PROBLEM};q=0.1", True),
        (f"{PROBLEM};q=0", False),
        (f"application/json, {PROBLEM};q=0.5", False),
        (f"*/*, {PROBLEM};q=0.5", False),
        (f"{PROBLEM}x", False),
    ],
)
def test_who_wants_problem_details(accept: str | None, wanted: bool) -> None:  # noqa: FBT001  # a case
    assert wants_problem(accept) is wanted


ERRORS = [
    ("GET /api/demo/lost", 404, "not_found"),
    ("GET /api/lost", 404, "not_found"),
    ("GET /lost", 404, "not_found"),
    ("PUT /api/demo/guarded", 405, "method_not_allowed"),
    ("GET /api/demo/guarded", 401, "missing_api_key"),
    ("GET /%ff", 400, "bad_path"),
]


@pytest.mark.parametrize(("line", "status", "error"), ERRORS)
def test_every_error_is_told_in_both_forms(site: TestSite, line: str, status: int, error: str) -> None:
    plain, problem = ask(site, line), ask(site, line, f"Accept: {PROBLEM}")
    assert (plain.status, problem.status) == (status, status)
    assert plain.headers["Content-Type"] == "application/json"
    assert problem.headers["Content-Type"] == PROBLEM
    assert plain.headers["Vary"] == problem.headers["Vary"] == "Accept"
    for name in ("Allow", "WWW-Authenticate", "Strict-Transport-Security"):
        assert plain.headers.get(name) == problem.headers.get(name)
    assert plain.json["error"] == error
    content = {**problem.json, "request_id": plain.json["request_id"], "timestamp": plain.json["timestamp"]}
    assert content == {
        **plain.json,
        "type": "about:blank",
        "title": content["title"],
        "status": status,
        "detail": plain.json["message"],
    }
    assert content["title"].replace(" ", "").isalpha()


@pytest.mark.parametrize(
    ("fields", "host", "status"),
    [
        ((f"Accept: {PROBLEM}",), "", 400),
        ((f"Accept: {PROBLEM}", "Host: b"), "Host: a", 400),
        ((f"Accept: {PROBLEM}", "Transfer-Encoding: gzip"), "Host: a", 400),
        ((f"Accept: {PROBLEM}", "A: b", f"X: {'x' * 600}"), "Host: a", 431),
        ((f"Accept: {PROBLEM}", "Expect: cake", "Content-Length: 1"), "Host: a", 417),
    ],
)
def test_refused_heads_are_told_in_the_form_that_they_ask_for(fields: tuple[str, ...], host: str, status: int) -> None:
    site = TestSite(application=Demo(), head_bounds=make_head_bounds(line_bytes=500))
    for given, media in ((fields, PROBLEM), (fields[1:], "application/json")):
        answer = ask(site, "PUT /api/demo/guarded", *given, host=host)
        assert (answer.status, answer.headers["Content-Type"], answer.headers["Vary"]) == (status, media, "Accept")


def test_nothing_else_of_a_refused_head_is_believed(site: TestSite) -> None:
    answer = ask(site, "GET /api/demo/lost", "Accept: text/html", "Origin: https://a.example", host="")
    assert answer.status == 400
    assert answer.headers["Content-Type"] == "application/json"


def test_the_unexpected_is_a_problem_too(site: TestSite) -> None:
    for fields, media in (((), "application/json"), ((f"Accept: {PROBLEM}",), PROBLEM)):
        answer = ask(site, "GET /api/demo/broken", *fields)
        assert (answer.status, answer.headers["Content-Type"]) == (500, media)
        assert answer.json["error"] == "internal_error"
        assert b"milk" not in answer.body


class XML:
    """Errors as S3 has them, but for one status that it cannot tell of."""

    produces: Mapping[str, Mapping[str, Any]] = {"application/xml": {"type": "string"}}

    def render(self, request: Request, error: HTTPError) -> Response:
        if error.status == 405:
            raise LookupError("no such code")
        headers = ((b"Content-Type", b"application/xml"), (b"www-authenticate", b"AWS4-HMAC-SHA256"))
        return Response(status=error.status, headers=headers, body=f"<Error>{error.error}</Error>".encode())


@pytest.fixture
def rendering_site() -> TestSite:
    renderer: ErrorRenderer = XML()
    return TestSite(application=Demo(), error_renderer=renderer)


@pytest.mark.parametrize(("line", "status", "error"), [ERRORS[0], ERRORS[4]])
def test_an_application_renders_its_own(rendering_site: TestSite, line: str, status: int, error: str) -> None:
    answer = ask(rendering_site, line, f"Accept: {PROBLEM}")
    assert (answer.status, answer.body) == (status, f"<Error>{error}</Error>".encode())
    assert answer.headers["Content-Type"] == "application/xml"
    assert answer.headers["WWW-Authenticate"] == "AWS4-HMAC-SHA256"
    assert "Vary" not in answer.headers


@pytest.mark.parametrize(("line", "status", "error"), [ERRORS[1], ERRORS[2], ERRORS[5]])
def test_it_does_not_render_those_of_others(rendering_site: TestSite, line: str, status: int, error: str) -> None:
    answer = ask(rendering_site, line)
    assert (answer.status, answer.json["error"]) == (status, error)


def test_a_renderer_that_fails_is_stood_in_for(rendering_site: TestSite) -> None:
    with capturedLogs() as seen:
        answer = ask(rendering_site, "PUT /api/demo/guarded")
    assert (answer.status, answer.json["error"]) == (405, "method_not_allowed")
    assert "GET" in answer.headers["Allow"]
    assert any("an error could not be rendered" in event["log_format"] for event in seen)
