"""Installed from the wheel, away from the checkout, all is there: both hosts of the plugin, the command, a life."""

from __future__ import annotations

import json
import os
import re
import signal
import ssl
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from attrs import frozen

from cloudsvc import __version__
from tests.packaging.conftest import run
from tests.support.external_servers import find_free_port

START_SECONDS = 200

# The first of them installs everything from the package index.
pytestmark = [pytest.mark.slow, pytest.mark.seconds(1800)]


@pytest.mark.parametrize("host", ["twistd", "twist"])
def test_both_hosts_list_the_subcommand(installed: Path, host: str, tmp_path: Path) -> None:
    assert re.search(r"^\s+cloudsvc\s", run(installed / host, "--help", cwd=tmp_path), re.MULTILINE)


def test_the_package_is_the_installed_one(installed: Path, tmp_path: Path) -> None:
    where = run(
        installed / "python", "-c", "import cloudsvc; print(cloudsvc.__file__, cloudsvc.__version__)", cwd=tmp_path
    )
    path, version = where.split()
    assert Path(path).is_relative_to(installed.parent)
    assert version == __version__


@frozen
class Started:
    """A server that runs in a home of its own, and what one needs to ask it."""

    port: int
    token: str
    trust: ssl.SSLContext

    def ask(self, path: str, *, method: str = "GET", body: bytes | None = None) -> tuple[int, bytes]:
        """The status of the answer, and its content."""
        request = urllib.request.Request(
            f"https://localhost:{self.port}{path}", body, {"X-API-Key": self.token}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=START_SECONDS, context=self.trust) as response:
                return response.status, response.read()
        except urllib.error.HTTPError as refused:
            return refused.code, refused.read()


@contextmanager
def started(programs: Path, directory: Path) -> Iterator[Started]:
    """A first start and a stop, which must succeed."""
    port = find_free_port()
    environment = {"PATH": f"{programs}:{os.defpath}", "CLOUDSVC_HOME": str(directory / "home"), "PORT": str(port)}
    shown = subprocess.run(
        ["cloudsvc", "init", str(directory / "home")], env=environment, check=True, capture_output=True, text=True
    ).stdout
    trust = ssl.create_default_context(cafile=directory / "home/certs/cert.pem")
    with subprocess.Popen(["twistd", "--nodaemon", "--pidfile=", "cloudsvc"], env=environment, cwd=directory) as server:
        try:
            healthy = ["cloudsvc", "health"]
            deadline = time.monotonic() + START_SECONDS
            while subprocess.run(healthy, env=environment, check=False, capture_output=True, cwd=directory).returncode:
                assert server.poll() is None
                assert time.monotonic() < deadline
            yield Started(port, shown.strip(), trust)
            server.send_signal(signal.SIGTERM)
            assert server.wait(START_SECONDS) == 0
        finally:
            server.kill()


def test_a_first_start_answers_a_login_and_stops_with_success(installed: Path, tmp_path: Path) -> None:
    with started(installed, tmp_path) as server:
        status, content = server.ask("/api/login")
    assert status == 200
    assert json.loads(content)["message"] == "Login successful."


def test_without_the_extras_it_stores_and_says_what_it_cannot(bare: Path, tmp_path: Path) -> None:
    with started(bare, tmp_path) as server:
        assert server.ask("/api/files/a.png", method="PUT", body=b"bytes")[0] == 201
        assert server.ask("/api/files/a.png") == (200, b"bytes")
        status, content = server.ask("/api/files/a.png/thumbnail")
        assert (status, json.loads(content)["error"]) == (415, "thumbnails_not_installed")
    log = (tmp_path / "home/logs/server.log").read_text()
    assert "no thumbnails are made, without pillow, pillow-heif, av: install cloudsvc[thumbnails] to have them" in log


@pytest.mark.parametrize(("scheme", "extra"), [("redis", "redis"), ("memcached", "memcached")])
def test_a_storage_that_needs_an_extra_names_it(bare: Path, tmp_path: Path, scheme: str, extra: str) -> None:
    environment = {
        "PATH": f"{bare}:{os.defpath}",
        "CLOUDSVC_HOME": str(tmp_path / "home"),
        "PORT": "0",
    }
    subprocess.run(["cloudsvc", "init", str(tmp_path / "home")], env=environment, check=True, capture_output=True)
    environment["CLOUDSVC__RATE_LIMIT__STORAGE_URI"] = f"{scheme}://secret@localhost:1"
    for command in (["twistd", "--nodaemon", "--pidfile=", "cloudsvc"], ["cloudsvc", "config", "check"]):
        done = subprocess.run(
            command, env=environment, check=False, capture_output=True, text=True, cwd=tmp_path, timeout=START_SECONDS
        )
        assert done.returncode == 1
        assert done.stderr == (
            f"cloudsvc: environment CLOUDSVC__RATE_LIMIT__STORAGE_URI: counting in {scheme}:// needs a package that is "
            f"not installed; install cloudsvc[{extra}], or count in memory://\n"
        )
