"""Uploads to a running server: whole or not at all, within their limits, and in flat memory."""

from __future__ import annotations

import json
import socket
from base64 import b64encode
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.drive_servers import MIB, curl, list_blobs, run_drive
from tests.support.hostile_clients import HOST, Memory, count_idle_files, exchange
from tests.support.server import Server, wait_until

LARGE = 192 * MIB


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_drive(tmp_path_factory.mktemp("drive") / "home", max_file_size_mb=256) as server:
        yield server


@pytest.fixture(scope="module")
def small_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One with little room."""
    settings = {"max_file_size_mb": 2, "capacity_gb": 3 / 1024}
    with run_drive(tmp_path_factory.mktemp("small") / "home", **settings) as server:
        yield server


@pytest.fixture(scope="module")
def large_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "bytes"
    path.write_bytes(bytes(range(256)) * (LARGE // 256))
    return path


@pytest.fixture(scope="module")
def three_mib(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("three") / "bytes"
    path.write_bytes(bytes(3 * MIB))
    return path


def format_head(server: Server, method: str, path: str, *fields: str) -> bytes:
    lines = (f"{method} /api/files/{path} HTTP/1.1", f"X-API-Key: {server.token}", "Connection: close", *fields)
    return "\r\n".join(lines).encode() + b"\r\n" + HOST + b"\r\n"


class TestAccepted:
    @pytest.mark.parametrize("framing", ["X-Nothing: 1", "Transfer-Encoding: chunked"], ids=["fixed", "chunked"])
    def test_put_in_flat_memory(self, server: Server, large_file: Path, framing: str) -> None:
        memory = Memory(server)
        put = curl(server, "/api/files/large", "-T", large_file, "-H", framing)
        assert put.exit_status == 0
        assert put.status in {201, 204}
        digest = sha256(large_file.read_bytes()).digest()
        assert put.headers["repr-digest"] == f"sha-256=:{b64encode(digest).decode()}:"
        assert memory.growth() < 16

    def test_a_form_in_flat_memory(self, server: Server, large_file: Path) -> None:
        memory = Memory(server)
        posted = curl(server, "/api/files/posted", "-F", f"file=@{large_file}")
        assert (posted.status, posted.json["size"]) == (200, LARGE)
        assert posted.json["sha256"] == sha256(large_file.read_bytes()).hexdigest()
        assert memory.growth() < 16


class TestCutOff:
    """At any byte, however it happens: the old version stays, and nothing else."""

    CONTENT = b"new content"

    @pytest.mark.parametrize("abruptly", [False, True], ids=["closed", "reset"])
    @pytest.mark.parametrize("framing", ["fixed", "chunked", "form"])
    def test_the_old_version_stays(self, server: Server, framing: str, *, abruptly: bool) -> None:
        path = f"cut-{framing}-{abruptly}"
        # What a form would make must not be there; what a PUT would replace must be.
        target = f"{path}/new" if framing == "form" else path
        before = curl(server, f"/api/files/{path}{'/old' if framing == 'form' else ''}", "-X", "PUT", "-d", "old")
        assert before.status == 201
        count_idle_files(server)
        blobs = {*list_blobs(server)}
        head, body = self.spell(server, framing, target)
        for end in range(len(body)):
            with server.connect() as connection:
                connection.sendall(head + body[:end])
                if abruptly:
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        count_idle_files(server)
        wait_until(lambda: {*list_blobs(server)} <= blobs, lambda: "something is left")
        now = curl(server, f"/api/files/{target}")
        assert now.status == (404 if framing == "form" else 200)
        if framing != "form":
            assert now.body == b"old"
        whole = exchange(server, head + body, plain=False)
        assert whole.startswith((b"HTTP/1.1 204", b"HTTP/1.1 200"))
        assert curl(server, f"/api/files/{target}").body == self.CONTENT

    def spell(self, server: Server, framing: str, path: str) -> tuple[bytes, bytes]:
        if framing == "fixed":
            return format_head(server, "PUT", path, f"Content-Length: {len(self.CONTENT)}"), self.CONTENT
        if framing == "chunked":
            body = b"%x\r\n%b\r\n%x\r\n%b\r\n0\r\n\r\n" % (4, self.CONTENT[:4], 7, self.CONTENT[4:])
            return format_head(server, "PUT", path, "Transfer-Encoding: chunked"), body
        body = b'--b\r\nContent-Disposition: form-data; name="file"\r\n\r\n' + self.CONTENT + b"\r\n--b--\r\n"
        kind = "Content-Type: multipart/form-data; boundary=b"
        return format_head(server, "POST", path, kind, f"Content-Length: {len(body)}"), body


class TestRefused:
    @pytest.mark.parametrize(
        ("fields", "status", "error"),
        [
            (["Content-Length: 2097153"], 413, "file_too_large"),
            (["Content-Length: 5", "Content-Range: bytes 0-4/5"], 400, "partial_upload"),
            (["Content-Length: 5", "Content-Encoding: gzip"], 415, "content_coding"),
            (["Content-Length: 5", "If-Match: *"], 412, "precondition_failed"),
        ],
    )
    def test_at_the_head(self, small_server: Server, fields: list[str], status: int, error: str) -> None:
        """The client waits for ``100 Continue``, and gets the refusal instead."""
        head = format_head(small_server, "PUT", "refused", "Expect: 100-continue", *fields)
        answer = exchange(small_server, head, plain=False)
        assert answer.startswith(b"HTTP/1.1 %d " % status)
        assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"] == error
        assert list_blobs(small_server) == []

    def test_at_the_head_for_want_of_room(self, small_server: Server, three_mib: Path) -> None:
        with three_mib.open("rb") as file:
            (three_mib.parent / "most").write_bytes(file.read(2 * MIB))
        stored = curl(small_server, "/api/files/most", "-T", three_mib.parent / "most")
        assert stored.status == 201
        head = format_head(small_server, "PUT", "more", "Expect: 100-continue", f"Content-Length: {MIB + 1}")
        answer = exchange(small_server, head, plain=False)
        assert answer.startswith(b"HTTP/1.1 507 ")
        assert curl(small_server, "/api/files/more").status == 404
        assert curl(small_server, "/api/files/most", "-X", "DELETE").status == 200
        # What is in the trash makes room for other bytes; the same would need none.
        (three_mib.parent / "most").write_bytes(b"\1" * 2 * MIB)
        assert curl(small_server, "/api/files/more", "-T", three_mib.parent / "most").status == 201
        assert curl(small_server, "/api/files/more", "-X", "DELETE").status == 200
        assert curl(small_server, "/api/trash", "-X", "DELETE").json["purged"] == 1

    @pytest.mark.parametrize(
        "arguments", [["-T", "{}", "-H", "Transfer-Encoding: chunked"], ["-F", "file=@{}"]], ids=["chunked", "form"]
    )
    def test_on_the_way(self, small_server: Server, three_mib: Path, arguments: list[str]) -> None:
        blobs = {*list_blobs(small_server)}
        refused = curl(small_server, "/api/files/long", *(each.format(three_mib) for each in arguments))
        assert refused.status == 413
        assert curl(small_server, "/api/files/long").status == 404
        wait_until(lambda: {*list_blobs(small_server)} <= blobs, lambda: "something is left")
