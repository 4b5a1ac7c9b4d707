"""A token replaced under a running server, in each way in which it can be."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from tests.support.commands import run
from tests.support.server import PATIENCE, Server, make_home, running, wait_until


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    home, token = make_home(tmp_path / "home", rate_limit={"enabled": False})
    with running(home, token) as server:
        assert login(server, token) == 200
        yield server


def login(server: Server, token: str) -> int:
    return server.ask("GET", "/api/login", headers={"X-API-Key": token}, key=False).status


def rotate(server: Server) -> str:
    return run("generate-new-token", "--home", server.home).stdout.strip()


def hangup(server: Server) -> None:
    server.process.send_signal(signal.SIGHUP)


def test_the_new_token_counts_and_the_former_does_not(server: Server) -> None:
    """By itself, though within a minute."""
    new = rotate(server)
    wait_until(lambda: login(server, new) == 200, server.log, 3 * PATIENCE)
    assert login(server, server.token) == 401
    assert new not in server.wait_for_log("the former one is refused from now on")


def test_on_a_hangup_it_counts_at_once_and_on_open_connections_too(server: Server) -> None:
    connection = server.open()
    connection.request("GET", "/api/login", headers={"X-API-Key": server.token})
    assert connection.getresponse().read()
    new = rotate(server)
    hangup(server)
    server.wait_for_log("uses the new token")
    assert [login(server, new), login(server, server.token)] == [200, 401]
    connection.request("GET", "/api/login", headers={"X-API-Key": server.token})
    assert connection.getresponse().status == 401
    connection.close()


def test_an_upload_that_has_begun_is_finished(server: Server) -> None:
    connection = server.open()
    connection.putrequest("PUT", "/api/files/kept.txt")
    connection.putheader("X-API-Key", server.token)
    connection.putheader("Content-Length", "10")
    connection.endheaders(b"12345")
    rotate(server)
    hangup(server)
    server.wait_for_log("uses the new token")
    connection.send(b"67890")
    assert connection.getresponse().status == 201
    connection.close()


def test_a_broken_file_keeps_the_former_token(server: Server) -> None:
    (server.home / ".env").write_text("API_TOKEN_HASH=abc\n")
    hangup(server)
    server.wait_for_log("the former one stays valid")
    assert login(server, server.token) == 200


def test_a_mounted_secret_is_followed_through_its_links(server: Server) -> None:
    """Kubernetes swaps the link to a directory that the link to the file leads through."""
    env = server.home / ".env"
    for number, content in enumerate((env.read_text(), f"API_TOKEN_HASH={sha256(b'new').hexdigest()}\n")):
        (server.home / f"v{number}").mkdir()
        (server.home / f"v{number}" / ".env").write_text(content)
    (server.home / "data.link").symlink_to("v0")
    env.unlink()
    env.symlink_to("data.link/.env")
    hangup(server)
    assert login(server, server.token) == 200
    (server.home / "data.new").symlink_to("v1")
    (server.home / "data.new").rename(server.home / "data.link")
    hangup(server)
    server.wait_for_log("uses the new token")
    assert [login(server, "new"), login(server, server.token)] == [200, 401]


def test_a_token_of_the_environment_stands_in_the_way_and_that_is_told(tmp_path: Path) -> None:
    home, _ = make_home(tmp_path / "home")
    environ = {"API_TOKEN_HASH": sha256(b"fixed").hexdigest()}
    with running(home, "fixed", environ=environ) as server:
        new = rotate(server)
        hangup(server)
        log = server.wait_for_log("environment API_TOKEN_HASH wins")
        assert "stays valid" in log
        assert [login(server, "fixed"), login(server, new)] == [200, 401]


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to be somebody else")
def test_what_root_replaces_stays_the_servers(tmp_path: Path) -> None:
    home, _ = make_home(tmp_path / "home")
    for path in (home, *home.rglob("*")):
        os.chown(path, 12345, 12345)
    run("generate-new-token", "--home", home)
    run("generate-certificate", "--home", home)
    assert {path.stat().st_uid for path in home.rglob("*")} == {12345}
