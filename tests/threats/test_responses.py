"""Responses never change their meaning on the way, speak for the client's Host, or run as a page."""

from __future__ import annotations

from typing import Any

import pytest
from klein import Klein

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.drive.errors import (
    CommandError,
    no_space,
    query_too_slow,
    too_many_changes,
    too_many_reads,
    too_many_uploads,
)
from cloudsvc.web.errors import STATUS_OF_KIND, HTTPError, as_http_error
from cloudsvc.web.http1.request import Request
from cloudsvc.web.responses import Message, Response
from cloudsvc.web.routes import route
from tests.support.site import TestSite


class Refusals:
    """Raises what it is asked to, and reflects what it is told."""

    app = Klein()

    @route(app, "GET", "/refusals/kind/<string:name>")
    async def raise_kind(self, request: Request, name: str) -> Message:
        """Raise an error of the domain."""
        raise CloudError(Kind[name], "as_asked", "As asked.")

    @route(app, "GET", "/refusals/status/<int:status>")
    async def raise_status(self, request: Request, status: int) -> Message:
        """Raise an error of HTTP."""
        raise HTTPError(status, "as_asked", "As asked.")

    @route(app, "GET", "/refusals/reflected/<path:text>")
    async def reflect(self, request: Request, text: str) -> Response:
        """Put what came into the head."""
        return Response(headers=((b"X-Reflected", text.encode()),), body=b"content")

    @route(app, "GET", "/refusals/refused/<path:text>")
    async def refuse(self, request: Request, text: str) -> Message:
        """Put what came into an error."""
        raise CloudError(Kind.INVALID, "as_asked", f"No: {text}")

    @route(app, "GET", "/refusals/moved/<string:name>/")
    async def move(self, request: Request, name: str) -> Any:
        """End in a slash."""
        return Message(message=name)


@pytest.fixture
def site() -> TestSite:
    return TestSite(application=Refusals())


def get(path: str, host: str = "a") -> bytes:
    return f"GET /api/refusals/{path} HTTP/1.1\r\nHost: {host}\r\n\r\n".encode()


@pytest.mark.parametrize("kind", list(Kind))
def test_every_kind_of_error_keeps_its_status(site: TestSite, kind: Kind) -> None:
    answer = site.ask(get(f"kind/{kind.name}"))
    assert (answer.status, answer.json["code"]) == (STATUS_OF_KIND[kind],) * 2
    assert answer.json["error"] == "as_asked"


@pytest.mark.parametrize(
    ("problem", "seconds"),
    [
        (too_many_reads(), 2),
        (query_too_slow(), 10),
        (too_many_changes(), 5),
        (too_many_uploads(), 10),
        (no_space(), None),
    ],
)
def test_a_server_with_too_much_to_do_says_when_to_come_back(problem: CloudError, seconds: int | None) -> None:
    for each in (problem, CommandError(1, problem)):
        error = as_http_error(each)
        assert error is not None
        assert dict(error.headers) == ({} if seconds is None else {b"Retry-After": b"%d" % seconds})


@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 409, 412, 413, 415, 416, 429, 500, 503, 507])
def test_every_refusal_keeps_its_status(site: TestSite, status: int) -> None:
    answer = site.ask(get(f"status/{status}"))
    assert (answer.status, answer.json["code"], answer.json["error"]) == (status, status, "as_asked")


@pytest.mark.parametrize(
    "text",
    [
        "a%0d%0aSet-Cookie:%20a=b",
        "a%0d%0a%0d%0aHTTP/1.1%20200%20OK%0d%0a",
        "a%0aSet-Cookie:%20a=b",
        "a%0dSet-Cookie:%20a=b",
        "%E5%98%8A%E5%98%8DSet-Cookie:%20a=b",
    ],
)
def test_what_is_reflected_in_the_head_stays_in_its_field(site: TestSite, text: str) -> None:
    client = site.connect()
    client.send(get(f"reflected/{text}"))
    (answer,) = client.answers()
    assert answer.body == b"content" or answer.status == 404
    assert "Set-Cookie" not in answer.headers


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", "%3Csvg/onload=alert(1)%3E", "%22%7D%0d%0a{"])
def test_what_is_reflected_in_an_error_is_text_in_json(site: TestSite, text: str) -> None:
    answer = site.ask(get(f"refused/{text}"))
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert set(answer.json) == {"code", "message", "timestamp", "error", "request_id"}


@pytest.mark.parametrize("name", ["a", "%C3%A9", "%2F%2Fevil.example", "a%0d%0aSet-Cookie:%20a=b", "a%3Fb", "a%20b"])
def test_a_redirect_names_no_host(site: TestSite, name: str) -> None:
    client = site.connect()
    client.send(get(f"moved/{name}", host="evil.example"))
    (answer,) = client.answers()
    assert answer.status in {308, 404}
    assert "Set-Cookie" not in answer.headers
    location = answer.headers.get("Location", "/api/")
    assert location.startswith("/api/")
    assert b"Location: http" not in client.received
