"""Memory that a running server spends on much that anybody may send."""

from __future__ import annotations

import gc
import json
from collections.abc import Iterator
from random import Random

import pytest

from tests.support.hostile_clients import HOST, PLAIN, Memory, dial, receive_all, run_trial
from tests.support.server import Server
from tests.support.trial_application import NAME

LETTERS = "abcdefghijklmnopqrstuvwxyz"
PLACES = {"files": 130, "folders": 130, "versions": 130, "": 260}
"""How many requests for each: 10 MB in all, of which 150 MB were kept for ever."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_trial(tmp_path_factory.mktemp("trial") / "home", *PLAIN, applications=["drive", NAME]) as server:
        yield server


def test_garbage_is_looked_for_less_often_than_by_the_interpreter_alone(server: Server) -> None:
    with dial(server, plain=True) as connection:
        connection.sendall(b"GET /api/trial/garbage HTTP/1.1\r\nConnection: close\r\n" + HOST + b"\r\n")
        answer = json.loads(receive_all(connection).partition(b"\r\n\r\n")[2])
    assert int(answer["message"]) > gc.get_threshold()[0]


def test_paths_of_strangers_are_not_kept(server: Server) -> None:
    random = Random(8)  # noqa: S311  # any letters will do

    def ask(place: str) -> None:
        path = "/".join("".join(random.choices(LETTERS, k=2)) for _ in range(5400))
        connection.sendall(f"GET {f'/api/{place}' if place else '/zz'}/{path} HTTP/1.1\r\n".encode() + HOST + b"\r\n")
        while not connection.recv(65536).rpartition(b"\r\n\r\n")[2].endswith(b"}"):
            pass

    with dial(server, plain=True) as connection:
        for place in PLACES:
            ask(place)
        memory = Memory(server)
        for place, number in PLACES.items():
            for _ in range(number):
                ask(place)
        assert memory.growth() < 24


LISTS = {
    "Accept": ["a/b,", "*/*;q=0.1,", ","],
    "Accept-Encoding": ["gzip;q=0.1,", "a,"],
    "Access-Control-Request-Headers": ["a,"],
    "Authorization": ["Basic a,"],
    "Connection": ["a,", ","],
    "Content-Digest": ["a,", "sha-256=:AA==:,"],
    "Content-Type": ["a/b;a=b;", ";"],
    "Cookie": ["a=b;", ";"],
    "Forwarded": ["for=a,"],
    "If-Match": ['"a",', ",", '"'],
    "If-Modified-Since": ["Mon, ", "1 "],
    "If-None-Match": ['"a",', 'W/"",', '"'],
    "If-Range": ['"a",'],
    "Range": ["bytes=0-0,", ","],
    "Want-Repr-Digest": ["a=1,"],
    "X-Forwarded-For": ["a,", "1.2.3.4,"],
}
"""Fields that are lists, or look like some, and what each is full of."""


@pytest.mark.parametrize("name", LISTS)
def test_every_list_in_a_header_field_gets_its_answer(server: Server, name: str) -> None:
    paths = ("/api/files", "/api/files/nothing", "/api/docs", "/api/metrics", "/nothing")
    for item in LISTS[name]:
        value = (item * 16_000)[:15_000].encode()
        for path in paths:
            with dial(server, plain=True) as connection:
                connection.sendall(
                    f"GET {path} HTTP/1.1\r\nX-API-Key: {server.token}\r\n".encode()
                    + HOST
                    + b"%b: %b\r\n%b: %b\r\n\r\n" % ((name.encode(), value) * 2)
                )
                status = int(connection.recv(12).rpartition(b" ")[2])
            assert status in {200, 304, 401, 404, 412, 431}, (path, item)
