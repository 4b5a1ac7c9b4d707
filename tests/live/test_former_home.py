"""A home of the version before: it starts, nothing in it is lost, and clients' caches stay valid."""

from __future__ import annotations

import json
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.support.server import Server, environment, make_home, program, running

FORMER = Path(__file__).with_name("former") / "home-0.1.tar.xz"
"""Configuration and data of a server of version 0.1.0: versions, equal bytes, tags, trash, a move, an orphaned blob."""

ENTITY_TAGS = {
    "letters/to%20her.txt": '"923643f0-3"',
    "moved/b/c/one.bin": '"923643f0-4"',
    "a/two.bin": '"923643f0-5"',
    "old.txt": '"923643f0-6"',
    "empty": '"923643f0-7"',
    "%C3%9Cbung/Stra%C3%9Fe.txt": '"923643f0-8"',
}
CONTENTS = {
    "letters/to%20her.txt": b"version 3\n",
    "moved/b/c/one.bin": b"equal",
    "a/two.bin": b"equal",
    "old.txt": b"old",
    "empty": b"",
    "%C3%9Cbung/Stra%C3%9Fe.txt": b"x",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home, token = make_home(tmp_path_factory.mktemp("former") / "home")
    with tarfile.open(FORMER) as archive:
        archive.extractall(home, filter="data")
    config = home / "config/config.json"
    settings = json.loads(config.read_text())
    settings["server"] |= {"host": "127.0.0.1", "port": 0}
    config.write_text(json.dumps(settings))
    with running(home, token) as started:
        yield started


def test_every_file_is_there_with_its_entity_tag(server: Server) -> None:
    for path, content in CONTENTS.items():
        answer = server.ask("GET", f"/api/files/{path}")
        assert (answer.status, answer.body) == (200, content)
        assert answer.headers["ETag"] == ENTITY_TAGS[path]
        assert server.ask("GET", f"/api/files/{path}", headers={"If-None-Match": ENTITY_TAGS[path]}).status == 304


def test_lists_tags_and_moments(server: Server) -> None:
    files = {entry["filepath"]: entry for entry in server.ask("GET", "/api/files?sort=path").json["files"]}
    assert sorted(files) == sorted(map(unquote, CONTENTS))
    assert files["a/two.bin"]["tags"] == ["Größe", "red"]
    assert files["old.txt"]["modified_at"] == "1969-12-31T00:00:00.000000Z"
    assert files["letters/to her.txt"]["uploaded_at"] == "2026-11-29T00:44:04.233300Z"
    found = server.ask("GET", "/api/files?q=STRASSE").json["files"]
    assert [entry["filepath"] for entry in found] == ["Übung/Straße.txt"]


def test_versions(server: Server) -> None:
    versions = server.ask("GET", "/api/versions/letters/to%20her.txt").json["versions"]
    assert [version["id"] for version in versions] == [3, 2, 1]
    assert server.ask("GET", "/api/files/letters/to%20her.txt?version=1").body == b"version 1\n"


def test_the_trash(server: Server) -> None:
    assert [entry["path"] for entry in server.ask("GET", "/api/trash").json["entries"]] == [
        "purged.txt",
        "dropped",
        "bin/gone.txt",
    ]
    assert server.ask("POST", "/api/trash/2/restore").status == 200
    assert server.ask("GET", "/api/files/dropped/inside.txt").body == b"inside"
    assert server.ask("DELETE", "/api/trash/3").status == 200
    assert [entry["id"] for entry in server.ask("GET", "/api/trash").json["entries"]] == [1]


def test_writing_goes_on(server: Server) -> None:
    assert server.ask("PUT", "/api/files/a/two.bin", b"new").status == 204
    assert server.ask("PUT", "/api/files/third.bin", b"equal").status == 201
    assert server.ask("GET", "/api/files/third.bin").body == b"equal"
    assert server.ask("GET", "/api/files/moved/b/c/one.bin").body == b"equal"


def test_everything_that_is_stored_is_sound(server: Server) -> None:
    command = [program("cloudsvc"), "--home", str(server.home), "verify"]
    done = subprocess.run(command, env=environment(), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
