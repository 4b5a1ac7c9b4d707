"""The server does what its description says, and refuses what that forbids."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from base64 import b64decode
from pathlib import Path

import pytest

from tests.support.extending_example import Example
from tests.support.inputs_application import NAME
from tests.support.server import Server, make_home, running

ROOT = Path(__file__).parents[2]
PICTURE = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGNgYGAAAAAEAAH2FzhVAAAAAElFTkSuQmCC")
FILES = {
    "kept.txt": b"version 1",
    "a.txt": b"text",
    "b.json": b"[null, 1]",
    "c": b"",
    "letters/d": b"d",
    "sea.png": PICTURE,
    "one": b"1",
    "two": b"2",
    "sources/e": b"e",
}
"""What there is, by path; schemathesis.toml names these paths."""

LUCKY = {
    # They find nothing when others have emptied the trash before.
    ("POST", "/api/trash/{number}/restore"),
    ("DELETE", "/api/trash/{number}"),
    # Many values have to fit together: what is there, what is not, and each step of a list.
    ("PATCH", "/api/folders/{path}"),
    ("POST", "/api/batch"),
    ("POST", "/api/files/{path}"),
    # It is for a user or a program, and on folders that are there.
    ("POST", "/api/keys"),
    # Ids of keys are random, and those of accounts at providers.
    ("GET", "/api/keys/{key}"),
    ("PATCH", "/api/keys/{key}"),
    ("DELETE", "/api/keys/{key}"),
    ("POST", "/api/keys/{key}/rotate"),
    ("DELETE", "/api/users/{name}/subjects/{subject}"),
    # Those of links are too, and so are their secrets; each is to something that is there.
    ("POST", "/api/links"),
    ("GET", "/api/links/{link}"),
    ("PATCH", "/api/links/{link}"),
    ("DELETE", "/api/links/{link}"),
    ("GET", "/s/{token}"),
    ("GET", "/s/{token}/{path}"),
    ("POST", "/s/{token}"),
    ("PUT", "/s/{token}/{path}"),
    # So are the ids of webhooks, of which there are 20 at most; each of a folder is of one that is there.
    ("POST", "/api/webhooks"),
    ("GET", "/api/webhooks/{webhook}"),
    ("PATCH", "/api/webhooks/{webhook}"),
    ("DELETE", "/api/webhooks/{webhook}"),
    ("POST", "/api/webhooks/{webhook}/rotate"),
    ("POST", "/api/webhooks/{webhook}/test"),
    ("GET", "/api/webhooks/{webhook}/deliveries"),
    # Of a name and a folder, or an account at a provider, both have to be there.
    ("DELETE", "/api/users/{name}/subjects/{subject}"),
    ("DELETE", "/api/users/{name}/roles/{folder}"),
    ("DELETE", "/api/groups/{name}/roles/{folder}"),
    ("PUT", "/api/users/{name}/roles"),
    ("PUT", "/api/groups/{name}/roles"),
    # Whoever removes them may come first.
    ("GET", "/api/users/{name}"),
    ("PATCH", "/api/users/{name}"),
    ("GET", "/api/groups/{name}"),
}
"""Operations that not every set of requests succeeds with. (All others do, whatever the seed.)"""

JSON = {"Content-Type": "application/json"}

TESTED = "^/(?!api/(sessions|audit|me/))"
"""All but those that the owner's token does nothing with, or of which it is not known yet how they are to be asked."""

SCHEMATHESIS = shutil.which("schemathesis")

needs_schemathesis = pytest.mark.skipif(
    SCHEMATHESIS is None, reason="schemathesis is not on the PATH (requirements/tools-api.txt)"
)

SEED = os.environ.get("SEED") or "20261128"
"""The requests are always the same, so that a run that fails can be repeated; ``make api-test SEED=n`` makes others."""


def fill(server: Server) -> None:
    """Store files, make folders, throw some away, and add users and groups."""
    for path, content in FILES.items():
        assert server.ask("PUT", f"/api/files/{path}", content).status == 201
    for number in range(1, 7):
        assert server.ask("PUT", f"/api/folders/folder-{number}").status == 201
    for number in range(1, 10):
        assert server.ask("PUT", f"/api/folders/moved-{number}").status == 201
    for number in range(12):
        assert server.ask("PUT", f"/api/folders/thrown-away-{number}").status == 201
        assert server.ask("DELETE", f"/api/folders/thrown-away-{number}").status == 200
    for name, path in (("anna", "users"), ("bert", "users"), ("family", "groups"), ("friends", "groups")):
        body = json.dumps({"name": name})
        assert server.ask("POST", f"/api/{path}", body, JSON).status == 201


def find_refused(server: Server) -> set[tuple[str, str]]:
    """Operations of the description that no request has succeeded with."""
    paths = server.ask("GET", "/api/openapi.json").json["paths"]
    metrics = server.ask("GET", "/api/metrics").body.decode()
    found = re.findall(r'^http_requests_total\{handler="(.+?)",method="(\w+)",status="2.."\}', metrics, re.MULTILINE)
    succeeded = {(method, handler) for handler, method in found}
    tested = {path: item for path, item in paths.items() if re.search(TESTED, path)}
    return {(method.upper(), path) for path, item in tested.items() for method in item} - succeeded


def ask_everything(server: Server, token: str, directory: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """What schemathesis says of a server, asking with ``token``."""
    assert SCHEMATHESIS is not None
    return subprocess.run(
        [
            *(SCHEMATHESIS, "--config-file", str(ROOT / "schemathesis.toml"), "--no-color"),
            *("run", f"{server.url}/api/openapi.json", "--tls-verify", str(server.certificate), "--seed", SEED),
            *options,
        ],
        cwd=directory,
        env={**os.environ, "CLOUDSVC_TOKEN": token},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )


@pytest.mark.seconds(1800)
@needs_schemathesis
def test_the_server_conforms_to_its_description(example: Example, tmp_path: Path) -> None:
    home, token = make_home(
        tmp_path,
        applications=["notes", NAME, "drive", "identity", "webhooks"],
        notes={"max_notes": 20},
        storage_config={"max_tags_per_file": 1000},  # as many as the description promises
        # Nothing is sent but to where nobody listens: schemathesis.toml names the one URL.
        webhooks={"private_networks": ["127.0.0.1"], "ports": [1]},
        rate_limit={"enabled": False},  # thousands of requests come from one client, wrong keys among them
    )
    packages = os.pathsep.join((example.environ["PYTHONPATH"], str(ROOT)))
    with running(home, token, environ={"PYTHONPATH": packages}) as server:
        fill(server)
        result = ask_everything(server, token, tmp_path, "--include-path-regex", TESTED)
        log = server.log()
        assert server.ask("GET", "/api/health").json["status"] == "healthy"
        refused = find_refused(server)
    assert result.returncode == 0, result.stdout
    assert "Traceback" not in log
    # schemathesis.toml says why.
    assert refused <= LUCKY | {("GET", "/api/events")}, result.stdout


def make_editor(server: Server) -> str:
    """A key of a user who edits one folder, with all scopes that a user has."""
    scopes = ["files:read", "files:write", "accounts:read", "accounts:write"]
    role = json.dumps({"path": "letters", "role": "editor"})
    assert server.ask("PUT", "/api/users/anna/roles", role, JSON).status == 200
    made = server.ask("POST", "/api/keys", json.dumps({"user": "anna", "scopes": scopes}), JSON)
    assert made.status == 201
    key: str = made.json["secret"]
    return key


@pytest.mark.seconds(1800)
@needs_schemathesis
def test_it_does_so_whoever_asks(tmp_path: Path) -> None:
    home, token = make_home(
        tmp_path,
        applications=["drive", "identity", "webhooks"],
        audit={"enabled": True},
        storage_config={"max_tags_per_file": 1000},
        rate_limit={"enabled": False},
    )
    with running(home, token) as server:
        fill(server)
        # It is allowed that they get nothing but refusals, and that is what is looked at.
        few = ("--max-examples", "4", "--warnings", "off")
        results = [ask_everything(server, key, tmp_path, *few) for key in (make_editor(server), "nobody")]
        log = server.log()
        assert server.ask("GET", "/api/health").json["status"] == "healthy"
    for result in results:
        assert result.returncode == 0, result.stdout
    assert "Traceback" not in log
