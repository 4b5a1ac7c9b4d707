"""Quotas of users hold on a running server of two workers, whichever is asked, and its answers say whose is used up."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from hashlib import shake_128
from pathlib import Path

import pytest

from tests.support.drive_servers import DRIVE, MIB
from tests.support.hostile_clients import run_trial
from tests.support.server import Reply, Server, wait_until
from tests.support.trial_application import NAME as TRIAL

QUOTA = 4 * MIB


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with run_trial(tmp_path / "home", applications=[TRIAL, DRIVE, "identity"], server={"workers": 2}) as server:
        yield server


def ask(server: Server, method: str, path: str, body: object = None, key: str = "") -> Reply:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Content-Type": "application/octet-stream" if isinstance(body, bytes) else "application/json"}
    return server.ask(
        method, f"/api{path}", None if body is None else content, {**fields, **({"X-API-Key": key} if key else {})}
    )


def make(name: str, size: int = MIB) -> bytes:
    """Bytes that nothing else has."""
    return shake_128(name.encode()).digest(size)


def make_user(server: Server, name: str, quota: int) -> str:
    """A key of a user who may change everything."""
    assert ask(server, "POST", "/users", {"name": name, "quota": quota}).status == 201
    assert ask(server, "PUT", f"/users/{name}/roles", {"path": "", "role": "editor"}).status == 200
    key: str = ask(server, "POST", "/keys", {"user": name}).json["secret"]
    return key


def test_a_user_stores_no_more_than_their_quota(server: Server) -> None:
    anna, bert = make_user(server, "anna", QUOTA), make_user(server, "bert", QUOTA)
    names = [f"file-{number}" for number in range(8)]
    with ThreadPoolExecutor(len(names)) as clients:
        replies = [*clients.map(lambda name: ask(server, "PUT", f"/files/{name}", make(name), anna), names)]
    # Two that have room alone and not together do not both come in, and four have room.
    assert sorted(reply.status for reply in replies) == [201] * 4 + [507] * 4
    me = ask(server, "GET", "/me", key=anna).json
    assert (me["quota"], me["stored_bytes"]) == (QUOTA, QUOTA)
    refused = ask(server, "PUT", "/files/more", b"1", anna)
    assert (refused.status, refused.json["error"]) == (507, "user_quota_exceeded")
    fields = {name: value for name, value in refused.headers.items() if name.startswith("Quota-")}
    assert fields == {"Quota-Scope": "user", "Quota-Limit": str(QUOTA), "Quota-Used": str(QUOTA)}
    # What bert replaces is hers still, until it makes way for what she stores, and is thrown away for that.
    [kept, *_] = [name for name, reply in zip(names, replies, strict=True) if reply.status == 201]
    assert ask(server, "PUT", f"/files/{kept}", make("of bert"), bert).status == 204
    used = {user["name"]: user["stored_bytes"] for user in ask(server, "GET", "/users").json["users"]}
    assert used == {"anna": QUOTA, "bert": MIB}
    assert ask(server, "PUT", "/files/more", b"1", anna).status == 201
    assert ask(server, "GET", f"/files/{kept}").body == make("of bert")
    assert ask(server, "GET", "/me", key=anna).json["stored_bytes"] == QUOTA - MIB + 1


def test_another_quota_counts_for_what_comes_after(server: Server) -> None:
    anna = make_user(server, "anna", QUOTA)
    assert ask(server, "PUT", "/files/a", make("a"), anna).status == 201
    assert ask(server, "PATCH", "/users/anna", {"quota": 5}).json["user"]["stored_bytes"] == MIB
    # The worker that was not asked to learns of it a little later.
    seen: list[set[int]] = []

    def try_often(expected: set[int]) -> bool:
        seen.append({ask(server, "PUT", f"/files/{number}", b"", anna).status for number in range(6)})
        return seen[-1] <= expected

    wait_until(lambda: try_often({507}), lambda: f"still stored: {seen[-1]}")
    assert ask(server, "GET", "/files/a", key=anna).body == make("a")
    assert ask(server, "PATCH", "/users/anna", {"quota": -1}).status == 200
    wait_until(lambda: try_often({201, 204}), lambda: f"still refused: {seen[-1]}")
