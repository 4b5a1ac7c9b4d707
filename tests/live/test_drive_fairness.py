"""One client that asks for much leaves the others their share, and what it does not wait for is not done."""

from __future__ import annotations

import json
import os
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from bench.stores import make_store
from tests.support.drive_servers import DRIVE
from tests.support.hostile_clients import ROOT
from tests.support.server import PATIENCE, Server, make_home, running, wait_until
from tests.support.trial_application import NAME as TRIAL

FILES: Final = 20_000
SEARCH: Final = "/api/files?sort=path&q=zzzz"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One with a drive of many files."""
    home, token = make_home(
        tmp_path_factory.mktemp("crowd"),
        applications=[TRIAL, DRIVE],
        rate_limit={"enabled": False},
        logging={"console": False},
    )
    (home / "data").mkdir(exist_ok=True)
    make_store(home / "data" / "drive", FILES)
    with running(home, token, environ={"PYTHONPATH": str(ROOT)}) as server:
        yield server


def read_processor_seconds(server: Server) -> float:
    fields = Path(f"/proc/{server.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def find_all(server: Server, target: str) -> int:
    """Follow the cursors of a list to its end; how many pages it had."""
    pages, cursor = 0, None
    while pages == 0 or cursor is not None:
        page = server.ask("GET", f"{target}&cursor={cursor}" if cursor else target)
        assert page.status == 200
        pages += 1
        cursor = page.json["cursor"]
    return pages


def begin(
    server: Server, target: str, source: str = "127.0.0.1", *, method: str = "GET", body: bytes = b""
) -> ssl.SSLSocket:
    """Ask, and do not wait for the answer."""
    raw = socket.create_connection(("127.0.0.1", server.port), PATIENCE, (source, 0))
    connection = server.tls().wrap_socket(raw, server_hostname="localhost")
    fields = f"Host: localhost\r\nX-API-Key: {server.token}\r\n"
    if body:
        fields += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
    connection.sendall(f"{method} {target} HTTP/1.1\r\n{fields}\r\n".encode() + body)
    return connection


def has_answer(connection: ssl.SSLSocket) -> bool:
    """Whether the first byte of an answer is there; it is taken."""
    connection.settimeout(0)
    try:
        return connection.recv(1) == b"H"
    except ssl.SSLWantReadError:
        return False
    finally:
        connection.settimeout(PATIENCE)


def test_one_client_with_many_searches_leaves_the_others_their_share(server: Server) -> None:
    server.ask("PUT", "/api/files/small", b"1")
    crowd = [begin(server, SEARCH, "127.0.0.2") for _ in range(30)]
    try:
        assert server.ask("GET", "/api/files/small").body == b"1"
        assert server.ask("GET", "/api/folders/few?limit=10").status == 200
        assert server.ask("GET", "/api/health").status == 200
        assert server.ask("GET", f"{SEARCH}&limit=1").status == 200
        assert not all(map(has_answer, crowd))
        for connection in crowd:
            assert b" 200 OK" in connection.recv(4096)
    finally:
        for connection in crowd:
            connection.close()


def test_searches_of_clients_who_left_are_not_done(server: Server) -> None:
    server.ask("PUT", "/api/files/small", b"1")
    before = read_processor_seconds(server)
    find_all(server, SEARCH)
    one = read_processor_seconds(server) - before

    before = read_processor_seconds(server)
    crowd = [begin(server, SEARCH) for _ in range(60)]
    for connection in crowd:
        connection.close()
    assert server.ask("GET", "/api/files/small").body == b"1"
    assert server.ask("GET", "/api/health").status == 200
    wait_until(lambda: server.log().count(" 499 ") >= 40, lambda: server.log()[-3000:])
    find_all(server, SEARCH)
    # Sixty would cost what sixty of them cost, one after the other; the handshakes of sixty cost something too.
    assert read_processor_seconds(server) - before < 20 * one + 1


def copy(source: str, destination: str) -> bytes:
    return json.dumps({"source": source, "destination": destination}).encode()


def test_whoever_writes_little_waits_for_one_of_many_large_copies_at_most(server: Server) -> None:
    json_type = {"Content-Type": "application/json"}
    steps = [{"copy": {"source": "few", "destination": f"large/{number}"}} for number in range(50)]
    made = server.ask("POST", "/api/batch", json.dumps({"operations": steps}).encode(), json_type)
    assert made.status == 200
    crowd = [begin(server, "/api/copies", method="POST", body=copy("large", f"copy/{number}")) for number in range(24)]
    try:
        assert server.ask("PUT", "/api/files/little", b"1").status in {201, 204}
        assert not all(map(has_answer, crowd))
        for connection in crowd:
            assert b" 201 Created" in connection.recv(4096)
    finally:
        for connection in crowd:
            connection.close()
    assert server.ask("GET", "/api/folders/copy?limit=100").json["cursor"] is None
    log = server.home / "data" / "drive" / "catalogue.sqlite3-wal"
    assert log.stat().st_size < 64 * 2**20
