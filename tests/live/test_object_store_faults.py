"""A server whose object store is stopped, and comes back: it says so in time, and does what needs no bytes."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import frozen

from tests.support.drive_servers import DRIVE
from tests.support.hostile_clients import ROOT, Memory
from tests.support.object_stores import KEY, SECRET, ObjectServer, run_seaweedfs
from tests.support.server import PATIENCE, Server, make_home, running, wait_until

pytestmark = pytest.mark.slow

MIB = 2**20
IN_TIME = 60.0
"""Seconds: twice what the slowest refusal takes on a quiet machine."""


@frozen
class Cloud:
    """A server and its store."""

    server: Server
    store: ObjectServer


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    directory = tmp_path / "seaweedfs"
    directory.mkdir()
    with run_seaweedfs(directory) as store:
        chosen = store.choose_prefix()
        section = {"url": chosen.url, "endpoint": chosen.endpoint, "path_style": True}
        home, token = make_home(tmp_path / "home", applications=[DRIVE], logging={"console": False}, blobs=section)
        environ = {"PYTHONPATH": str(ROOT), "CLOUDSVC__BLOBS__ACCESS_KEY": KEY, "CLOUDSVC__BLOBS__SECRET_KEY": SECRET}
        with running(home, token, environ=environ) as server:
            yield Cloud(server, store)


def assert_refused(server: Server, method: str, path: str, body: bytes | None = None) -> None:
    began = time.monotonic()
    answer = server.ask(method, path, body)
    assert (answer.status, answer.json["error"]) == (503, "storage_failed")
    assert int(answer.headers["Retry-After"]) > 0
    assert time.monotonic() - began < IN_TIME


def find_health(server: Server) -> str:
    status: str = server.ask("GET", "/api/health", key=False).json["status"]
    return status


def test_what_needs_no_bytes_goes_on_while_the_store_is_stopped(cloud: Cloud) -> None:
    server, store = cloud.server, cloud.store
    large = os.urandom(9 * MIB)
    assert server.ask("PUT", "/api/files/small", b"small").status == 201
    assert server.ask("PUT", "/api/files/large", large).status == 201
    store.process.stop()
    for method, path, body in (
        ("GET", "/api/files/small", None),
        ("GET", "/api/files/large", None),
        ("PUT", "/api/files/new", b"new"),
        ("PUT", "/api/files/new", large),
    ):
        assert_refused(server, method, path, body)
    listed = server.ask("GET", "/api/files")
    assert (listed.status, b"small" in listed.body) == (200, True)
    assert server.ask("DELETE", "/api/files/small").status == 200
    wait_until(lambda: find_health(server) != "healthy", lambda: "it is healthy", PATIENCE)
    assert SECRET not in server.log()
    told = server.ask("GET", "/api/metrics").body.decode()
    [failed] = re.findall(
        r'^drive_object_requests_total\{operation="get_object",outcome="unavailable"\} (\S+)$', told, re.MULTILINE
    )
    assert float(failed) >= 2
    store.process.start()
    wait_until(
        lambda: server.ask("PUT", "/api/files/new", b"new").status in {201, 204}, lambda: "nothing can be stored"
    )
    assert server.ask("GET", "/api/files/large").body == large
    wait_until(lambda: find_health(server) == "healthy", lambda: "it is not healthy", PATIENCE)
    assert server.stop() == 0


def test_memory_is_flat_whatever_the_size(cloud: Cloud) -> None:
    """On the way there three parts of 8 MiB, on the way back two windows of 2 MiB."""
    server, content = cloud.server, os.urandom(8 * MIB) * 12
    assert server.ask("PUT", "/api/files/warm", content[: 20 * MIB]).status == 201
    assert len(server.ask("GET", "/api/files/warm").body) == 20 * MIB
    memory = Memory(server)
    assert server.ask("PUT", "/api/files/large", content).status == 201
    assert server.ask("GET", "/api/files/large").body == content
    assert memory.growth() < 48
