"""Limits that an administrator sets hold on a running server, whoever asks for more and in whatever way."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import shake_128
from pathlib import Path
from typing import Any

import pytest

from tests.support.drive_servers import MIB, Curled, curl, run_drive
from tests.support.server import PATIENCE, Reply, Server, environment, program

CAPACITY = 4 * MIB


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    settings = {
        "max_tags_per_file": 2,
        "max_tag_length": 5,
        "versions_per_file": 3,
        "versions_days": 0,
        "trash_days": 0,
    }
    with run_drive(tmp_path / "home", capacity_gb=CAPACITY / 2**30, max_file_size_mb=3, **settings) as server:
        yield server


def make(name: str, size: int = MIB) -> bytes:
    """Bytes that nothing else has."""
    return shake_128(name.encode()).digest(size)


def put(server: Server, name: str, content: bytes) -> Reply:
    return server.ask("PUT", f"/api/files/{name}", content)


def put_in_chunks(server: Server, name: str, content: bytes) -> Curled:
    (server.home / "sent").write_bytes(content)
    return curl(server, f"/api/files/{name}", "-T", server.home / "sent", "-H", "Transfer-Encoding: chunked")


def find(server: Server, path: str, key: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = server.ask("GET", f"/api/{path}").json[key]
    return found


def test_room_is_made_of_trash_then_of_versions_and_never_of_files(server: Server) -> None:
    put(server, "kept", make("superseded"))
    put(server, "kept", make("current"))
    put(server, "thrown-away", make("thrown away"))
    server.ask("DELETE", "/api/files/thrown-away")
    assert put(server, "first", make("first")).status == 201
    assert len(find(server, "trash", "entries")) == 1
    assert put(server, "second", make("second")).status == 201
    assert find(server, "trash", "entries") == []
    assert len(find(server, "versions/kept", "versions")) == 2
    assert put(server, "third", make("third")).status == 201
    assert len(find(server, "versions/kept", "versions")) == 1
    for send in (put, put_in_chunks):
        refused = send(server, "fourth", make("fourth"))
        assert (refused.status, refused.json["error"]) == (507, "no_capacity")
    assert {file["filepath"] for file in find(server, "files", "files")} == {"kept", "first", "second", "third"}
    assert server.ask("GET", "/api/files/kept").body == make("current")


def test_several_at_once_stay_within_it_together(server: Server) -> None:
    names = [f"file-{number}" for number in range(8)]
    with ThreadPoolExecutor(len(names)) as clients:
        replies = list(clients.map(lambda name: put(server, name, make(name)), names))
    assert {reply.status for reply in replies} == {201, 507}
    stored = {name for name, reply in zip(names, replies, strict=True) if reply.status == 201}
    # One that has just been stored still has its promise for a moment, in which another may be refused.
    assert 1 <= len(stored) <= CAPACITY // MIB
    assert {file["filepath"] for file in find(server, "files", "files")} == stored


@pytest.mark.parametrize("send", [put, put_in_chunks])
def test_a_file_may_be_so_large(server: Server, send: Any) -> None:
    refused = send(server, "large", make("large", 3 * MIB + 1))
    assert (refused.status, refused.json["error"]) == (413, "file_too_large")
    assert send(server, "large", make("large", 3 * MIB)).status == 201


def test_a_file_may_have_so_many_tags_of_such_a_length(server: Server) -> None:
    put(server, "file", b"content")

    def add(*tags: str) -> int:
        body = json.dumps({"add_tags": tags})
        return server.ask("PATCH", "/api/files/file", body, {"Content-Type": "application/json"}).status

    # One that is too long is passed over, as python-cloud-server does.
    assert [add("a"), add("12345"), add("b"), add("123456")] == [200, 200, 400, 200]
    assert find(server, "files", "files")[0]["tags"] == ["12345", "a"]


def test_so_many_versions_are_kept_and_for_so_long(server: Server) -> None:
    for number in range(5):
        put(server, "file", bytes([number]))
    assert len(find(server, "versions/file", "versions")) == 3
    put(server, "thrown-away", b"")
    server.ask("DELETE", "/api/files/thrown-away")
    subprocess.run([program("cloudsvc"), "gc", "--home", server.home], check=True, env=environment(), timeout=PATIENCE)
    assert len(find(server, "versions/file", "versions")) == 1
    assert find(server, "trash", "entries") == []
    assert server.ask("GET", "/api/files/file").body == bytes([4])
