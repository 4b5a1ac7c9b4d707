"""A TLS client that has said all it has to say, says so (``close_notify``, RFC 8446 section 6.1), and still listens."""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from OpenSSL import SSL

from tests.support.hostile_clients import (
    HOST,
    Memory,
    Watch,
    count_files,
    count_idle_files,
    run_trial,
    wait_for,
    wait_until_read,
)
from tests.support.server import PATIENCE, Server
from tests.support.trial_application import PIECE

MIB = 1 << 20
WAIT = b"GET /api/trial/wait?seconds=0.3 HTTP/1.1\r\n" + HOST + b"\r\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_trial(tmp_path_factory.mktemp("tls") / "home") as server:
        yield server


@contextmanager
def dial(server: Server, version: int = 0) -> Iterator[tuple[SSL.Connection, socket.socket]]:
    """A verified connection of at most the TLS ``version``, whose sides can be ended one by one, and its socket."""
    context = SSL.Context(SSL.TLS_CLIENT_METHOD)
    context.load_verify_locations(str(server.certificate))
    context.set_verify(SSL.VERIFY_PEER)
    context.set_max_proto_version(version)
    with socket.create_connection(("127.0.0.1", server.port)) as raw:
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", int(PATIENCE), 0))
        connection = SSL.Connection(context, raw)
        connection.set_connect_state()
        connection.do_handshake()
        yield connection, raw


def receive_all(connection: SSL.Connection) -> bytes:
    """Everything until the server says that this was all. An end without a word, or none at all, raises."""
    pieces = []
    with suppress(SSL.ZeroReturnError):
        while True:
            pieces.append(connection.recv(65536))
    return b"".join(pieces)


@pytest.mark.parametrize("version", [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION], ids=["1.2", "1.3"])
@pytest.mark.parametrize(
    ("request_", "expected"),
    [
        (b"GET /api/trial/echo/word HTTP/1.1\r\n" + HOST + b"\r\n", b"word"),
        (WAIT, b"at last"),
        (WAIT.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"), b"at last"),
        (b"GET /api/trial/whole?pieces=50 HTTP/1.1\r\n" + HOST + b"\r\n", PIECE * 50),
        (b"GET /api/trial/download?pieces=50 HTTP/1.1\r\n" + HOST + b"\r\n", PIECE * 50),
        (b"PUT /api/trial/public-upload HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc", b'"received":3'),
        (b"PUT /api/trial/late-upload HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc", b'"received":3'),
        (WAIT * 3, b"at last"),
        ((b"GET /api/trial/whole?pieces=1 HTTP/1.1\r\n" + HOST + b"\r\n") * 10, PIECE),
    ],
    ids=["at once", "later", "last", "large", "streamed", "body", "body read late", "pipeline", "large pipeline"],
)
def test_a_whole_request_gets_its_answer(server: Server, request_: bytes, expected: bytes, version: int) -> None:
    with dial(server, version) as (connection, _):
        connection.sendall(request_)
        connection.shutdown()
        answer = receive_all(connection)
    assert answer.count(b"HTTP/1.1 200 OK") == request_.count(b"HTTP/1.1")
    assert expected in answer


@pytest.mark.parametrize(
    "part", [b"", b"GET /api/he", b"PUT /api/trial/upload HTTP/1.1\r\nContent-Length: 9\r\n\r\nab"]
)
def test_half_a_request_ends_the_connection(server: Server, part: bytes) -> None:
    with dial(server) as (connection, _):
        connection.sendall(part)
        connection.shutdown()
        assert b"200 OK" not in receive_all(connection)


def test_an_idle_connection_ends_at_once(server: Server) -> None:
    with dial(server) as (connection, _):
        connection.sendall(b"GET /api/trial/echo/word HTTP/1.1\r\n" + HOST + b"\r\n")
        answer = b""
        while not answer.endswith(b"\r\n\r\nword"):
            answer += connection.recv(65536)
        connection.shutdown()  # an idle connection may stay for longer than the patience of this one
        assert receive_all(connection) == b""


def reset(raw: socket.socket) -> None:
    """Leave without the four-way goodbye of TCP."""
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    raw.close()


@pytest.mark.parametrize(
    "leave", [socket.socket.close, lambda raw: raw.shutdown(socket.SHUT_WR), reset], ids=["all", "TCP", "reset"]
)
def test_whoever_says_so_and_leaves_is_not_waited_for(server: Server, leave: Callable[[socket.socket], None]) -> None:
    files = count_idle_files(server)
    watch = Watch(server)
    with dial(server) as (connection, raw):
        connection.sendall(WAIT)
        wait_until_read(server, raw, len(WAIT))
        connection.shutdown()
        leave(raw)
        wait_for(files, count_files, server)
    (line,) = watch.lines()
    assert " 499 " in line


@pytest.mark.parametrize("length", [b"20971520", b"20971521"], ids=["whole", "short"])
def test_a_body_that_had_to_wait_is_read_to_its_end(server: Server, length: bytes) -> None:
    with dial(server) as (connection, _):
        connection.sendall(
            b"PUT /api/trial/late-upload HTTP/1.1\r\n" + HOST + b"Content-Length: " + length + b"\r\n\r\n"
        )
        connection.sendall(bytes(20 * MIB))
        connection.shutdown()
        assert (b'"received":20971520' in receive_all(connection)) is (length == b"20971520")


@pytest.mark.parametrize(
    "request_",
    [
        b"GET /api/trial/download?pieces=2000 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /api/trial/whole?pieces=2000 HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET /api/trial/whole?pieces=2000 HTTP/1.1\r\n" + HOST + b"\r\nPUT /api/trial/upl",
    ],
    ids=["streamed", "large", "large, then half a request"],
)
def test_whoever_says_so_and_takes_nothing_is_cut_off(tmp_path: Path, request_: bytes) -> None:
    with run_trial(tmp_path / "home", connections={"stall_seconds": 0.5, "idle_seconds": 0.5}) as server:
        files = count_idle_files(server)
        with dial(server) as (connection, _):
            connection.sendall(request_)
            connection.shutdown()
            wait_for(files + 1, count_files, server)
            wait_for(files, count_files, server)


def test_what_follows_the_end_is_kept_nowhere(server: Server) -> None:
    with dial(server) as (connection, raw):
        connection.sendall(WAIT)
        connection.shutdown()
        memory = Memory(server)
        # On a busy machine the answer, and the end of the connection, may come before all of it is sent.
        with suppress(ConnectionError):
            for _ in range(64):
                raw.sendall(bytes(MIB))
        assert b"at last" in receive_all(connection)
    assert memory.growth() < 16
