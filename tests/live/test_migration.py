"""A server whose drive moves to other engines under load, and back: all that was acknowledged is there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path
from threading import Event
from typing import Final

import pytest
from attrs import define, field

from tests.support.drive_servers import DRIVE
from tests.support.engine_homes import Engines, Home
from tests.support.object_stores import run_seaweedfs
from tests.support.server import Reply, Server, make_home, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.seconds(1800)]

CLIENTS: Final = 3

BEFORE: Final = 20
"""Files that are acknowledged before the drive moves."""


@define
class Load:
    """Clients that store one small file after the other, until each is told that the drive has moved."""

    server: Server
    acknowledged: dict[str, bytes] = field(factory=dict)
    others: list[tuple[int, object]] = field(factory=list)
    ended: Event = field(factory=Event)

    @contextmanager
    def run(self, prefix: str) -> Iterator[None]:
        with ThreadPoolExecutor(CLIENTS) as threads:
            clients = [threads.submit(self._store, f"{prefix}-{number}") for number in range(CLIENTS)]
            try:
                wait_until(lambda: len(self.acknowledged) >= BEFORE, self.server.log)
                yield
            finally:
                self.ended.set()
            for client in clients:
                client.result()

    def _store(self, folder: str) -> None:
        number = 0
        while not self.ended.is_set():
            number += 1
            path, content = f"load/{folder}/{number}", os.urandom(2000)
            answer = self.server.ask("PUT", f"/api/files/{path}", content)
            if answer.status == 201:
                self.acknowledged[path] = content
            else:
                self.others.append((answer.status, answer.json["error"]))
                assert int(answer.headers["Retry-After"]) > 0
            # So that the rest does not take for ever, however long the move takes: all of it is looked at.
            self.ended.wait(min(0.04 * number, 1))


def check(server: Server, expected: dict[str, bytes]) -> None:
    with closing(server.open()) as connection:
        for path, content in expected.items():
            connection.request("GET", f"/api/files/{path}", headers={"X-API-Key": server.token})
            answer = Reply.read(connection.getresponse())
            assert (answer.status, answer.body) == (200, content), path


def wait_for_check(server: Server, name: str, status: str) -> None:
    def has_status() -> bool:
        return bool(server.ask("GET", "/api/health/checks").json["checks"][name]["status"] == status)

    wait_until(has_status, lambda: f"{name} is not {status}: {server.log()}")


def migrate(former: Home, new: Home) -> None:
    done = former.run("migrate", "--to", new.directory)
    assert done.returncode == 0, done
    assert "changes were refused for" in done.stderr
    assert f"start the server at {new.directory}" in done.stderr


@pytest.fixture
def homes(tmp_path: Path) -> Iterator[tuple[Home, Home]]:
    """A home with a drive of its own, and one whose drive is in PostgreSQL and SeaweedFS, as its ``.env`` says."""
    sections = {"applications": [DRIVE], "logging": {"console": False}}
    for name in ("secrets", "seaweedfs"):
        (tmp_path / name).mkdir()
    with run_seaweedfs(tmp_path / "seaweedfs") as store:
        engines = Engines(directory=tmp_path / "secrets", store=store)
        # Of several processes, each has to refuse changes.
        former, token = make_home(tmp_path / "former", **sections, server={"workers": 2})
        blobs, variables = engines.configure_bucket()
        new, new_token = make_home(tmp_path / "new", **sections, blobs=blobs)
        with (new / ".env").open("a") as file:
            for name, value in (variables | engines.configure_database()).items():
                file.write(f"{name}={value}\n")
        yield Home(former, token, {}), Home(new, new_token, {})


def test_all_that_was_acknowledged_moves_and_comes_back(homes: tuple[Home, Home]) -> None:
    former, new = homes
    with former.serve() as server:
        load = Load(server)
        with load.run("there"):
            migrate(former, new)
            wait_until(lambda: len(load.others) >= CLIENTS, server.log)
        assert {*load.others} == {(503, "read_only")}
        expected = dict(load.acknowledged)
        # It is read where it was.
        path, content = next(iter(expected.items()))
        check(server, {path: content})
        assert server.ask("DELETE", f"/api/files/{path}").status == 503
        wait_for_check(server, "drive_writable", "degraded")
        assert server.stop() == 0
    with new.serve() as server:
        check(server, expected)
        load = Load(server)
        with load.run("back"):
            migrate(new, former)
            wait_until(lambda: len(load.others) >= CLIENTS, server.log)
        assert {*load.others} == {(503, "read_only")}
        expected |= load.acknowledged
        assert server.stop() == 0
    with former.serve() as server:
        check(server, expected)
        wait_for_check(server, "drive_writable", "healthy")
        assert server.ask("PUT", "/api/files/after", b"after").status == 201
        assert server.stop() == 0
    with new.serve() as server:
        assert "The drive has moved and takes no changes here" in server.log()
