"""A disk that is full: the client is told, what was there stays, and the server goes on."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.drive_servers import DRIVE, MIB, curl, list_blobs
from tests.support.durability.inspection import find_problems
from tests.support.required_tools import require_tool
from tests.support.server import Server, make_home, running, wait_until

SIZE = 8 * MIB


@contextmanager
def mounted(directory: Path) -> Iterator[None]:
    """A file system of its own in ``directory``, and a small one."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small disk")
    options = ["-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "tmpfs", str(directory)]
    done = subprocess.run([require_tool("mount", "mount"), *options], check=False, capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"this root may not mount a small disk: {done.stderr.strip()}")
    try:
        yield
    finally:
        subprocess.run([require_tool("umount", "mount"), str(directory)], check=True)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    home, token = make_home(
        tmp_path_factory.mktemp("full") / "home", applications=[DRIVE], rate_limit={"enabled": False}
    )
    drive = home / "data" / "drive"
    drive.mkdir(mode=0o700, parents=True)
    with mounted(drive), running(home, token) as server:
        yield server


@pytest.fixture
def drive(server: Server) -> Path:
    return server.home / "data" / "drive"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A small one."""
    file = tmp_path / "file"
    file.write_bytes(os.urandom(MIB))
    return file


@pytest.mark.parametrize(
    "arguments",
    [["-T", "{}"], ["-T", "{}", "-H", "Transfer-Encoding: chunked"]],
    ids=["with its length", "without its length"],
)
def test_a_file_larger_than_the_disk(
    server: Server, drive: Path, file: Path, tmp_path: Path, arguments: list[str]
) -> None:
    large = tmp_path / "large"
    large.write_bytes(os.urandom(2 * SIZE))
    assert curl(server, "/api/files/a", "-T", file).status in {201, 204}
    before = {*list_blobs(server)}
    refused = curl(server, "/api/files/a", *(each.format(large) for each in arguments))
    assert (refused.status, refused.json["error"]) == (507, "no_space")
    assert refused.json["message"] == "The server's disk is full."
    assert {*list_blobs(server)} == before
    assert curl(server, "/api/files/a").body == file.read_bytes()
    assert [*find_problems(drive)] == []
    assert curl(server, "/api/files/smaller", "-T", file).status in {201, 204}
    assert curl(server, "/api/files/smaller").body == file.read_bytes()


def test_no_room_for_the_catalogue(server: Server, drive: Path, file: Path) -> None:
    """What it had written before may be written over, so that some changes still succeed."""
    wait_until((drive / "reserve").exists, lambda: "no room is kept")
    assert curl(server, "/api/files/kept", "-T", file).status == 201
    filler = drive / "filler"
    made: list[str] = []
    fill(filler)
    assert read_health(server) == {
        "database": "healthy",
        "blobs": "healthy",
        "disk": "degraded",
        "drive_space": "degraded",
    }
    while (answer := curl(server, f"/api/folders/folders/{len(made)}", "-X", "PUT")).status == 201:
        made.append(f"folders/{len(made)}")
        assert len(made) < 1000
    assert (answer.status, answer.json["error"]) == (507, "no_space")
    assert list_folders(server) == {*made}
    tiny = curl(server, "/api/files/kept", "-X", "PUT", "-d", "tiny")
    assert (tiny.status, tiny.json["error"]) == (507, "no_space")
    assert curl(server, "/api/files/kept").body == file.read_bytes()
    # What is there can be deleted all the same, and then there is room again.
    assert curl(server, "/api/files/kept", "-X", "DELETE").status == 200
    assert curl(server, "/api/trash", "-X", "DELETE").status == 200
    assert not (drive / "reserve").exists()
    another = f"/api/folders/folders/{len(made)}"
    wait_until(lambda: curl(server, another, "-X", "PUT").status == 201, lambda: "there is no room")
    assert [*find_problems(drive)] == []
    filler.unlink()
    assert curl(server, "/api/files/kept", "-X", "PUT", "-d", "tiny").status == 201
    assert curl(server, "/api/files/kept").body == b"tiny"


def read_health(server: Server) -> dict[str, str]:
    """What the checks say that are about disks. It is one disk that is full, and not that of the home."""
    checks = server.ask("GET", "/api/health/checks").json["checks"]
    assert "of the fullest of 2 disks is free" in checks["disk"]["message"]
    return {name: checks[name]["status"] for name in ("database", "blobs", "disk", "drive_space")}


def fill(file: Path) -> None:
    """Until there is no more room."""
    with file.open("wb", buffering=0) as filler:
        try:
            while filler.write(bytes(4096)):
                pass
        except OSError:
            pass


def list_folders(server: Server) -> set[str]:
    listed = curl(server, "/api/folders/folders?limit=1000")
    if listed.status == 404:
        return set()
    return {f"folders/{folder['path'].rpartition('/')[2]}" for folder in json.loads(listed.body)["children"]}
