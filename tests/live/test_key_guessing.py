"""One who guesses keys on many connections at once, and one who has the right one and the same address."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from http.client import HTTPSConnection
from itertools import count
from pathlib import Path
from threading import Event

import pytest

from tests.support.external_servers import ToolServer, run_memcached, run_redis
from tests.support.server import Server, make_home, running

SECONDS, AMOUNT = 2, 6
CONNECTIONS = 4


@pytest.fixture(params=["memory", "redis", "memcached"])
def servers(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    """Two that share a storage, or one that stands for both."""
    with open_storage(request.param, tmp_path) as shared:
        limits = {"failure_limit": f"{AMOUNT}/{SECONDS} seconds"} | ({"storage_uri": shared.uri} if shared else {})
        home, token = make_home(tmp_path / "one", rate_limit=limits)
        with running(home, token) as one:
            if shared is None:
                yield one, one
                return
            home, token = make_home(tmp_path / "two", rate_limit=limits)
            with running(home, token) as two:
                yield one, two


def open_storage(name: str, directory: Path) -> AbstractContextManager[ToolServer | None]:
    if name == "memory":
        return nullcontext()
    return run_redis(directory) if name == "redis" else run_memcached()


def test_a_guesser_is_slow_and_who_has_the_key_gets_in(servers: tuple[Server, Server]) -> None:
    statuses, numbers, enough = Counter[int](), count(), Event()

    def guess(server: Server) -> None:
        connection = server.open()
        while not enough.is_set():
            statuses[ask(connection, f"guess {next(numbers)}")[0]] += 1
        connection.close()

    began = time.monotonic()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        guessing = [pool.submit(guess, servers[n % 2]) for n in range(CONNECTIONS)]
        try:
            while not statuses[429]:
                time.sleep(0.01)
            assert get_in(servers[0]) < 10
        finally:
            enough.set()
        for each in guessing:
            each.result()
    windows = 2 + (time.monotonic() - began) / SECONDS
    assert statuses.keys() == {401, 429}
    assert statuses[401] <= 2 * windows * AMOUNT, "where the storage is late, each server counts alone for a while"


def get_in(server: Server) -> int:
    """How often the right key is refused until it is accepted, by a server that says when to come back."""
    for refused in count():
        connection = server.open()
        status, wait = ask(connection, server.token)
        if status == 200:
            assert {ask(connection, server.token)[0] for _ in range(20)} == {200}, "that connection goes on"
            connection.close()
            return refused
        connection.close()
        assert status == 429
        assert 1 <= wait <= 2 * SECONDS
        time.sleep(wait)
    raise AssertionError


def ask(connection: HTTPSConnection, key: str) -> tuple[int, int]:
    connection.request("GET", "/api/login", headers={"X-API-Key": key})
    answer = connection.getresponse()
    answer.read()
    return answer.status, int(answer.headers.get("Retry-After", 0))
