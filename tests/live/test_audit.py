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
    sections: dict[str, Any] = {"server": {"workers": 2}, "audit": {"enabled": True, "file": "logs/audit.jsonl"}}
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
    assert done[0]["target_id"].isdecimal()
    assert done[1]["target_id"] == "anna"
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


def test_what_was_changed_has_the_same_id_wherever_it_is(server: Server, shell: Shell) -> None:
    body = ["-H", "Content-Type: application/json", "-d"]
    before = len(export(shell, server.home))
    assert curl(server, "/api/files/here", "-T", server.home / "sea").status == 201
    assert curl(server, "/api/files/here", "-T", server.home / "sea").status == 204
    assert curl(server, "/api/files/here", "-X", "PATCH", *body, '{"new_filepath": "there"}').status == 200
    thrown = curl(server, "/api/files/there", "-X", "DELETE")
    assert curl(server, f"/api/trash/{thrown.json['trash_id']}/restore", "-X", "POST").status == 200
    key = curl(server, "/api/keys", *body, '{"program": "backup", "roles": []}')
    assert key.status == 201
    link = curl(server, "/api/links", *body, '{"path": "there"}')
    assert link.status == 201
    [*file, issued, made] = [each["target_id"] for each in export(shell, server.home)[before:]]
    assert len(file) == 5
    assert len({*file}) == 1
    assert (issued, made) == (key.json["key"]["id"], link.json["link"]["id"])


def test_its_file_has_a_line_for_each_entry_of_all_workers(server: Server, shell: Shell) -> None:
    file = server.home / "logs" / "audit.jsonl"
    store_some(server, "one")
    wait_until(file.exists, lambda: "there is no file")
    # As logrotate does, and nobody is told.
    moved = file.with_suffix(".1")
    file.rename(moved)
    store_some(server, "two")
    exported = export(shell, server.home)
    wait_until(lambda: read_lines(moved) + read_lines(file) == exported, lambda: f"{read_lines(file)} is not all")
    # What keeps it from being written is told, and keeps nothing else.
    file.rename(file.with_suffix(".2"))
    file.mkdir()
    store_some(server, "three")
    wait_until(lambda: find_status(server) == "degraded", lambda: "nobody is told")
    store_some(server, "four")
    file.rmdir()
    wait_until(
        lambda: read_lines(file) == export(shell, server.home)[len(exported) :],
        lambda: f"{read_lines(file)} is not all",
    )
    wait_until(lambda: find_status(server) == "healthy", lambda: "nobody is told that it is over")


def store_some(server: Server, name: str) -> None:
    for number in range(10):
        assert curl(server, f"/api/files/{name}/{number}", "-T", server.home / "sea").status == 201


def read_lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_bytes().splitlines()] if file.is_file() else []


def find_status(server: Server) -> object:
    return curl(server, "/api/health/checks").json["checks"]["audit_file"]["status"]


def test_an_alteration_is_found(server: Server, shell: Shell) -> None:
    assert curl(server, "/api/files/photos/other", "-T", server.home / "sea").status == 201
    head = shell.run(server.home, "audit", "verify").strip()
    assert shell.run(server.home, "audit", "verify", "--head", head).strip() == head
    with closing(connect(server.home / "data" / "audit.sqlite3")) as database:
        [[base, digest]] = database.execute("SELECT number, digest FROM audit_entry WHERE number = 2")
        database.execute("UPDATE audit_state SET base_number = ?, base_digest = ?", (base, digest))
        database.execute("DELETE FROM audit_entry WHERE number <= ?", (base,))
    old = shell.run(server.home, "audit", "verify", "--head", f"1:{'0' * 64}", status=1)
    assert "entry 1 was cut off" in old
    assert head in old
    with closing(connect(server.home / "data" / "audit.sqlite3")) as database:
        database.execute("UPDATE audit_entry SET actor = 'mallory' WHERE number = 3")
    assert "entry 3 does not hold" in shell.run(server.home, "audit", "verify", status=1)
    assert "NUMBER:DIGEST" in shell.run(server.home, "audit", "verify", "--head", "1:2", status=2)
