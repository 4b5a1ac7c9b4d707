"""Bodies and answers of any size: refused at the head, streamed otherwise, and never kept in memory."""

from __future__ import annotations

import json
import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from http.client import HTTPResponse
from pathlib import Path

import pytest

from tests.support.hostile_clients import (
    HOST,
    PLAIN,
    Memory,
    Watch,
    count_files,
    count_idle_files,
    dial,
    exchange,
    receive_all,
    run_trial,
    wait_for,
    wait_until_read,
)
from tests.support.required_tools import require_tool
from tests.support.server import PATIENCE, Server
from tests.support.trial_application import PIECE

MIB = 1 << 20
LARGE = 256 * MIB


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_trial(tmp_path_factory.mktemp("tls") / "home") as server:
        yield server


@pytest.fixture(scope="module")
def plain_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_trial(tmp_path_factory.mktemp("plain") / "home", *PLAIN) as server:
        yield server


@pytest.fixture(scope="module")
def large_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "zeros"
    with path.open("wb") as file:
        file.truncate(LARGE)
    return path


def curl(server: Server, path: str, *arguments: object) -> tuple[int, int, bytes]:
    """Exit status, HTTP status and content; the certificate is verified."""
    command = [require_tool("curl", "curl"), "-sS", "--max-time", "300", "--cacert", server.certificate]
    command += ["-w", "\n%{http_code}", *arguments, server.url + path]
    done = subprocess.run([str(each) for each in command], check=False, capture_output=True, timeout=400)
    content, _, status = done.stdout.rpartition(b"\n")
    return done.returncode, int(status), content


@contextmanager
def count_handled(server: Server, counted: list[int]) -> Iterator[None]:
    """
    Put into ``counted`` the bytes of each read of a socket that the server decrypts and handles.

    What comes after the answer it drops as it comes, in larger reads.
    """
    report = server.home / "strace"
    command = [require_tool("strace", "strace"), "-f", "-e", "trace=recvfrom", "-o", report]
    command += ["-p", server.process.pid]
    tracer = subprocess.Popen([str(each) for each in command], stderr=subprocess.PIPE, text=True)
    assert tracer.stderr is not None
    attached = tracer.stderr.readline()
    if "attached" not in attached:
        tracer.wait(PATIENCE)
        tracer.stderr.close()
        pytest.skip(f"strace may not look at other processes here: {attached.strip()}")
    try:
        yield
        time.sleep(0.3)  # for what the server might still read after its answer
    finally:
        tracer.terminate()
        tracer.wait(PATIENCE)
        tracer.stderr.close()
    reads = re.findall(r"recvfrom\(.*, (\d+), 0, NULL, NULL\) = (\d+)$", report.read_text(), re.MULTILINE)
    counted += [int(size) for most, size in reads if int(most) <= 64 * 1024]


class TestRefused:
    FRAMINGS = pytest.mark.parametrize(
        "framing", ["X-Nothing: 1", "Transfer-Encoding: chunked"], ids=["fixed", "chunked"]
    )

    @FRAMINGS
    @pytest.mark.parametrize(
        ("expect", "most"),
        [("Expect: 100-continue", 2048), ("Expect:", 64 * 1024 + 1024)],
        ids=["with Expect", "without"],
    )
    def test_curl_gets_its_answer_and_little_is_handled(
        self, server: Server, large_file: Path, framing: str, expect: str, most: int
    ) -> None:
        """``most`` has room for the handshake, the head and what TLS adds to each record."""
        received: list[int] = []
        with count_handled(server, received):
            done = curl(server, "/api/trial/upload", "-T", large_file, "-H", framing, "-H", expect)
        assert done[:2] == (0, 401)
        assert json.loads(done[2])["error"] == "missing_api_key"
        assert 0 < sum(received) <= most

    @pytest.mark.parametrize("size", [1_000, 60_000, 1_000_000])
    def test_a_client_that_sends_everything_first_gets_its_answer(self, server: Server, size: int) -> None:
        reply = server.ask("PUT", "/api/trial/upload", b"x" * size, key=False)
        assert (reply.status, reply.json["error"]) == (401, "missing_api_key")

    def test_a_body_that_looks_like_a_request_is_none(self, server: Server) -> None:
        """Neither when the connection is kept after an answer that came early, nor when it is closed."""
        inner = b"GET /api/trial/echo/smuggled HTTP/1.1\r\n" + HOST + b"\r\n"
        head = b"PUT /api/trial/upload HTTP/1.1\r\n" + HOST
        last = b"GET /api/trial/echo/honest HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
        kept = exchange(server, head + b"Content-Length: %d\r\n\r\n" % len(inner) + inner + last, plain=False)
        assert (kept.count(b"HTTP/1.1 "), kept.count(b"HTTP/1.1 401 ")) == (2, 1)
        assert kept.endswith(b"honest")
        closed = exchange(server, head + b"Content-Length: 9999999\r\n\r\n" + inner + last, plain=False)
        assert (closed.count(b"HTTP/1.1 "), closed.count(b"HTTP/1.1 401 ")) == (1, 1)


class TestAccepted:
    @pytest.mark.parametrize("route", ["upload", "late-upload"])
    @pytest.mark.parametrize("framing", ["X-Nothing: 1", "Transfer-Encoding: chunked"], ids=["fixed", "chunked"])
    def test_a_large_upload_arrives_whole_in_flat_memory(
        self, server: Server, large_file: Path, route: str, framing: str
    ) -> None:
        memory = Memory(server)
        status = curl(
            server, f"/api/trial/{route}", "-T", large_file, "-H", f"X-API-Key: {server.token}", "-H", framing
        )
        assert status[:2] == (0, 200)
        answer = json.loads(status[2])
        assert (answer["received"], answer["sha256"]) == (LARGE, sha256(bytes(LARGE)).hexdigest())
        assert memory.growth() < 16

    def test_a_download_waits_for_its_reader_in_flat_memory(self, server: Server) -> None:
        pieces = LARGE // len(PIECE)
        memory = Memory(server)
        with server.connect() as connection:
            connection.sendall(b"GET /api/trial/download?pieces=%d HTTP/1.1\r\n" % pieces + HOST + b"\r\n")
            time.sleep(0.5)  # the server could have read everything ahead by now
            response = HTTPResponse(connection)
            response.begin()
            seen = sha256()
            while data := response.read(MIB):
                seen.update(data)
        assert seen.hexdigest() == sha256(PIECE * pieces).hexdigest()
        assert memory.growth() < 16

    def test_an_answer_is_not_cut_off_for_being_the_last(self, server: Server) -> None:
        """The client says that it will ask nothing more, and takes longer than the server waits for a silent one."""
        with socket.create_connection(("127.0.0.1", server.port), PATIENCE) as raw:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65536)
            with server.tls().wrap_socket(raw, server_hostname="localhost") as connection:
                connection.sendall(b"GET /api/trial/whole?pieces=16 HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n")
                time.sleep(8)
                assert receive_all(connection).endswith(PIECE * 16)

    @pytest.mark.parametrize("route", ["download", "whole"])
    def test_a_body_that_nobody_wants_stays_with_its_sender(self, server: Server, route: str) -> None:
        """A download that comes with a body: taking the one must not make the server read the other."""
        memory, pieces = Memory(server), 1000 if route == "download" else 100
        with server.connect() as connection:
            connection.sendall(
                b"GET /api/trial/%b?pieces=%d HTTP/1.1\r\n" % (route.encode(), pieces)
                + HOST
                + b"Content-Length: 100000000000\r\n\r\n"
            )
            connection.setblocking(False)  # noqa: FBT003  # as the library has it
            taken = sent = 0
            end = time.monotonic() + PATIENCE
            # Beyond its answer it is dropped as it comes.
            while time.monotonic() < end and taken < pieces * len(PIECE) // 2:
                for turn in (lambda: len(connection.recv(65536)), lambda: -connection.send(bytes(65536))):
                    try:
                        moved = turn()
                    except OSError:
                        continue
                    taken, sent = taken + max(moved, 0), sent - min(moved, 0)
        assert taken > MIB
        assert sent < 16 * MIB
        assert memory.growth() < 24

    def test_requests_whose_answers_are_not_taken_wait_outside(self, server: Server) -> None:
        memory = Memory(server)
        with server.connect() as connection:
            connection.settimeout(1)
            with pytest.raises(TimeoutError):
                connection.sendall((b"GET /api/openapi.json HTTP/1.1\r\n" + HOST + b"\r\n") * 400_000)
        assert memory.growth() < 16


class TestDisconnects:
    @pytest.mark.parametrize(
        "request_",
        [
            b"PUT /api/trial/public-upload HTTP/1.1\r\n" + HOST + b"Content-Length: 100000\r\n\r\n" + b"x" * 5000,
            b"PUT /api/trial/public-upload HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n1000\r\nx",
            b"PUT /api/trial/late-upload HTTP/1.1\r\n" + HOST + b"Content-Length: 1000000\r\n\r\n" + b"x" * 200_000,
            b"GET /api/trial/download?pieces=10000 HTTP/1.1\r\n" + HOST + b"\r\n",
            b"GET /api/trial/wait?seconds=1.5 HTTP/1.1\r\n" + HOST + b"\r\n",
        ],
        ids=["fixed", "chunked", "not yet read", "download", "waiting"],
    )
    @pytest.mark.parametrize("abruptly", [False, True], ids=["closed", "reset"])
    def test_whoever_leaves_is_one_line_and_leaves_nothing(
        self, server: Server, request_: bytes, *, abruptly: bool
    ) -> None:
        files = count_idle_files(server)
        watch = Watch(server)
        connection = server.connect()
        connection.sendall(request_)
        wait_until_read(server, connection, len(request_))
        if abruptly:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()
        wait_for(files, count_files, server)
        # Requests in a row that a client of another test has left behind may still get their lines.
        lines = [line for line in watch.lines() if "/api/openapi.json" not in line]
        assert len(lines) == 1, lines
        assert " 499 " in lines[0]


class TestHalfClosed:
    """``printf … | nc``: the client says all it has to say, ends its side, and listens."""

    @pytest.mark.parametrize(
        ("request_", "expected"),
        [
            (b"GET /api/trial/echo/word HTTP/1.1\r\n" + HOST + b"\r\n", b"word"),
            (b"GET /api/trial/wait?seconds=0.3 HTTP/1.1\r\n" + HOST + b"\r\n", b"at last"),
            (b"GET /api/trial/whole?pieces=50 HTTP/1.1\r\n" + HOST + b"\r\n", PIECE * 50),
            (b"PUT /api/trial/public-upload HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\n\r\nabc", b'"received":3'),
            ((b"GET /api/trial/wait?seconds=0.1 HTTP/1.1\r\n" + HOST + b"\r\n") * 3, b"at last"),
        ],
        ids=["at once", "later", "large", "body", "pipeline"],
    )
    def test_a_whole_request_gets_its_answer(self, plain_server: Server, request_: bytes, expected: bytes) -> None:
        with dial(plain_server, plain=True) as connection:
            connection.sendall(request_)
            connection.shutdown(socket.SHUT_WR)
            answer = receive_all(connection)
        assert answer.count(b"HTTP/1.1 200 OK") == request_.count(b"HTTP/1.1")
        assert expected in answer

    @pytest.mark.parametrize("plain", [True, False], ids=["plain", "TLS"])
    @pytest.mark.parametrize("part", [b"", b"GET /api/he", b"GET /api/health HTTP/1.1\r\nHost", b"\x00"])
    def test_half_a_request_ends_quietly(
        self, server: Server, plain_server: Server, part: bytes, *, plain: bool
    ) -> None:
        target = plain_server if plain else server
        files = count_idle_files(target)
        watch = Watch(target, plain=plain)
        with dial(target, plain=plain) as connection:
            connection.sendall(part)
            time.sleep(0.02)
            socket.socket.shutdown(connection, socket.SHUT_WR)
            time.sleep(0.1)
        assert watch.lines() == []
        wait_for(files, count_files, target)
