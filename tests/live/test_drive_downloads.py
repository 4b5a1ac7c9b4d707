"""Downloads from a running server: in parts, no faster than they are taken, and never wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from hashlib import sha256
from http.client import HTTPResponse
from pathlib import Path
from random import Random

import pytest

from tests.support.browser import browsing
from tests.support.drive_servers import MIB, curl, list_blobs, run_drive
from tests.support.hostile_clients import HOST, Memory, count_files, count_idle_files, receive_all, wait_for
from tests.support.sample_media import make_film, make_sound
from tests.support.server import Server

LARGE = 128 * MIB


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_drive(tmp_path_factory.mktemp("drive") / "home", max_file_size_mb=256) as server:
        yield server


PLAYED: dict[str, Callable[[], bytes]] = {
    "film.webm": lambda: make_film("webm", "libvpx"),
    "film.mkv": lambda: make_film("matroska", "libvpx"),
    "sound.ogg": make_sound,
}


def test_films_and_sound_play_when_they_are_opened(server: Server, tmp_path: Path) -> None:
    """The browser makes a page around them, whose policy is that of the file."""
    player = "document.querySelector('video, audio')"
    with browsing(tmp_path, server.certificate) as page:
        page.call("Network.setExtraHTTPHeaders", headers={"X-API-Key": server.token})
        for name, make in PLAYED.items():
            assert server.ask("PUT", f"/api/files/{name}", make()).status == 201
            page.open(f"{server.url}/api/files/{name}")
            page.wait_for(f"{player} !== null && ({player}.readyState >= 2 || {player}.error !== null)")
            assert page.evaluate(f"{player}.error") is None, name


@pytest.fixture(scope="module")
def content() -> bytes:
    return Random(1).randbytes(LARGE)  # noqa: S311  # any bytes will do


@pytest.fixture(scope="module")
def large(server: Server, content: bytes, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The path of a large file."""
    file = tmp_path_factory.mktemp("large") / "bytes"
    file.write_bytes(content)
    assert curl(server, "/api/files/large", "-T", file).status == 201
    return "/api/files/large"


def ask_for(server: Server, path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nX-API-Key: {server.token}\r\n".encode() + HOST + b"\r\n"


def test_a_download_goes_on_where_it_was_cut_off(server: Server, large: str, content: bytes, tmp_path: Path) -> None:
    part = tmp_path / "part"
    part.write_bytes(content[: 100 * MIB + 7])
    assert curl(server, large, "-C", "-", "-o", part).status == 206
    assert part.read_bytes() == content


def test_several_parts_in_one_answer(server: Server, large: str, content: bytes) -> None:
    got = curl(server, large, "-r", f"0-9,{LARGE - 700_000}-")
    assert got.status == 206
    assert int(got.headers["content-length"]) == len(got.body)
    assert content[:10] in got.body
    assert content[-700_000:] in got.body


def test_a_slow_reader_gets_everything_in_flat_memory(server: Server, large: str, content: bytes) -> None:
    memory = Memory(server)
    with server.connect() as connection:
        connection.sendall(ask_for(server, large))
        time.sleep(0.5)  # the server could have read everything ahead by now
        response = HTTPResponse(connection)
        response.begin()
        seen = sha256()
        while data := response.read(MIB):
            seen.update(data)
    assert seen.digest() == sha256(content).digest()
    assert memory.growth() < 16


def test_a_reader_that_leaves_leaves_nothing_open(server: Server, large: str) -> None:
    files = count_idle_files(server)
    for _ in range(3):
        with server.connect() as connection:
            connection.sendall(ask_for(server, large))
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 ")
    wait_for(files, count_files, server)


def test_head_says_what_get_would_and_reads_nothing(server: Server, large: str) -> None:
    files = count_idle_files(server)
    head = curl(server, large, "-I")
    assert (head.status, head.headers["content-length"]) == (200, str(LARGE))
    wait_for(files, count_files, server)


def test_a_file_may_be_replaced_and_purged_while_it_is_read(server: Server, content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "bytes"
    file.write_bytes(content[: 64 * MIB])
    assert curl(server, "/api/files/fleeting", "-T", file).status == 201
    with server.connect() as connection:
        connection.sendall(ask_for(server, "/api/files/fleeting"))
        response = HTTPResponse(connection)
        response.begin()
        assert curl(server, "/api/files/fleeting", "-X", "DELETE").status == 200
        assert curl(server, "/api/trash", "-X", "DELETE").json["purged"] == 1
        assert response.read() == content[: 64 * MIB]


class TestDamage:
    def damage(self, server: Server, path: str, size: int, left: int) -> None:
        before = {*list_blobs(server)}
        assert curl(server, path, "-X", "PUT", "--data-binary", "x" * size).status == 201
        [blob] = {*list_blobs(server)} - before
        with blob.open("r+b") as file:
            file.truncate(left)

    @pytest.mark.parametrize("size", [1000, 100_000])
    def test_a_blob_that_has_become_short_is_never_sent(self, server: Server, size: int) -> None:
        path = f"/api/files/short-{size}"
        self.damage(server, path, size, size - 1)
        answer = curl(server, path)
        assert (answer.status, answer.json["error"]) == (503, "storage_failed")

    def test_a_blob_that_becomes_short_breaks_the_connection(
        self, server: Server, content: bytes, tmp_path: Path
    ) -> None:
        before = {*list_blobs(server)}
        file = tmp_path / "bytes"
        file.write_bytes(b"another" + content[: 64 * MIB])
        assert curl(server, "/api/files/breaking", "-T", file).status == 201
        [blob] = {*list_blobs(server)} - before
        with server.connect() as connection:
            connection.sendall(ask_for(server, "/api/files/breaking"))
            first = connection.recv(65536)
            with blob.open("r+b") as opened:
                opened.truncate(32 * MIB)
            received = len(first) + len(receive_all(connection))
        assert first.startswith(b"HTTP/1.1 200 ")
        assert received < 33 * MIB
