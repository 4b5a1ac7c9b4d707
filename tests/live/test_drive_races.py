"""Many clients of a running server at once: what was acknowledged is there, and a condition lets one through."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from threading import Barrier
from typing import Any

import pytest

from tests.support.drive_servers import run_drive
from tests.support.server import PATIENCE, Reply, Server

CLIENTS = 6
ROUNDS = 5

Ask = tuple[str, str, Any, dict[str, str]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_drive(tmp_path_factory.mktemp("drive") / "home") as server:
        yield server


def make_content(number: int) -> bytes:
    """As long for each, so that halves of two would look whole."""
    return bytes([number]) * 100_000


def put(path: str, content: bytes, **fields: str) -> Ask:
    headers = {name.replace("_", "-"): value for name, value in fields.items()}
    return "PUT", f"/api/files/{path}", content, headers


def ask_at_once(server: Server, asks: Sequence[Ask]) -> list[Reply]:
    """The answers to requests that begin together, each on a connection that is open already."""
    barrier = Barrier(len(asks))

    def ask(wish: Ask) -> Reply:
        method, path, body, headers = wish
        connection = server.open()
        try:
            barrier.wait(PATIENCE)
            connection.request(method, path, body=body, headers={"X-API-Key": server.token, **headers})
            return Reply.read(connection.getresponse())
        finally:
            connection.close()

    with ThreadPoolExecutor(len(asks)) as clients:
        return list(clients.map(ask, asks))


def store(server: Server, path: str, content: bytes) -> str:
    """Store a file; its entity tag."""
    stored = server.ask("PUT", f"/api/files/{path}", content)
    assert stored.status in {201, 204}
    return stored.headers["ETag"]


def assert_is_whole(server: Server, path: str, answers: Sequence[tuple[Reply, bytes]]) -> None:
    """See that the file is one that was acknowledged, with its own entity tag, bit for bit."""
    found = server.ask("GET", f"/api/files/{path}")
    assert found.status == 200
    acknowledged = {
        answer.headers["ETag"]: sha256(content).digest() for answer, content in answers if answer.status in {201, 204}
    }
    assert acknowledged[found.headers["ETag"]] == sha256(found.body).digest()


def test_one_of_many_makes_a_file(server: Server) -> None:
    for turn in range(ROUNDS):
        path = f"new/{turn}/folder/file"
        contents = [make_content(number) for number in range(CLIENTS)]
        answers = ask_at_once(server, [put(path, content, If_None_Match="*") for content in contents])
        assert sorted(answer.status for answer in answers) == [201] + [412] * (CLIENTS - 1)
        assert_is_whole(server, path, list(zip(answers, contents, strict=True)))


def test_one_of_many_replaces_a_version(server: Server) -> None:
    tag = store(server, "replaced", b"first")
    for turn in range(ROUNDS):
        contents = [make_content(10 + turn * CLIENTS + number) for number in range(CLIENTS)]
        answers = ask_at_once(server, [put("replaced", content, If_Match=tag) for content in contents])
        assert sorted(answer.status for answer in answers) == [204] + [412] * (CLIENTS - 1)
        assert_is_whole(server, "replaced", list(zip(answers, contents, strict=True)))
        [tag] = [answer.headers["ETag"] for answer in answers if answer.status == 204]


def test_without_a_condition_all_are_stored_and_the_last_one_stays(server: Server) -> None:
    contents = [make_content(100 + number) for number in range(CLIENTS)]
    answers = ask_at_once(server, [put("anyone", content) for content in contents])
    assert sorted(answer.status for answer in answers) == [201] + [204] * (CLIENTS - 1)
    assert_is_whole(server, "anyone", list(zip(answers, contents, strict=True)))
    versions = server.ask("GET", "/api/versions/anyone").json["versions"]
    assert len(versions) == CLIENTS


OTHERS: dict[str, Callable[[str], Ask]] = {
    "rename": lambda top: ("PATCH", f"/api/files/{top}/a/file", f'{{"new_filepath": "{top}/b/file"}}', {}),
    "move of the folder": lambda top: ("PATCH", f"/api/folders/{top}/a", f'{{"new_path": "{top}/b"}}', {}),
    "delete": lambda top: ("DELETE", f"/api/files/{top}/a/file", None, {}),
    "delete of the folder": lambda top: ("DELETE", f"/api/folders/{top}/a", None, {}),
    "purge": lambda _: ("DELETE", "/api/trash", None, {}),
}


@pytest.mark.parametrize("conditional", [False, True], ids=["always", "if-match"])
@pytest.mark.parametrize("other", OTHERS)
def test_an_upload_against(server: Server, other: str, *, conditional: bool) -> None:
    for turn in range(ROUNDS):
        top = f"against/{other.replace(' ', '-')}/{conditional}/{turn}"
        # What is purged meanwhile has the same bytes as what is stored.
        new = make_content(turn)
        store(server, f"{top}/thrown", new)
        assert server.ask("DELETE", f"/api/files/{top}/thrown").status == 200
        old = f"old {top}".encode()
        tag = store(server, f"{top}/a/file", old)
        fields = {"If_Match": tag} if conditional else {}
        asks = [put(f"{top}/a/file", new, **fields), put(f"{top}/a/file", new, **fields), OTHERS[other](top)]
        json = {"Content-Type": "application/json"} if asks[2][2] else {}
        first, second, done = ask_at_once(server, [*asks[:2], (*asks[2][:3], json)])
        # The other one was always possible.
        assert done.status == 200, done.body
        stored = [answer for answer in (first, second) if answer.status in {201, 204}]
        if conditional:
            assert len(stored) <= 1
            assert stored or other != "purge"
            assert {answer.status for answer in (first, second)} <= {204, 412}
        else:
            assert len(stored) == 2
        places = [f"{top}/a/file", f"{top}/b/file"]
        found = {path: server.ask("GET", f"/api/files/{path}") for path in places}
        assert {reply.status for reply in found.values()} <= {200, 404}
        bodies = {path: reply.body for path, reply in found.items() if reply.status == 200}
        tags = {answer.headers["ETag"] for answer in stored}
        for path, body in bodies.items():
            assert body in {old, new}
            assert (found[path].headers["ETag"] in tags) == (body == new)
        # Nothing that was acknowledged is lost: it is at one of the places, or in the trash.
        if stored and not bodies:
            assert any(top in str(entry) for entry in server.ask("GET", "/api/trash").json["entries"])
        if other in {"rename", "move of the folder"}:
            assert f"{top}/b/file" in bodies
