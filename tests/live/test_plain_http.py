"""Plain HTTP on a port of TLS is told so in clear (as nginx does); other bytes that are no TLS are not."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from tests.support.hostile_clients import count_connections, run_trial, wait_for
from tests.support.server import PATIENCE, Server

TCP = "tcp:0:interface=127.0.0.1"
PROXY = b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n"


@pytest.fixture(scope="module", params=["", "haproxy:"], ids=["TLS", "TLS behind PROXY"])
def server(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, bytes]]:
    home = tmp_path_factory.mktemp("plain") / "home"
    with run_trial(home, "--endpoint", f"cloudsvc:{request.param}{TCP}") as server:
        yield server, PROXY if request.param else b""


def dial(server: tuple[Server, bytes]) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", server[0].port), PATIENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.sendall(server[1])
    return connection


def receive_all(connection: socket.socket) -> bytes:
    answer = b""
    while piece := connection.recv(65536):
        answer += piece
    return answer


@pytest.mark.parametrize(
    "request_",
    [
        b"GET / HTTP/1.1\r\nHost: a\r\n\r\n",
        b"DELETE /x HTTP/1.0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"POST /api/files/x HTTP/1.1\r\nHost: a\r\nContent-Length: 5000000\r\n\r\n" + bytes(5_000_000),
    ],
    ids=["GET", "DELETE", "HTTP/2", "large"],
)
@pytest.mark.parametrize("first", [0, 1, 8])
def test_it_is_told_to_come_back_with_tls(server: tuple[Server, bytes], request_: bytes, first: int) -> None:
    with dial(server) as connection:
        for at in range(first):
            connection.sendall(request_[at : at + 1])
        connection.sendall(request_[first:])
        answer = receive_all(connection)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"https://" in answer
    wait_for(0, count_connections, server[0])


@pytest.mark.parametrize("garbage", [b"SSH-2.0-OpenSSH_9.2\r\n", bytes(100), b"GETX / HTTP/1.1\r\n\r\n"])
def test_anything_else_is_no_http(server: tuple[Server, bytes], garbage: bytes) -> None:
    with dial(server) as connection:
        connection.sendall(garbage)
        assert b"HTTP" not in receive_all(connection)
