"""Connections that say nothing, against a server with the usual limits of open files and with small ones."""

from __future__ import annotations

import resource
import socket
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest

from tests.support.server import PATIENCE, Server, make_home, running


@pytest.fixture(autouse=True)
def descriptors_of_our_own() -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, before)


@contextmanager
def run_limited(directory: Path, limits: str) -> Iterator[Server]:
    home, token = make_home(directory, rate_limit={"enabled": False})
    launcher = ("/bin/sh", "-c", f'{limits}; exec "$0" "$@"')
    with running(home, token, launcher=launcher) as server:
        yield server


@contextmanager
def silence(server: Server, number: int, addresses: int) -> Iterator[list[socket.socket]]:
    """So many connections that say nothing, from so many addresses."""
    with ExitStack() as stack:
        connections = []
        for at in range(number):
            source = (f"127.0.0.{at % addresses + 2}", 0)
            connections.append(
                stack.enter_context(socket.create_connection(("127.0.0.1", server.port), PATIENCE, source))
            )
        yield connections


def use(server: Server, name: str) -> None:
    assert server.ask("PUT", f"/api/files/{name}", b"content").status == 201
    assert server.ask("GET", f"/api/files/{name}").body == b"content"
    assert server.ask("GET", "/api/health").json["status"] == "healthy"


def test_silent_connections_leave_storage_its_files(tmp_path: Path) -> None:
    with run_limited(tmp_path / "home", "ulimit -Sn 1024") as server:
        assert ", raised from 1024" in server.wait_for_log("connections are open at a time")
        with silence(server, 1300, 9):
            for number in range(5):
                use(server, f"file-{number}")


def test_with_few_the_silent_give_way(tmp_path: Path) -> None:
    with run_limited(tmp_path / "home", "ulimit -n 256") as server:
        assert "at most 64 connections are open at a time" in server.wait_for_log("connections are open at a time")
        speaking = server.open()
        speaking.request("GET", "/api/health")
        assert speaking.getresponse().read()
        with silence(server, 200, 2):
            for number in range(20):
                use(server, f"file-{number}")
            speaking.request("GET", "/api/health")
            assert speaking.getresponse().status == 200
        speaking.close()


def test_with_few_those_who_have_had_their_answer_give_way(tmp_path: Path) -> None:
    with run_limited(tmp_path / "home", "ulimit -n 256") as server, ExitStack() as stack:
        for number in range(100):
            idle = stack.enter_context(closing(server.open()))
            idle.request("GET", "/api/health")
            assert idle.getresponse().read()
            if number % 20 == 0:
                use(server, f"file-{number}")
