"""Clients that take nothing of a long answer: each costs a small amount, and is cut off when it was said."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.hostile_clients import HOST, Memory, count_connections, run_trial, wait_for
from tests.support.server import PATIENCE, Server

READERS = 50
NAME = "x" * 200


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_trial(tmp_path_factory.mktemp("stalled") / "home", applications=["drive"]) as server:
        connection = server.open()
        for number in range(300):
            connection.request("PUT", f"/api/files/0/{number}-{NAME}", b"", {"X-API-Key": server.token})
            assert connection.getresponse().read()
        connection.close()
        for number in range(40):
            place = {"source": "0", "destination": f"copy-{number}"}
            reply = server.ask(
                "POST", "/api/copies", str(place).replace("'", '"'), {"Content-Type": "application/json"}
            )
            assert reply.status == 201, reply
        yield server


def stall(server: Server, request: bytes) -> socket.socket:
    """A connection with a request of whose answer nothing is read."""
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    raw.settimeout(PATIENCE)
    raw.connect(("127.0.0.1", server.port))
    connection = server.tls().wrap_socket(raw, server_hostname="localhost")
    connection.sendall(request)
    return connection


def test_each_holds_a_small_amount(server: Server) -> None:
    key = b"X-API-Key: " + server.token.encode() + b"\r\n" + HOST
    lines = b"GET /api/files HTTP/1.1\r\nAccept: application/x-ndjson\r\n" + key + b"\r\n"
    upstream = b"POST /api/files HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: 2\r\n" + key + b"\r\n{}"
    wait_for(0, count_connections, server)
    memory = Memory(server)
    with ExitStack() as stack:
        for number in range(READERS):
            stack.enter_context(stall(server, upstream if number % 2 else lines))
        previous = -1.0
        while previous != (previous := memory.growth()):
            assert server.ask("GET", "/api/health").status == 200
            time.sleep(0.5)
    assert memory.growth() / READERS < 1


def test_one_is_cut_off(tmp_path: Path) -> None:
    """Tests of the pace hold that it is when it was said, however much the system takes at first."""
    request = b"GET /api/trial/download?pieces=2000 HTTP/1.1\r\n" + HOST + b"\r\n"
    with run_trial(tmp_path / "home", connections={"stall_seconds": 2}) as server, stall(server, request):
        wait_for(1, count_connections, server)
        wait_for(0, count_connections, server)
