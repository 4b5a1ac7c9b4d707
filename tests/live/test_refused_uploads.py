"""Whoever writes all of a request before reading anything gets the refusal all the same (RFC 9112 section 9.6)."""

from __future__ import annotations

import json
import socket
import ssl
import subprocess
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import HTTPSHandler, Request, build_opener

import pytest

from tests.support.hostile_clients import HOST, PLAIN, count_connections, dial, receive_all, run_trial, wait_for
from tests.support.required_tools import require_tool
from tests.support.server import PATIENCE, Server

MIB = 1 << 20


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    limits = {"capacity_gb": 0.06, "max_file_size_mb": 50}
    sections = {"applications": ["drive", "tests.support.trial_application:Trial"], "storage_config": limits}
    with run_trial(tmp_path_factory.mktemp("tls") / "home", **sections) as server:
        assert server.ask("PUT", "/api/files/taken", b"here").status == 201
        yield server


def ask_urllib(server: Server, path: str, headers: dict[str, str], body: Path) -> tuple[int, bytes]:
    opener = build_opener(HTTPSHandler(context=server.tls()))
    request = Request(server.url + path, method="PUT", headers=headers, data=body.read_bytes())
    try:
        with opener.open(request, timeout=PATIENCE) as answer:
            return answer.status, answer.read()
    except HTTPError as refused:
        with refused:
            return refused.code, refused.read()


def ask_curl(server: Server, path: str, headers: dict[str, str], body: Path) -> tuple[int, bytes]:
    command = [require_tool("curl", "curl"), "-sS", "--path-as-is", "--cacert", server.certificate, "-T", body]
    command += [word for name, value in headers.items() for word in ("-H", f"{name}: {value}")]
    command += ["-H", "Expect:", "-w", "\n%{http_code}", server.url + path]
    done = subprocess.run([str(each) for each in command], check=False, capture_output=True, timeout=PATIENCE * 3)
    assert done.returncode == 0, done.stderr
    content, _, status = done.stdout.rpartition(b"\n")
    return int(status), content


def ask_wget(server: Server, path: str, headers: dict[str, str], body: Path) -> tuple[int, bytes]:
    command = [require_tool("wget", "wget"), "-nv", "-O-", "--tries=1", "--server-response", "--content-on-error"]
    command += ["--method=PUT", f"--body-file={body}", f"--ca-certificate={server.certificate}"]
    command += [*(f"--header={name}: {value}" for name, value in headers.items()), server.url + path]
    done = subprocess.run(command, check=False, capture_output=True, timeout=PATIENCE * 3)
    words = done.stderr.split()
    assert b"HTTP/1.1" in words, done.stderr
    status = int(words[words.index(b"HTTP/1.1") + 1])
    # Of a 401 it shows nothing, whatever it is asked.
    return status, done.stdout or json.dumps({"code": status, "error": "missing_api_key"}).encode()


def ask_raw(server: Server, path: str, headers: dict[str, str], body: Path) -> tuple[int, bytes]:
    content = body.read_bytes()
    head = f"PUT {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(content)}\r\n"
    head += "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with server.connect() as connection:
        connection.sendall(head.encode() + b"\r\n" + content)
        answer = receive_all(connection)
    return int(answer.split(b" ", 2)[1]), answer.partition(b"\r\n\r\n")[2]


CLIENTS = [ask_urllib, ask_curl, ask_wget, ask_raw]


@pytest.mark.parametrize("size", [4, 20, 100])
@pytest.mark.parametrize("ask", CLIENTS)
def test_the_status_arrives_whatever_the_size(
    server: Server, tmp_path: Path, ask: Callable[..., tuple[int, bytes]], size: int
) -> None:
    body = tmp_path / "body"
    with body.open("wb") as file:
        file.truncate(size * 1_000_000)
    status, content = ask(server, "/api/files/new", {}, body)
    assert (status, json.loads(content)["error"]) == (401, "missing_api_key")


@pytest.mark.parametrize("ask", CLIENTS)
@pytest.mark.parametrize(
    ("path", "headers", "size", "status"),
    [
        ("/api/files/taken", {"If-None-Match": "*"}, 20, 412),
        ("/api/files/new", {"Content-Encoding": "gzip"}, 20, 415),
        ("/api/files/a//b", {}, 20, 400),
        ("/api/files/new", {}, 60, 413),
        ("/api/files/new", {"X-API-Key": "wrong"}, 20, 401),
        ("/api/nowhere", {}, 20, 404),
        ("/api/trial/things", {}, 20, 405),
    ],
)
def test_every_status_arrives(
    server: Server,
    tmp_path: Path,
    ask: Callable[..., tuple[int, bytes]],
    path: str,
    *,
    headers: dict[str, str],
    size: int,
    status: int,
) -> None:
    body = tmp_path / "body"
    with body.open("wb") as file:
        file.truncate(size * 1_000_000)
    found, content = ask(server, path, {"X-API-Key": server.token, **headers}, body)
    assert (found, json.loads(content)["code"]) == (status, status)


def test_a_drive_that_is_full_says_so(server: Server) -> None:
    for number in range(2):
        first = server.ask("PUT", f"/api/files/full-{number}", bytes(40 * MIB))
    assert first.status == 507


@pytest.mark.parametrize("endpoint", ["tcp", "unix", "haproxy", "ssl"])
def test_it_arrives_on_every_transport(tmp_path: Path, endpoint: str) -> None:
    home = tmp_path / "home"
    description = {
        "tcp": PLAIN[1],
        "unix": f"unix:{tmp_path / 'socket'}",
        "haproxy": "haproxy:" + PLAIN[1],
        "ssl": f"ssl:0:interface=127.0.0.1:privateKey={home / 'certs/key.pem'}:certKey={home / 'certs/cert.pem'}",
    }[endpoint]
    with run_trial(home, "--endpoint", description) as server:
        if endpoint == "unix":
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(str(tmp_path / "socket"))
        else:
            connection = dial(server, plain=endpoint != "ssl")
        with connection:
            connection.settimeout(PATIENCE)
            if endpoint == "haproxy":
                connection.sendall(b"PROXY TCP4 192.0.2.1 192.0.2.2 1 2\r\n")
            connection.sendall(b"PUT /api/trial/upload HTTP/1.1\r\n" + HOST + b"Content-Length: 20000000\r\n\r\n")
            for _ in range(20):
                connection.sendall(bytes(1_000_000))
            assert receive_all(connection).startswith(b"HTTP/1.1 401 ")


def test_a_chunked_body_and_a_pipeline_behind_the_last_request_are_dropped_too(server: Server) -> None:
    for head in (b"PUT /api/trial/upload HTTP/1.1\r\nTransfer-Encoding: chunked\r\n", b"nonsense\r\n"):
        with server.connect() as connection:
            connection.sendall(head + HOST + b"\r\n")
            for _ in range(20):
                connection.sendall(b"f4240\r\n" + bytes(1_000_000) + b"\r\n")
            assert receive_all(connection).startswith(b"HTTP/1.1 40")
    with server.connect() as connection:
        connection.sendall(b"GET /api/trial/echo/a HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n")
        for _ in range(20):
            connection.sendall(bytes(1_000_000))
        assert receive_all(connection).endswith(b"\r\n\r\na")


def test_whoever_goes_on_for_ever_does_not_hold_up_the_end(tmp_path: Path) -> None:
    with run_trial(tmp_path / "home", server={"drain_seconds": 1}) as server, server.connect() as connection:
        connection.sendall(b"PUT /api/trial/upload HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999\r\n\r\n")
        server.process.send_signal(15)
        with suppress(OSError):
            while server.process.poll() is None:
                connection.sendall(bytes(65536))
        assert server.process.wait(PATIENCE) == 0


def test_whoever_says_nothing_more_is_let_go(server: Server) -> None:
    wait_for(0, count_connections, server)
    with server.connect() as connection:
        connection.sendall(b"PUT /api/trial/upload HTTP/1.1\r\n" + HOST + b"Content-Length: 99999999999\r\n\r\n")
        wait_for(1, count_connections, server)
        wait_for(0, count_connections, server)
        connection.setblocking(False)  # noqa: FBT003  # as the library has it
        with suppress(ssl.SSLWantReadError):
            assert connection.recv(100).startswith(b"HTTP/1.1 401 ")
