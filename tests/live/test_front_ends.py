"""A second front end on the running server: its mount, its errors, the drive that both share, and how it ends."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.front_application import NAME
from tests.support.server import PATIENCE, Server, make_home, running


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home, token = make_home(tmp_path_factory.mktemp("front") / "home", applications=["drive", NAME])
    with running(home, token) as server:
        yield server


def test_both_have_the_one_drive(server: Server) -> None:
    assert server.ask("PUT", "/api/files/shared/a", b"12345").status == 201
    reply = server.ask("GET", "/s/shared/a")
    assert (reply.status, reply.json["size"]) == (200, 5)


@pytest.mark.parametrize(
    ("method", "path", "status", "error"),
    [
        ("GET", "/s/lost", 401, "missing_api_key"),
        ("GET", "/s", 404, "not_found"),
        ("PUT", "/s/a", 405, "method_not_allowed"),
        ("GET", "/api/shelf/lost", 404, "not_found"),
    ],
)
def test_its_errors_are_its_own(server: Server, method: str, path: str, status: int, error: str) -> None:
    reply = server.ask(method, path, key=False)
    assert (reply.status, reply.body.decode()) == (status, f"{status} {error}\n")
    assert reply.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert "Strict-Transport-Security" in reply.headers
    assert ("Allow" in reply.headers) == (status == 405)
    assert ("WWW-Authenticate" in reply.headers) == (status == 401)


def test_those_of_the_others_are_not(server: Server) -> None:
    assert server.ask("GET", "/s/lost").body == b"404 not_found\n"
    assert server.ask("GET", "/api/files/lost").json["error"] == "file_not_found"
    assert server.ask("GET", "/elsewhere").json["error"] == "not_found"


def test_it_is_described_where_it_is(server: Server) -> None:
    document = json.loads(server.ask("GET", "/api/openapi.json").body)
    refusal = document["paths"]["/s/{path}"]["get"]["responses"]["404"]
    assert list(refusal["content"]) == ["text/plain"]
    assert "/api/shelf/events" in document["paths"]


def test_without_an_application_that_needs_it_no_drive_is_opened(tmp_path: Path) -> None:
    home, token = make_home(tmp_path / "home", applications=[])
    with running(home, token) as server:
        assert server.ask("GET", "/api/files").status == 404
    assert not (home / "data" / "drive").exists()


def test_a_stream_without_an_end_ends_when_the_server_stops(tmp_path: Path) -> None:
    home, token = make_home(tmp_path / "home", applications=[NAME], server={"drain_seconds": 3600})
    with running(home, token) as server:
        with server.connect() as connection, connection.makefile("rb") as answer:
            connection.sendall(b"GET /api/shelf/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            lines = iter(answer.readline, b"")
            for line in lines:
                if line == b"data: hello\n":
                    break
            server.process.send_signal(signal.SIGTERM)
            # The last chunk says that nothing is missing (RFC 9112 section 7.1).
            assert b"".join(lines) == b"\n\r\n0\r\n\r\n"
        assert server.process.wait(PATIENCE) == 0
        assert "Traceback" not in server.log()
