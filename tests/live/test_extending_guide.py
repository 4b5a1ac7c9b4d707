"""docs/extending.md does what it says, from an empty directory to a running route."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.extending_example import Example, read_blocks
from tests.support.required_tools import require_tool
from tests.support.server import TWISTD, Reply, Server, program, running

NOTE = "/api/notes/shopping"
CACHE = Path(__file__).parents[2] / ".mypy_cache" / "example"


@pytest.fixture(scope="module")
def server(example: Example) -> Iterator[Server]:
    with running(
        example.home, example.token, environ={**example.environ, "PORT": "0"}, cwd=example.directory
    ) as server:
        yield server


def put(server: Server, path: str, text: object = "bread", *, key: bool = True) -> Reply:
    return server.ask("PUT", path, json.dumps({"text": text}), {"Content-Type": "application/json"}, key=key)


def test_the_page_starts_the_server_as_these_tests_do() -> None:
    (block,) = (block for block in read_blocks() if block.target == "serve")
    assert block.text.split() == [TWISTD[0], "-n", "cloudsvc", "--home", "home"]


def test_the_pages_question_is_answered(server: Server, example: Example) -> None:
    require_tool("curl", "curl")
    (block,) = (block for block in read_blocks() if block.target == "ask")
    asked = example.run(block.text.replace(":8443/", f":{server.port}/"), TOKEN=server.token)
    answer = json.loads(asked.stdout)
    assert (answer["code"], answer["name"], answer["text"]) == (201, "shopping", "bread")


def test_a_note_is_kept(server: Server) -> None:
    assert put(server, NOTE, "milk").status == 201
    reply = server.ask("GET", NOTE)
    assert (reply.status, reply.json["text"], reply.json["message"]) == (200, "milk", "Here it is.")
    assert "Strict-Transport-Security" in reply.headers


def test_its_errors_have_the_shape_of_all_errors(server: Server) -> None:
    reply = server.ask("GET", "/api/notes/lost")
    assert (reply.status, reply.json["code"], reply.json["error"]) == (404, 404, "no_such_note")
    assert reply.json["request_id"] == reply.headers["X-Request-ID"]


def test_its_section_is_obeyed(server: Server) -> None:
    assert [put(server, path).status for path in (NOTE, "/api/notes/second", "/api/notes/third")] == [201, 201, 409]
    assert put(server, "/api/notes/third").json["error"] == "too_many_notes"


def test_its_guard_is_the_servers(server: Server) -> None:
    reply = put(server, NOTE, key=False)
    assert (reply.status, reply.json["error"]) == (401, "missing_api_key")
    assert "WWW-Authenticate" in reply.headers


@pytest.mark.parametrize("text", ["", "x" * 1001, None, 5])
def test_its_body_is_checked(server: Server, text: object) -> None:
    reply = put(server, NOTE, text)
    assert (reply.status, reply.json["error"]) == (400, "invalid_body")
    assert "body.text: expected" in reply.json["message"]


def test_it_is_counted(server: Server) -> None:
    put(server, NOTE)
    lines = server.ask("GET", "/api/metrics").body.decode().splitlines()
    (made,) = (float(line.split()[1]) for line in lines if line.startswith("notes_made_total "))
    assert made >= 1
    assert any('handler="/api/notes/{name}",method="PUT",status="201"' in line for line in lines)


def test_it_is_described(server: Server) -> None:
    document = server.ask("GET", "/api/openapi.json").json
    assert {"name": "notes", "description": "Short notes, by name."} in document["tags"]
    operation = document["paths"]["/api/notes/{name}"]["put"]
    assert (operation["operationId"], operation["summary"]) == ("notes_put", "Make or replace a note")
    assert {"201", "400", "401", "403", "409", "413", "415", "429"} <= set(operation["responses"])
    assert document["components"]["schemas"]["NewNote"]["properties"]["text"]["maxLength"] == 1000


def test_the_environment_overrides_its_section(example: Example) -> None:
    environ = {**example.environ, "PORT": "0", "CLOUDSVC__NOTES__MAX_NOTES": "1"}
    with running(example.home, example.token, environ=environ) as server:
        assert [put(server, path).status for path in (NOTE, "/api/notes/second")] == [201, 409]


def test_it_has_a_directory_for_data(server: Server, example: Example) -> None:
    assert (example.home / "data" / "notes").is_dir()


@pytest.mark.parametrize("command", ["cloudsvc config check --home home", "twistd -n cloudsvc --home home"])
def test_faults_of_its_section_are_said_in_one_line_each(example: Example, command: str) -> None:
    result = example.run(command, PORT="0", CLOUDSVC__NOTES__MAX_NOTES="0", CLOUDSVC__NOTES__MAX_TEXT="9")
    assert result.returncode == 1
    assert result.stderr.splitlines() == [
        "cloudsvc: environment CLOUDSVC__NOTES__MAX_NOTES: expected int >= 1, got 0",
        "cloudsvc: environment CLOUDSVC__NOTES__MAX_TEXT: unknown setting; did you mean 'CLOUDSVC__NOTES__MAX_NOTES'?",
    ]


def test_routes_may_be_objects_of_their_own(example: Example) -> None:
    environ = {
        **example.environ,
        "PORT": "0",
        "PYTHONPATH": os.pathsep.join((example.environ["PYTHONPATH"], str(example.directory))),
        "CLOUDSVC__APPLICATIONS": json.dumps(["drive", "notes", "cloudsvc_sizes:Sizes"]),
    }
    with running(example.home, example.token, environ=environ) as server:
        assert server.ask("PUT", "/api/files/a/b", "content", {"Content-Type": "text/plain"}).status == 201
        reply = server.ask("GET", "/api/sizes/a/b")
        assert (reply.status, reply.json["size"]) == (200, len("content"))
        assert server.ask("GET", "/api/sizes/a/c").json["error"] == "file_not_found"
        assert server.ask("GET", "/api/sizes/a/b", key=False).status == 401


@pytest.mark.parametrize("module", ["cloudsvc_notes.py", "cloudsvc_sizes.py"])
def test_it_is_typed(example: Example, module: str) -> None:
    result = subprocess.run(
        [program("mypy"), "--strict", "--cache-dir", str(CACHE), module],
        cwd=example.directory,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, ""), result.stdout
