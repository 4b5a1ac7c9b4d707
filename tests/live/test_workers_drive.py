"""One drive behind several workers: what one has stored all have, and replacing them interrupts nobody."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPException
from pathlib import Path

import pytest

from tests.support.sample_media import draw, encode
from tests.support.server import PATIENCE, Server, environment, program, running, wait_until
from tests.support.workers import (
    count_listening,
    find_number,
    list_workers,
    make_workers_home,
    wait_for_workers,
    wait_until_gone,
)

MIB = 2**20


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    home, token = make_workers_home(tmp_path / "home")
    with running(home, token) as server:
        wait_for_workers(server)
        yield server


def replace_all(server: Server) -> list[int]:
    """Have all workers replaced; the processes of before, which may still have clients."""
    former = list_workers(server.process.pid)
    expected = count_listening(server) + len(former)
    server.process.send_signal(signal.SIGHUP)
    wait_until(lambda: count_listening(server) == expected, server.log)
    return former


def test_what_one_worker_has_stored_all_have_at_once(server: Server) -> None:
    asked: set[int] = set()
    for number in range(12):
        content = os.urandom(1000)
        stored = server.ask("PUT", f"/api/files/file-{number}", content)
        assert stored.status == 201
        asked.add(find_number(server, stored))
        for _ in range(3):
            answer = server.ask("GET", f"/api/files/file-{number}")
            assert (answer.status, answer.body) == (200, content)
            asked.add(find_number(server, answer))
    assert asked == {1, 2}
    assert server.ask("DELETE", "/api/files/file-0").status == 200
    assert [server.ask("GET", "/api/files/file-0").status for _ in range(6)] == [404] * 6


def test_of_many_who_store_the_same_name_one_is_first(server: Server) -> None:
    """Whichever worker each has got."""

    def store(number: int) -> int:
        return server.ask("PUT", "/api/files/contested", b"%d" % number, {"If-None-Match": "*"}).status

    with ThreadPoolExecutor(8) as clients:
        statuses = [*clients.map(store, range(24))]
    assert sorted(statuses) == [201] + [412] * 23


def test_an_upload_that_has_begun_is_finished_by_a_worker_that_retires(server: Server) -> None:
    content = os.urandom(4 * MIB)
    with closing(server.connect()) as upload:
        head = f"PUT /api/files/large HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {server.token}\r\n"
        upload.sendall(f"{head}Content-Length: {len(content)}\r\n\r\n".encode() + content[:MIB])
        former = replace_all(server)
        upload.sendall(content[MIB:])
        with upload.makefile("rb") as answer:
            received = answer.read()
        assert received.startswith(b"HTTP/1.1 201 "), received[:200]
        assert hashlib.sha256(content).hexdigest().encode() in received
    wait_until_gone(former, server.log)
    assert server.ask("GET", "/api/files/large").body == content
    assert "retiring: 1 connections are open" in server.log()


def test_a_download_that_has_begun_is_finished_by_a_worker_that_retires(server: Server) -> None:
    content = os.urandom(24 * MIB)
    assert server.ask("PUT", "/api/files/large", content).status == 201
    with closing(server.connect()) as download:
        request = f"GET /api/files/large HTTP/1.1\r\nHost: localhost\r\nX-API-Key: {server.token}\r\n\r\n"
        download.sendall(request.encode())
        with download.makefile("rb") as answer:
            head = b"".join(iter(answer.readline, b"\r\n"))
            assert head.startswith(b"HTTP/1.1 200 ")
            first = answer.read(MIB)
            former = replace_all(server)
            assert first + answer.read(len(content) - MIB) == content
    wait_until_gone(former, server.log)


def test_nothing_acknowledged_is_lost_when_a_worker_is_killed(server: Server) -> None:
    kept: dict[str, bytes] = {}

    def store(number: int) -> None:
        content = os.urandom(2000)
        try:
            status = server.ask("PUT", f"/api/files/f{number}", content).status
        except (OSError, HTTPException):
            return
        if status == 201:
            kept[f"f{number}"] = content
        if number == 30:
            os.kill(list_workers(server.process.pid)[0], signal.SIGKILL)

    with ThreadPoolExecutor(6) as clients:
        [*clients.map(store, range(90))]
    assert len(kept) >= 60
    for name, content in kept.items():
        assert server.ask("GET", f"/api/files/{name}").body == content
    assert server.stop() == 0
    verify = [program("cloudsvc"), "verify", "--home", str(server.home)]
    checked = subprocess.run(verify, env=environment(), capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_both_workers_give_one_thumbnail(server: Server) -> None:
    assert server.ask("PUT", "/api/files/picture.png", encode(draw(640, 480), "PNG")).status == 201
    answers = [server.ask("GET", "/api/files/picture.png/thumbnail") for _ in range(8)]
    assert {answer.status for answer in answers} == {200}
    assert len({answer.body for answer in answers}) == 1
    kept = [file for file in (server.home / "data/drive/thumbnails").iterdir() if not file.name.startswith(".")]
    assert len(kept) == 1


def test_the_trash_of_one_worker_is_emptied_by_another(server: Server) -> None:
    for number in range(6):
        assert server.ask("PUT", f"/api/files/old-{number}", os.urandom(500)).status == 201
        assert server.ask("DELETE", f"/api/files/old-{number}").status == 200
    assert server.ask("DELETE", "/api/trash").status == 200
    blobs = server.home / "data/drive/blobs"

    def count() -> int:
        return sum(1 for each in blobs.rglob("*") if each.is_file())

    wait_until(lambda: count() == 0, lambda: f"{count()} blobs are left")
    assert json.loads(server.ask("GET", "/api/trash").body)["entries"] == []
