"""Pages that are published, cut short and added to while a running server sends them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path
from random import Random

import pytest

from tests.support.hostile_clients import (
    HOST,
    PLAIN,
    count_files,
    count_idle_files,
    dial,
    receive_all,
    run_trial,
    wait_for,
)
from tests.support.server import Server

MIB = 2**20
LARGE = 30 * MIB
CONTENT = Random(6).randbytes(LARGE)  # noqa: S311  # any bytes will do


@pytest.fixture(scope="module", params=[False, True], ids=["TLS", "plain"])
def plain(request: pytest.FixtureRequest) -> bool:
    return bool(request.param)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, *, plain: bool) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("trial") / "home"
    pages = home / "pages"
    pages.mkdir(parents=True)
    with run_trial(home, *(PLAIN if plain else ()), static={"directory": "pages"}) as server:
        yield server


@pytest.fixture
def large(server: Server) -> Path:
    file = server.home / "pages" / "large.bin"
    fresh = file.with_suffix(".fresh")
    fresh.write_bytes(CONTENT)
    fresh.replace(file)
    return file


def ask(*lines: str, path: str = "/large.bin") -> bytes:
    return f"GET {path} HTTP/1.1\r\n".encode() + HOST + "".join(f"{line}\r\n" for line in (*lines, "")).encode()


FOLLOWING = ask("Connection: close", path="/api/health/live")


def test_a_file_that_is_cut_short_cuts_the_connection(server: Server, large: Path, *, plain: bool) -> None:
    with dial(server, plain=plain) as connection:
        connection.sendall(ask() + FOLLOWING)
        begun = connection.recv(1000)
        os.truncate(large, MIB)
        received = begun + receive_all(connection)
    assert begun.startswith(b"HTTP/1.1 200 ")
    # Nothing that belongs to another answer is in it.
    assert received.count(b"HTTP/1.1 ") == 1
    head, _, body = received.partition(b"\r\n\r\n")
    assert f"Content-Length: {LARGE}".encode() in head
    assert CONTENT.startswith(body)
    assert len(body) < LARGE


@pytest.mark.parametrize("lines", [(), ("Range: bytes=1000-",)], ids=["whole", "part"])
def test_what_is_appended_is_not_in_the_answer(
    server: Server, large: Path, lines: tuple[str, ...], *, plain: bool
) -> None:
    with dial(server, plain=plain) as connection:
        connection.sendall(ask(*lines) + FOLLOWING)
        begun = connection.recv(1000)
        with large.open("ab") as more:
            more.write(bytes(10 * MIB))
        received = begun + receive_all(connection)
    body, _, following = received.partition(b"\r\n\r\n")[2].partition(b"HTTP/1.1 200 ")
    assert body == CONTENT[1000 if lines else 0 :]
    assert b"Server is alive" in following


def test_a_part_of_what_is_emptied_ends(server: Server, large: Path, *, plain: bool) -> None:
    with dial(server, plain=plain) as connection:
        connection.sendall(ask("Range: bytes=100-") + FOLLOWING)
        begun = connection.recv(1000)
        os.truncate(large, 0)
        received = begun + receive_all(connection)
    assert received.count(b"HTTP/1.1 ") == 1


def test_a_file_that_is_replaced_is_sent_as_it_was(server: Server, large: Path, *, plain: bool) -> None:
    with dial(server, plain=plain) as connection:
        connection.sendall(ask())
        response = HTTPResponse(connection)
        response.begin()
        fresh = large.with_suffix(".fresh")
        fresh.write_bytes(b"x")
        fresh.replace(large)
        assert response.read() == CONTENT


def test_parts_of_two_versions_are_never_joined(server: Server, large: Path, *, plain: bool) -> None:
    known = server.ask("HEAD", "/large.bin").headers if not plain else read_head(server)
    fresh = large.with_suffix(".fresh")
    fresh.write_bytes(CONTENT[::-1])
    os.utime(fresh, (1_700_000_000, 1_700_000_000))
    fresh.replace(large)
    for validator in (known["ETag"], known["Last-Modified"]):
        with dial(server, plain=plain) as connection:
            connection.sendall(ask("Range: bytes=500-", f"If-Range: {validator}"))
            response = HTTPResponse(connection)
            response.begin()
            assert (response.status, response.read(100)) == (200, CONTENT[:-101:-1])


def read_head(server: Server) -> dict[str, str]:
    with dial(server, plain=True) as connection:
        connection.sendall(ask().replace(b"GET", b"HEAD"))
        response = HTTPResponse(connection, method="HEAD")
        response.begin()
        return dict(response.getheaders())


def test_whoever_leaves_leaves_nothing_open(server: Server, large: Path, *, plain: bool) -> None:
    files = count_idle_files(server)
    for _ in range(3):
        with dial(server, plain=plain) as connection:
            connection.sendall(ask())
            assert connection.recv(1000).startswith(b"HTTP/1.1 200 ")
    wait_for(files, count_files, server)
