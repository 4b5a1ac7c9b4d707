"""Uploads whose client leaves right after the last byte are stored, on every transport, however it leaves."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import count
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.hostile_clients import HOST, run_trial
from tests.support.server import PATIENCE, Server, wait_until

PROXY = b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"
ENDPOINTS = ("tls", "tcp", "unix", "haproxy", "haproxy-tls")
_numbers = count(1)


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Path]]:
    """One server with an endpoint of each kind; the first is the one that tests ask what is there."""
    directory = tmp_path_factory.mktemp("leaving")
    tcp = "tcp:0:interface=127.0.0.1"
    descriptions = [f"cloudsvc:{tcp}", tcp, f"unix:{directory / 'socket'}", f"haproxy:{tcp}", f"cloudsvc:haproxy:{tcp}"]
    arguments = [word for each in descriptions for word in ("--endpoint", each)]
    with run_trial(directory / "home", *arguments, applications=["drive"]) as server:
        yield server, directory / "socket"


def find_ports(server: Server) -> list[int]:
    """The ports of the TCP endpoints, in the order of their descriptions."""
    lines = [
        line for line in server.wait_for_log("listening on").splitlines() if "port=" in line and "listening" in line
    ]
    return [int(line.partition("port=")[2].rstrip(")'")) for line in lines]


def dial(servers: tuple[Server, Path], endpoint: str) -> socket.socket:
    server, path = servers
    if endpoint == "unix":
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(PATIENCE)
        connection.connect(str(path))
        return connection
    port = find_ports(server)[("tls", "tcp", "haproxy", "haproxy-tls").index(endpoint)]
    connection = socket.create_connection(("127.0.0.1", port), PATIENCE)
    if endpoint.startswith("haproxy"):
        connection.sendall(PROXY)
    return server.tls().wrap_socket(connection, server_hostname="localhost") if endpoint.endswith("tls") else connection


def say_goodbye(connection: socket.socket) -> None:
    """End TLS properly, without waiting for the other side, and close."""
    if isinstance(connection, ssl.SSLSocket):
        connection.setblocking(False)  # noqa: FBT003  # as the library has it
        with suppress(OSError):
            connection.unwrap()
    connection.close()


def half_close(connection: socket.socket) -> None:
    """End our side only, and stay."""
    socket.socket.shutdown(connection, socket.SHUT_WR)
    with suppress(OSError):
        while connection.recv(65536):
            pass
    connection.close()


def reset(connection: socket.socket) -> None:
    """Leave without the four-way goodbye of TCP."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    connection.close()


def shape(server: Server, kind: str, path: str, size: int) -> bytes:
    content = b"x" * size
    key = b"X-API-Key: " + server.token.encode() + b"\r\n" + HOST
    put = b"PUT /api/files/" + path.encode() + b" HTTP/1.1\r\n" + key
    if kind == "chunked":
        return put + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (size, content)
    if kind == "form":
        form = b'--b\r\nContent-Disposition: form-data; name="file"; filename="f"\r\n\r\n' + content + b"\r\n--b--\r\n"
        head = b"POST /api/files/" + path.encode() + b" HTTP/1.1\r\n" + key
        return head + b"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: %d\r\n\r\n" % len(form) + form
    return put + b"Content-Length: %d\r\n\r\n" % size + content


def size_of(server: Server, path: str) -> int | None:
    reply = server.ask("HEAD", f"/api/files/{quote(path)}")
    return int(reply.headers["Content-Length"]) if reply.status == 200 else None


def wait_until_stored(server: Server, path: str, size: int) -> None:
    wait_until(lambda: size_of(server, path) == size, lambda: f"{path} was never stored")


@pytest.mark.parametrize("leave", [say_goodbye, socket.socket.close, half_close, reset])
@pytest.mark.parametrize("kind", ["fixed", "chunked", "form"])
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_small_uploads_are_stored(
    servers: tuple[Server, Path], endpoint: str, kind: str, leave: Callable[[socket.socket], None]
) -> None:
    paths = [f"{endpoint}-{kind}-{next(_numbers)}" for _ in range(2)]
    server = servers[0]
    for path in paths:
        connection = dial(servers, endpoint)
        connection.sendall(b"GET /api/health HTTP/1.1\r\n" + HOST + b"\r\n")
        answer = b""
        while b'"healthy"' not in answer:
            answer += connection.recv(65536)
        connection.sendall(shape(server, kind, path, 10))
        leave(connection)
    for path in paths:
        wait_until_stored(server, path, 10)


@pytest.mark.parametrize(
    ("endpoint", "size", "leave"),
    [
        *((endpoint, 3_000_000, say_goodbye) for endpoint in ENDPOINTS),
        *((endpoint, 3_000_000, half_close) for endpoint in ENDPOINTS),
        ("tls", 50_000_000, say_goodbye),
        ("unix", 50_000_000, say_goodbye),
    ],
)
def test_large_uploads_are_stored(
    servers: tuple[Server, Path], endpoint: str, size: int, leave: Callable[[socket.socket], None]
) -> None:
    path, server = f"{endpoint}-{next(_numbers)}", servers[0]
    connection = dial(servers, endpoint)
    connection.sendall(b"GET /api/health HTTP/1.1\r\n" + HOST + b"\r\n")
    answer = b""
    while b'"healthy"' not in answer:
        answer += connection.recv(65536)
    connection.sendall(shape(server, "chunked" if size > 10_000_000 else "form", path, size))
    leave(connection)
    wait_until_stored(server, path, size)
    assert server.ask("DELETE", f"/api/files/{path}").status == 200


@pytest.mark.parametrize("endpoint", ["tcp", "unix", "haproxy"])
def test_whoever_ends_its_own_side_gets_the_answer(servers: tuple[Server, Path], endpoint: str) -> None:
    path, server = f"{endpoint}-{next(_numbers)}", servers[0]
    with dial(servers, endpoint) as connection:
        connection.sendall(shape(server, "fixed", path, 10))
        connection.shutdown(socket.SHUT_WR)
        answer = b""
        while piece := connection.recv(65536):
            answer += piece
    assert answer.startswith(b"HTTP/1.1 201 ")
    assert size_of(server, path) == 10


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_small_changes_are_made(servers: tuple[Server, Path], endpoint: str) -> None:
    server, path = servers[0], f"changed-{next(_numbers)}"
    assert server.ask("PUT", f"/api/files/{path}", b"x").status == 201
    change = json.dumps({"add_tags": ["gone"]}).encode()
    head = b" /api/files/" + path.encode() + b" HTTP/1.1\r\nX-API-Key: " + server.token.encode() + b"\r\n" + HOST
    for request in (
        b"PATCH" + head + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(change) + change,
        b"DELETE" + head + b"\r\n",
    ):
        connection = dial(servers, endpoint)
        connection.sendall(request)
        connection.close()
        if request.startswith(b"PATCH"):
            tags = "/api/files?tag=gone"
            wait_until(lambda tags=tags: path.encode() in server.ask("GET", tags).body, lambda: "no tag")  # type: ignore[misc]  # mypy infers no lambda with a default
    wait_until(lambda: size_of(server, path) is None, lambda: f"{path} was never deleted")


def test_requests_behind_one_another_are_all_done(servers: tuple[Server, Path]) -> None:
    server, paths = servers[0], [f"row-{next(_numbers)}" for _ in range(20)]
    connection = dial(servers, "tls")
    connection.sendall(b"".join(shape(server, "fixed", path, 10) for path in paths))
    say_goodbye(connection)
    for path in paths:
        wait_until_stored(server, path, 10)
