"""A whole server is killed while clients store, replace, move and delete: what it had answered holds."""

from __future__ import annotations

import hashlib
import json
import secrets
import time
from base64 import b64encode
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from random import Random
from urllib.parse import quote

import pytest
from attrs import define, field

from tests.support.blobs import let_a_day_pass
from tests.support.durability.inspection import find_orphans, find_problems
from tests.support.durability.model import FOLDER, Deed, Tree, do
from tests.support.durability.workload import CLIENTS, make_random, name_root
from tests.support.server import Server, make_home, running, wait_until

KILLS = 20
LONGEST = 0.3
"""Seconds of work before a kill, at most."""


@define
class Client:
    """Stores, moves and deletes files in a folder of its own."""

    number: int
    _random: Random
    _settled: Tree = field(factory=dict)
    _under_way: Deed | None = None
    acknowledged: int = 0

    def work(self, server: Server) -> None:
        """Until the server is gone."""
        try:
            with closing(server.open()) as connection:
                while True:
                    self._do(connection, server.token)
        except (OSError, HTTPException):
            pass

    def check(self, found: dict[str, str]) -> None:
        """See that what is found of this client's files may be; from now on it is what is."""
        possible = [self._settled, do(self._settled, self._under_way)[0] if self._under_way else self._settled]
        own = {path: digest for path, digest in found.items() if path.startswith(name_root(self.number) + "/")}
        now = [tree for tree in possible if _list_files(tree) == own]
        assert now, f"client {self.number} finds {own} instead of one of {possible}"
        self._settled, self._under_way = now[0], None

    def _do(self, connection: HTTPConnection, token: str) -> None:
        places = [f"{name_root(self.number)}/{folder}/{name}" for folder in "ab" for name in range(4)]
        files = [*_list_files(self._settled)]
        free = [place for place in places if place not in files]
        kinds = ["store", "store", *(["discard"] if files else []), *(["move"] if files and free else [])]
        kind = self._random.choice(kinds)
        path = self._random.choice(places if kind == "store" else files)
        key = {"X-API-Key": token}
        if kind == "store":
            content = self._random.randbytes(self._random.choice([0, 100, 5000, 300_000, 1_500_000]))
            self._under_way = ["store", path, hashlib.sha256(content).hexdigest()]
            connection.request("PUT", f"/api/files/{quote(path)}", content, key)
        elif kind == "discard":
            self._under_way = ["discard", path]
            connection.request("DELETE", f"/api/files/{quote(path)}", headers=key)
        else:
            destination = self._random.choice(free)
            self._under_way = ["move", path, destination]
            body = json.dumps({"new_filepath": destination})
            headers = {**key, "Content-Type": "application/json"}
            connection.request("PATCH", f"/api/files/{quote(path)}", body, headers)
        response = connection.getresponse()
        answer = response.read()
        assert response.status < 300, answer
        self._settled, _ = do(self._settled, self._under_way)
        self._under_way = None
        self.acknowledged += 1


def _list_files(tree: Tree) -> Tree:
    return {path: what for path, what in tree.items() if what != FOLDER}


@contextmanager
def _working(server: Server, clients: list[Client]) -> Iterator[None]:
    """The clients work until the server is killed, at the latest at the end."""
    with ThreadPoolExecutor(len(clients)) as threads:
        works = [threads.submit(client.work, server) for client in clients]
        try:
            yield
        finally:
            server.process.kill()
        wait_until(lambda: all(work.done() for work in works), lambda: "a client does not notice")
        for work in works:
            work.result()


def download_all(server: Server) -> Iterator[tuple[str, str]]:
    """Each file's path and digest, once its bytes and what is said about them are the same."""
    with closing(server.open()) as connection:
        key = {"X-API-Key": server.token}
        connection.request("GET", "/api/files", headers={**key, "Accept": "application/x-ndjson"})
        entries = [json.loads(line) for line in connection.getresponse().read().splitlines()]
        for entry in entries:
            connection.request("GET", f"/api/files/{quote(entry['filepath'])}", headers=key)
            response = connection.getresponse()
            content = response.read()
            digest = hashlib.sha256(content)
            assert response.status == 200, content
            assert response.headers["Repr-Digest"] == f"sha-256=:{b64encode(digest.digest()).decode()}:"
            yield entry["filepath"], digest.hexdigest()


@pytest.mark.seconds(1800)
def test_every_answer_holds_after_every_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What is killed tells nothing about coverage, and starts sooner without.
    monkeypatch.delenv("COVERAGE_PROCESS_CONFIG", raising=False)
    seed = secrets.randbits(32)
    random = make_random(seed)
    home, token = make_home(tmp_path / "home", rate_limit={"enabled": False}, logging={"console": False})
    drive = home / "data" / "drive"
    clients = [Client(number, make_random(seed, number)) for number in range(CLIENTS)]
    try:
        kills = 0
        # A busy machine may be killed many times before it has done anything.
        while kills < KILLS or sum(client.acknowledged for client in clients) <= KILLS:
            kills += 1
            with running(home, token) as server:
                found = dict(download_all(server))
                for client in clients:
                    client.check(found)
                assert not [*find_problems(drive)]
                with _working(server, clients):
                    time.sleep(random.random() * LONGEST)
        let_a_day_pass(drive / "blobs")
        with running(home, token) as server:
            found = dict(download_all(server))
            for client in clients:
                client.check(found)
            wait_until(lambda: not [*find_orphans(drive)], lambda: f"left: {[*find_orphans(drive)]}")
    except Exception as problem:
        problem.add_note(f"seed {seed}")
        raise
