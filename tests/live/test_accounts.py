"""Users and keys of a running server: they let in, and what is revoked ends what is under way."""

from __future__ import annotations

import json
import re
import select
import socket
import subprocess
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.support.drive_servers import DRIVE, MIB, Curled, curl
from tests.support.hostile_clients import dial, run_trial
from tests.support.server import PATIENCE, Server, environment, program, wait_until
from tests.support.trial_application import NAME as TRIAL

BIG = 64 * MIB


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("accounts")
    # Nobody is too slow here: what ends is ended for its credential.
    patient = {"stall_seconds": 86_400, "body_bytes_per_second": 0}
    sections: dict[str, Any] = {"server": {"workers": 2}, "connections": patient}
    with run_trial(directory, applications=[TRIAL, DRIVE, "identity"], **sections) as server:
        (server.home / "big").write_bytes(bytes(BIG))
        assert curl(server, "/api/files/photos/big", "-T", server.home / "big").status == 201
        yield server


def ask(server: Server, method: str, path: str, body: object = None, *, key: str | None = None) -> Curled:
    sent = [] if body is None else ["-H", "Content-Type: application/json", "-d", json.dumps(body)]
    shown = [] if key is None else ["-H", f"X-API-Key: {key}"]
    return curl(server, f"/api{path}", "-X", method, *sent, *shown, key=key is None)


def make_user(server: Server, name: str, role: str) -> str:
    """A user with a role on ``photos``, and a key of theirs."""
    assert ask(server, "POST", "/users", {"name": name}).status == 201
    assert ask(server, "PUT", f"/users/{name}/roles", {"path": "photos", "role": role}).status == 200
    made = ask(server, "POST", "/keys", {"user": name})
    assert made.status == 201
    key: str = made.json["secret"]
    return key


def begin(server: Server, key: str, method: str, path: str, fields: str = "") -> socket.socket:
    """A connection on which a request is under way whose answer, or whose leave to send, has begun."""
    connection = dial(server, plain=False)
    shown = f"X-API-Key: {key}\r\n" if key else ""
    head = f"{method} /api{path} HTTP/1.1\r\nHost: localhost\r\n{shown}{fields}\r\n"
    connection.sendall(head.encode())
    assert connection.recv(12) in {b"HTTP/1.1 200", b"HTTP/1.1 100"}
    return connection


def is_gone(connection: socket.socket) -> bool:
    """Whether the server ends the connection, whatever has not been read of what it has sent before."""
    poll = select.poll()
    poll.register(connection, 0)
    return bool(poll.poll(PATIENCE * 1000))


def read_accounts(server: Server) -> bytes:
    """All that is on the disk of them, in the database and in its log."""
    return b"".join(each.read_bytes() for each in (server.home / "data").glob("accounts.sqlite3*"))


def wait_until_refused(ask_again: Callable[[], Curled]) -> None:
    """The worker that was not asked to learns of it a little later, which nothing that was under way there has told."""
    seen: list[set[int]] = []

    def is_refused() -> bool:
        seen.append({ask_again().status for _ in range(6)})
        return seen[-1] == {401}

    wait_until(is_refused, lambda: f"still let in: {seen[-1]}")


def test_a_key_lets_its_user_in_where_they_may(server: Server) -> None:
    key = make_user(server, "anna", "viewer")
    assert ask(server, "GET", "/files/photos/big", key=key).status == 200
    assert ask(server, "GET", "/me", key=key).json["roles"][0]["path"] == "photos"
    refused = curl(server, "/api/files/photos/new", "-T", server.home / "big", "-H", f"X-API-Key: {key}", key=False)
    assert refused.status == 403
    assert ask(server, "GET", "/folders", key=key).json["children"][0]["path"] == "photos"


@pytest.mark.parametrize("how", ["revoked", "disabled"])
def test_what_is_under_way_ends(server: Server, how: str) -> None:
    """In both workers, whichever is asked: nothing of it would ever be over by itself."""
    name = f"user-{how}"
    key = make_user(server, name, "editor")
    running = [
        *(begin(server, key, "GET", "/files/photos/big") for _ in range(4)),
        *(
            begin(server, key, "PUT", f"/files/photos/{number}", "Content-Length: 9\r\nExpect: 100-continue\r\n")
            for number in range(4)
        ),
        begin(server, key, "GET", "/events"),
    ]
    with ExitStack() as connections:
        for connection in running:
            connections.enter_context(connection)
        if how == "revoked":
            assert ask(server, "DELETE", f"/keys/{key[4:20]}").status == 200
        else:
            assert ask(server, "PATCH", f"/users/{name}", {"disabled": True}).status == 200
        assert [is_gone(connection) for connection in running] == [True] * len(running)
    wait_until_refused(lambda: ask(server, "GET", "/me", key=key))


def test_accounts_are_kept(server: Server) -> None:
    key = make_user(server, "cleo", "viewer")
    assert (server.home / "data" / "accounts.sqlite3").stat().st_mode & 0o777 == 0o600
    assert b"cleo" in read_accounts(server)
    assert key.encode() not in read_accounts(server)
    log = (server.home / "logs" / "server.log").read_text()
    assert "csk_" not in log


def test_a_browser_signs_in_and_out(server: Server) -> None:
    """By the cookies that curl keeps as browsers do, in both workers."""
    key = make_user(server, "dora", "viewer")
    assert ask(server, "PATCH", "/users/dora", {"password": "correct horse battery"}).status == 200
    jar = server.home / "jar"
    ours = ("-b", jar, "-c", jar, "-H", "Sec-Fetch-Site: same-origin")

    def show(path: str, *arguments: object) -> Curled:
        return curl(server, f"/api{path}", *ours, *arguments, key=False)

    signing_in = ("-H", "Content-Type: application/json", "-d", '{"name": "dora", "password": "correct horse battery"}')
    begun = show("/sessions", *signing_in)
    assert begun.status == 201
    cookies = jar.read_text()
    [session] = re.findall(r"css_[0-9a-f]{88}", cookies)
    assert session.encode() not in begun.body
    assert {show("/me").json["name"] for _ in range(6)} == {"dora"}
    # Pages of others can have the browser send it, but change nothing by it.
    foreign = curl(server, "/api/sessions", "-X", "DELETE", "-b", jar, "-H", "Sec-Fetch-Site: cross-site", key=False)
    assert (foreign.status, foreign.json["error"]) == (403, "cross_origin")
    connections = [begin(server, "", "GET", "/files/photos/big", f"Cookie: __Host-cloudsvc={session}\r\n")]
    connections += [begin(server, "", "GET", "/events", f"Cookie: __Host-cloudsvc={session}\r\n") for _ in range(4)]
    with ExitStack() as stack:
        for connection in connections:
            stack.enter_context(connection)
        assert show("/sessions/current", "-X", "DELETE").status == 200
        assert [is_gone(connection) for connection in connections] == [True] * len(connections)
    assert "css_" not in jar.read_text()
    wait_until_refused(lambda: curl(server, "/api/me", "-H", f"Cookie: __Host-cloudsvc={session}", key=False))
    # A browser that has not heard of it shows it once more, and no more then.
    jar.write_text(cookies)
    assert show("/me").status == 401
    assert "css_" not in jar.read_text()
    assert ask(server, "GET", "/me", key=key).status == 200
    assert b"dora" in read_accounts(server)
    assert session[-64:].encode() not in read_accounts(server)
    log = (server.home / "logs" / "server.log").read_text()
    assert "css_" not in log


def test_the_owner_s_token_is_switched_off_and_on(server: Server) -> None:
    """In both workers, whichever is asked, and by a command beside them."""
    key = make_user(server, "boss", "viewer")
    assert ask(server, "PUT", "/users/boss/roles", {"path": "", "role": "manager"}).status == 200
    scopes = ["accounts:read", "accounts:write"]
    boss = ask(server, "POST", "/keys", {"user": "boss", "scopes": scopes}).json["secret"]
    running = [begin(server, server.token, "GET", "/files/photos/big") for _ in range(4)]
    running += [begin(server, server.token, "GET", "/events") for _ in range(4)]
    with ExitStack() as connections:
        for connection in running:
            connections.enter_context(connection)
        assert ask(server, "PATCH", "/owner", {"disabled": True}).json["disabled"] is True
        assert [is_gone(connection) for connection in running] == [True] * len(running)
    wait_until_refused(lambda: ask(server, "GET", "/me"))
    refused, wrong = ask(server, "GET", "/me"), ask(server, "GET", "/me", key="wrong")
    assert (refused.json["error"], refused.json["message"]) == (wrong.json["error"], wrong.json["message"])
    assert ask(server, "GET", "/owner", key=boss).json["disabled"] is True
    assert ask(server, "GET", "/health", key=key).json["status"] != "unhealthy"
    # Wrong keys of this client have been counted, and the right one gets in all the same, by a command.
    subprocess.run([program("cloudsvc"), "--home", server.home, "token", "enable"], check=True, env=environment())
    wait_until(lambda: ask(server, "GET", "/me").status == 200, lambda: "the owner is not let in again")
