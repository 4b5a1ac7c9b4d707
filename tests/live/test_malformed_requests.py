"""
Bytes that are no acceptable request, sent to real servers with TLS and without.

After each of them there is one line in the log, no traceback, and the server goes on.
"""

from __future__ import annotations

import json
import os
import socket
import ssl
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.hostile_clients import (
    HOST,
    PLAIN,
    Watch,
    count_connections,
    count_files,
    count_idle_files,
    dial,
    exchange,
    receive_all,
    run_trial,
    wait_for,
)
from tests.support.server import PATIENCE, Server

GET = b"GET /api/trial/echo/first HTTP/1.1\r\n" + HOST
PUT = b"PUT /api/trial/public-upload HTTP/1.1\r\n" + HOST
CHUNKED = PUT + b"Transfer-Encoding: chunked\r\n\r\n"
SMUGGLED = b"GET /api/trial/echo/smuggled HTTP/1.1\r\n" + HOST + b"\r\n"

REFUSED = {
    # lines and sizes
    "request line too long": (b"GET /" + b"a" * 17_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    "request line without end": (b"GET /" + b"a" * 100_000, 414),
    "query too long": (b"GET /api/health?" + b"a" * 14_400 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    "header line too long": (GET + b"X: " + b"a" * 17_000 + b"\r\n\r\n", 431),
    "header without end": (GET + b"X: " + b"a" * 100_000, 431),
    "headers too large": (GET + b"".join(b"X-%d: %b\r\n" % (n, b"a" * 7000) for n in range(6)) + b"\r\n", 431),
    "too many headers": (GET + b"X: a\r\n" * 101 + b"\r\n", 431),
    "folded without end": (GET + b"X: a\r\n" + b" a\r\n" * 20_000, 431),
    # Host
    "missing Host": (b"GET /api/health HTTP/1.1\r\n\r\n", 400),
    "two Hosts": (GET + HOST + b"\r\n", 400),
    "two Hosts, one folded": (GET + b"Host:\r\n other\r\n\r\n", 400),
    "Host that is none": (b"GET /api/health HTTP/1.1\r\nHost: a b/\r\n\r\n", 400),
    "Host folded": (b"GET /api/health HTTP/1.1\r\nHost: a\r\n b\r\n\r\n", 400),
    # one reading of the framing is as good as the other, which is how requests are smuggled
    "two lengths": (PUT + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc" + SMUGGLED, 400),
    "two different lengths": (PUT + b"Content-Length: 3\r\nContent-Length: 70\r\n\r\nabc" + SMUGGLED, 400),
    "list of lengths": (PUT + b"Content-Length: 3, 3\r\n\r\nabc" + SMUGGLED, 400),
    "length before chunked": (
        PUT + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        400,
    ),
    "chunked before length": (
        PUT + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + SMUGGLED,
        400,
    ),
    "chunked twice": (
        PUT + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
        400,
    ),
    "chunked and identity": (PUT + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "identity": (PUT + b"Transfer-Encoding: identity\r\nContent-Length: 3\r\n\r\nabc" + SMUGGLED, 400),
    "nearly chunked": (PUT + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "chunked in quotes": (PUT + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n' + SMUGGLED, 400),
    "chunked after a vertical tab": (PUT + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "chunked with a NUL": (PUT + b"Transfer-Encoding: chunked\x00\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "chunked in HTTP/1.0": (b"PUT /x HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "space before the colon": (PUT + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "bare CR before a field": (PUT + b"X: a\rTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "bare LF before a field": (PUT + b"X: a\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED, 400),
    "bare LF everywhere": (GET.replace(b"\r\n", b"\n") + b"X: a\n\n\r\n\r\n" + SMUGGLED, 400),
    "negative length": (PUT + b"Content-Length: -1\r\n\r\n" + SMUGGLED, 400),
    "length with a sign": (PUT + b"Content-Length: +3\r\n\r\nabc" + SMUGGLED, 400),
    "length in hexadecimal": (PUT + b"Content-Length: 0x3\r\n\r\nabc" + SMUGGLED, 400),
    "length with an underscore": (PUT + b"Content-Length: 1_0\r\n\r\nabc" + SMUGGLED, 400),
    "length in other digits": (PUT + "Content-Length: ٣\r\n\r\nabc".encode() + SMUGGLED, 400),
    "empty length": (PUT + b"Content-Length: \r\n\r\nabc" + SMUGGLED, 400),
    "absurd length": (PUT + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", 400),
    # chunks
    "chunk size that is none": (CHUNKED + b"nonsense\r\n" + SMUGGLED, 400),
    "chunk size with a sign": (CHUNKED + b"+3\r\nabc\r\n0\r\n\r\n" + SMUGGLED, 400),
    "chunk size with a prefix": (CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n" + SMUGGLED, 400),
    "chunk size with an underscore": (CHUNKED + b"1_0\r\nabc\r\n0\r\n\r\n" + SMUGGLED, 400),
    "chunk size without end": (CHUNKED + b"1" * 5000, 400),
    "chunk longer than said": (CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n" + SMUGGLED, 400),
    "chunk ends in bare LF": (CHUNKED + b"3\r\nabc\n0\r\n\r\n" + SMUGGLED, 400),
    "chunk extension with LF": (CHUNKED + b"3;a=\nb\r\nabc\r\n0\r\n\r\n" + SMUGGLED, 400),
    "chunk extension without end": (CHUNKED + b"3;" + b"a" * 5000, 400),
    "trailers without end": (CHUNKED + b"0\r\n" + b"X: a\r\n" * 20_000, 400),
    "chunk larger than allowed": (CHUNKED + b"7fffffffffffffff\r\n" + b"a" * 100, 408),
    # lines that are none
    "no colon": (GET + b"nonsense\r\n\r\n", 400),
    "no name": (GET + b": a\r\n\r\n", 400),
    "NUL in a value": (GET + b"X: a\x00b\r\n\r\n", 400),
    "NUL in a name": (GET + b"X\x00: a\r\n\r\n", 400),
    "fold before the first field": (b"GET /api/health HTTP/1.1\r\n X: a\r\n" + HOST + b"\r\n", 400),
    "no version": (b"GET /api/health\r\n\r\n", 400),
    "tab in the request line": (b"GET\t/api/health HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "two spaces": (b"GET  /api/health HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "version of the past": (b"GET /api/health HTTP/0.9\r\n" + HOST + b"\r\n", 400),
    "preface of HTTP/2": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505),
    "noise": (bytes(range(128, 256)) * 4 + b"\r\n\r\n", 400),
    "zeros": (bytes(300) + b"\r\n\r\n", 400),
    "method in small letters": (b"get /api/health HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", 405),
    "HEAD in small letters": (b"head /api/health HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", 405),
    # targets
    "raw bytes in the target": (b"GET /api/trial/echo/\xff HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "bytes beyond UTF-8": (b"GET /api/trial/echo/%ff HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", 400),
    "NUL in the target": (b"GET /api/trial/echo/a%00b HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", 400),
    "target without slash": (b"GET api/health HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", 400),
    "target of a proxy": (b"CONNECT localhost:443 HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n", 400),
    "unknown expectation": (PUT + b"Expect: wonders\r\nConnection: close\r\nContent-Length: 5\r\n\r\nabcde", 417),
}
"""What is sent, and the status of the only answer to it. ``SMUGGLED`` is never read as a request."""

ACCEPTED = {
    "chunk extensions": CHUNKED + b'3;a=b;c="d"\r\nabc\r\n0;e\r\n\r\n',
    "trailers": CHUNKED + b"3\r\nabc\r\n0\r\nContent-Length: 99\r\nHost: other\r\n\r\n",
    "zeros before a chunk size": CHUNKED + b"000003\r\nabc\r\n000\r\n\r\n",
    "chunk size in capitals": CHUNKED.replace(b"chunked", b"ChUnKeD") + b"3\r\nabc\r\n0\r\n\r\n",
    "coding folded": PUT + b"Transfer-Encoding:\r\n\tchunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
    "tabs around a length": PUT + b"Content-Length:\t3\t\r\n\r\nabc",
    "zeros before a length": PUT + b"Content-Length: 0003\r\n\r\nabc",
    "empty line before": b"\r\n" + PUT + b"Content-Length: 3\r\n\r\nabc",
}
"""What is unusual, and means the same to everyone: a body of three bytes, after which the next request begins."""


@pytest.fixture(scope="module", params=[False, True], ids=["TLS", "plain"])
def plain(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, *, plain: bool) -> Iterator[Server]:
    quick = {"header_seconds": 1, "idle_seconds": 1, "per_client": 20}
    arguments = PLAIN if plain else ()
    with run_trial(tmp_path_factory.mktemp("server") / "home", *arguments, connections=quick) as server:
        yield server


@pytest.fixture
def watch(server: Server, *, plain: bool) -> Watch:
    return Watch(server, plain=plain)


def judge(answer: bytes, status: int) -> None:
    """One response, the documented error in JSON, with the security headers."""
    head, _, content = answer.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    version, code, _ = lines[0].split(b" ", 2)
    assert (version, code) in {(b"HTTP/1.1", b"%d" % status), (b"HTTP/1.0", b"400")}
    assert answer.count(version + b" ") == 1
    error = json.loads(content)
    assert set(error) == {"code", "message", "timestamp", "error", "request_id"}
    assert error["code"] == status
    names = {line.partition(b":")[0] for line in lines}
    assert {b"Strict-Transport-Security", b"X-Content-Type-Options", b"Content-Security-Policy"} <= names
    assert b"Connection: close" in lines


@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_once(server: Server, name: str, *, plain: bool) -> None:
    sent, status = REFUSED[name]
    judge(exchange(server, sent, plain=plain), status)


def test_each_is_one_line_in_the_log(server: Server, watch: Watch, *, plain: bool) -> None:
    for sent, _ in REFUSED.values():
        exchange(server, sent, plain=plain)
    lines = watch.lines()
    assert [int(line.split()[5]) for line in lines] == [status for _, status in REFUSED.values()]
    assert "smuggled" not in "".join(lines)


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_is_only_unusual_means_the_same_to_everyone(server: Server, name: str, *, plain: bool) -> None:
    answer = exchange(server, ACCEPTED[name] + GET + b"Connection: close\r\n\r\n", plain=plain)
    assert answer.count(b"HTTP/1.1 200 OK") == 2
    assert b'"received":3' in answer
    assert answer.endswith(b"first")


@pytest.mark.parametrize(
    "sent",
    [
        REFUSED["length before chunked"][0],
        REFUSED["chunk longer than said"][0],
        REFUSED["space before the colon"][0],
        REFUSED["bytes beyond UTF-8"][0],
    ],
    ids=["framing", "chunk", "field", "path"],
)
def test_where_it_is_split_makes_no_difference(server: Server, watch: Watch, sent: bytes, *, plain: bool) -> None:
    for position in range(1, len(sent) - len(SMUGGLED) if sent.endswith(SMUGGLED) else len(sent)):
        judge(exchange(server, sent[:position], sent[position:], plain=plain), 400)
    lines = watch.lines()
    assert all(" 400 " in line for line in lines)
    assert len(lines) == position


def test_every_byte_alone_makes_no_difference(server: Server, watch: Watch, *, plain: bool) -> None:
    sent = REFUSED["chunk longer than said"][0].removesuffix(SMUGGLED)
    judge(exchange(server, *(bytes([byte]) for byte in sent), plain=plain), 400)
    assert len(watch.lines()) == 1


def test_garbage_after_good_requests_ends_the_pipeline(server: Server, watch: Watch, *, plain: bool) -> None:
    answer = exchange(server, (GET + b"\r\n") * 3 + b"garbage\r\n\r\n" + SMUGGLED, plain=plain)
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    judge(answer[answer.index(b"HTTP/1.1 400 ") :], 400)
    assert [line.split()[5] for line in watch.lines()] == ["200", "200", "200", "400"]


def test_headers_that_dribble_are_answered_at_their_deadline(server: Server, watch: Watch, *, plain: bool) -> None:
    begin = time.monotonic()
    with dial(server, plain=plain) as connection:
        connection.settimeout(0.2)
        answer = b""
        for byte in GET * 100:
            connection.sendall(bytes([byte]))
            try:
                answer = connection.recv(65536)
            except TimeoutError:
                continue
            break
        connection.settimeout(PATIENCE)
        judge(answer + receive_all(connection), 408)
    assert time.monotonic() - begin > 1
    assert len(watch.lines()) == 1


@pytest.mark.parametrize("first", [b"", GET + b"\r\n"], ids=["new", "idle"])
def test_a_silent_connection_is_closed_without_a_word(
    server: Server, watch: Watch, first: bytes, *, plain: bool
) -> None:
    assert exchange(server, first, plain=plain).count(b"HTTP/1.1") == (1 if first else 0)
    assert len(watch.lines()) == (1 if first else 0)


def is_turned_away(server: Server) -> bool:
    """Whether a new connection ends at once, which its client may learn while it still connects."""
    try:
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as connection:
            return receive_all(connection) == b""
    except ConnectionResetError:
        return True


def test_one_client_opens_so_many_connections(tmp_path: Path, *, plain: bool) -> None:
    arguments = PLAIN if plain else ()
    # Time enough: none of them is to end because it is idle. Those that had never asked would give way to the new.
    patient = {"header_seconds": 600, "idle_seconds": 600, "per_client": 20}
    with run_trial(tmp_path / "home", *arguments, connections=patient) as server:
        watch = Watch(server, plain=plain)
        wait_for(0, count_connections, server)
        with ExitStack() as stack:
            for _ in range(20):
                connection = stack.enter_context(dial(server, plain=plain))
                connection.sendall(GET + b"\r\n")
                assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
            assert all(is_turned_away(server) for _ in range(20))
            wait_for(20, count_connections, server)
            assert count_connections(server) == 20
        wait_for(0, count_connections, server)
        assert len(watch.lines()) == 20


def test_half_open_connections_end_at_their_deadline(server: Server, watch: Watch, *, plain: bool) -> None:
    """Nobody on the other side answers any more, not even that the connection is over."""
    files = count_idle_files(server)
    crowd = [dial(server, plain=plain) for _ in range(10)]
    for connection in crowd:
        connection.sendall(GET + b"\r\n")
    wait_for(files, count_files, server)
    for connection in crowd:
        connection.close()
    assert len(watch.lines()) == 10


class TestHandshakes:
    """What arrives where TLS is expected, and is none, or stops half way."""

    @pytest.fixture(scope="module")
    @staticmethod
    def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
        with run_trial(tmp_path_factory.mktemp("handshakes") / "home", connections={"header_seconds": 1}) as server:
            yield server

    @pytest.mark.parametrize(
        "sent",
        [
            b"",
            b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
            b"\x16\x03\x01\xff\xff" + b"\xff" * 600,
            b"\x15\x03\x01\x00\x02\x02\x28",
            bytes(600),
        ],
        ids=["silence", "half a hello", "long record", "alert", "zeros"],
    )
    def test_it_gets_an_alert_or_a_close(self, server: Server, sent: bytes) -> None:
        watch = Watch(server)
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as connection:
            connection.sendall(sent)
            assert receive_all(connection)[:1] in {b"", b"\x15"}
        assert watch.lines() == []

    def test_aborted_ones_leave_nothing_behind(self, server: Server) -> None:
        files = count_idle_files(server)
        watch = Watch(server)
        hello = make_hello()
        for turn in range(150):
            with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as connection:
                connection.sendall(hello[: turn * len(hello) // 100])
                if turn % 3 == 0:
                    connection.recv(1 if turn > 100 else 0)
                if turn % 2:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        wait_for(files, count_files, server)
        assert watch.lines() == []

    def test_bytes_that_were_tampered_with_end_the_connection(self, server: Server) -> None:
        watch = Watch(server)
        with server.connect() as connection:
            connection.sendall(GET)
            os.write(connection.fileno(), b"\x17\x03\x03\x00\x20" + bytes(32))
            with pytest.raises(ssl.SSLError):
                connection.recv(1)
        assert watch.lines() == []


def make_hello() -> bytes:
    """The first flight of a client."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(incoming, outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()
