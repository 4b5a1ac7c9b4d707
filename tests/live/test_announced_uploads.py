"""Announced bytes that do not come cost nobody anything on a running server."""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import Iterator
from contextlib import ExitStack
from hashlib import shake_128
from pathlib import Path

import pytest

from tests.support.drive_servers import MIB, list_blobs, run_drive
from tests.support.hostile_clients import HOST
from tests.support.server import Server, wait_until

CAPACITY = 8 * MIB
LARGE = 7 * MIB


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A drive in which the trash takes nearly everything."""
    with run_drive(tmp_path / "home", capacity_gb=CAPACITY / 2**30, max_file_size_mb=LARGE / MIB) as server:
        for number in range(7):
            assert put(server, f"old-{number}", make(f"old-{number}", MIB)) == 201
            server.ask("DELETE", f"/api/files/old-{number}")
        yield server


def make(name: str, size: int) -> bytes:
    """Bytes that nothing else has."""
    return shake_128(name.encode()).digest(size)


def put(server: Server, name: str, content: bytes, **headers: str) -> int:
    return server.ask("PUT", f"/api/files/{name}", content, headers).status


def count_trash(server: Server) -> int:
    return len(server.ask("GET", "/api/trash").json["entries"])


def begin(server: Server, name: str, *fields: str, length: int = LARGE, method: str = "PUT") -> ssl.SSLSocket:
    """The head of an upload is sent."""
    connection = server.connect()
    lines = (
        f"{method} /api/files/{name} HTTP/1.1",
        f"X-API-Key: {server.token}",
        f"Content-Length: {length}",
        *fields,
    )
    connection.sendall("\r\n".join(lines).encode() + b"\r\n" + HOST + b"\r\n")
    return connection


def is_invited(connection: ssl.SSLSocket) -> bool:
    return connection.recv(1000).startswith(b"HTTP/1.1 100 ")


FORM = "Content-Type: multipart/form-data; boundary=x"


@pytest.mark.parametrize(("method", "fields"), [("PUT", []), ("POST", [FORM])], ids=["put", "form"])
def test_a_head_without_a_body_gives_nothing_up(server: Server, method: str, fields: list[str]) -> None:
    with begin(server, "never", "Expect: 100-continue", *fields, method=method) as connection:
        assert is_invited(connection)
        assert count_trash(server) == 7
    assert count_trash(server) == 7


def test_held_announcements_keep_no_room_from_others(server: Server) -> None:
    with ExitStack() as held:
        for number in range(10):
            assert is_invited(held.enter_context(begin(server, f"held-{number}", "Expect: 100-continue")))
        assert put(server, "other", make("other", LARGE)) == 201
        assert server.ask("GET", "/api/files/other").body == make("other", LARGE)


def test_half_an_upload_counts_until_it_is_gone_and_gives_nothing_up(server: Server) -> None:
    with begin(server, "half") as connection:
        connection.sendall(make("half", LARGE - MIB))
        wait_until(lambda: sum(path.stat().st_size for path in list_blobs(server)) > 12 * MIB, lambda: "not on disk")
        assert put(server, "other", make("other", 3 * MIB)) == 507
        assert put(server, "small", b"small") == 201
        assert count_trash(server) == 7
    wait_until(lambda: put(server, "other", make("other", 3 * MIB)) == 201, lambda: "it still counts")
    assert 3 <= count_trash(server) < 7


def test_what_is_refused_in_the_end_gives_nothing_up(server: Server) -> None:
    wrong = f"sha-256=:{b64encode(bytes(32)).decode()}:"
    assert put(server, "wrong", make("wrong", LARGE), **{"Repr-Digest": wrong}) == 400
    with begin(server, "late", "If-None-Match: *", "Connection: close") as connection:
        content = make("late", LARGE)
        connection.sendall(content[:-1])
        assert put(server, "late", b"first") == 201
        connection.sendall(content[-1:])
        assert connection.recv(1000).startswith(b"HTTP/1.1 412 ")
    assert count_trash(server) == 7
    assert put(server, "late", content) == 204
    assert count_trash(server) == 0
