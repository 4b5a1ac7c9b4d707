"""The audit of a running server: what was changed and who was refused is in it, in one chain of all workers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cloudsvc.storage.database.sqlite.connections import connect
from tests.support.command_processes import Shell, run_shell
from tests.support.drive_servers import DRIVE, curl
from tests.support.hostile_clients import run_trial
from tests.support.server import Server, wait_until


@pytest.fixture(scope="module")
def shell(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    with run_shell(tmp_path_factory.mktemp("shell")) as shell:
        yield shell


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    directory = tmp_path_factory.mktemp("audit")
    sections: dict[str, Any] = {"server": {"workers": 2}, "audit": {"enabled": True}}
    with run_trial(directory, applications=[DRIVE, "identity"], **sections) as server:
        (server.home / "sea").write_bytes(b"sea")
        yield server


def export(shell: Shell, home: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in shell.run(home, "audit", "export").splitlines()]


def test_what_was_done_and_refused_is_in_it(server: Server, shell: Shell) -> None:
    assert curl(server, "/api/files/photos/s%C3%A9a", "-T", server.home / "sea").status == 201
    user = ["-H", "Content-Type: application/json", "-d", '{"name": "anna"}']
    assert curl(server, "/api/users", *user).status == 201
    assert curl(server, "/api/files/photos/sea", "-X", "DELETE").status == 404
    assert curl(server, "/api/files/secret/path", key=False).status == 401
    # At once, for it was there before the answer.
    done = export(shell, server.home)
    assert [(each["actor"], each["action"], each["target"], each["status"]) for each in done[:2]] == [
        ("owner", "PUT /api/files/{path}", "/api/files/photos/séa", 201),
        ("owner", "POST /api/users", "/api/users", 201),
    ]
    assert {each["client"] for each in done} == {"127.0.0.1"}
    assert all(each["request"] and each["credential"] for each in done[:2])
    wait_until(lambda: len(export(shell, server.home)) == 3, lambda: "the refusal is not in it")
    refused = export(shell, server.home)[2]
    assert (refused["actor"], refused["action"], refused["outcome"]) == ("", "GET /api/files/{path}", "refused")
    # Neither the secret nor what was asked for without one.
    assert server.token not in str(export(shell, server.home))
    assert "secret" not in str(refused)
    told = curl(server, "/api/audit?outcome=done&limit=1")
    assert (told.status, told.json["entries"][0]["number"], told.json["cursor"]) == (200, 2, "2")
    listed = shell.run(server.home, "audit", "list", "--outcome", "refused")
    assert listed.startswith("3 ")
    assert "401 GET /api/files/{path}\n" in listed


def test_an_alteration_is_found(server: Server, shell: Shell) -> None:
    assert curl(server, "/api/files/photos/other", "-T", server.home / "sea").status == 201
    head = shell.run(server.home, "audit", "verify").strip()
    assert shell.run(server.home, "audit", "verify", "--head", head).strip() == head
    with closing(connect(server.home / "data" / "audit.sqlite3")) as database:
        database.execute("UPDATE audit_entry SET actor = 'mallory' WHERE number = 1")
    assert "entry 1 does not hold" in shell.run(server.home, "audit", "verify", status=1)
    assert "NUMBER:DIGEST" in shell.run(server.home, "audit", "verify", "--head", "1:2", status=2)
