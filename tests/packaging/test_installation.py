"""Installed from the wheel, away from the checkout, all is there: both hosts of the plugin, the command, a life."""

from __future__ import annotations

import json
import os
import re
import signal
import ssl
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest

from cloudsvc import __version__
from tests.packaging.conftest import run
from tests.support.servers import find_free_port

START_SECONDS = 30

pytestmark = pytest.mark.seconds(600)  # the first of them installs everything from the package index


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


def test_a_first_start_answers_a_login_and_stops_with_success(installed: Path, tmp_path: Path) -> None:
    port = find_free_port()
    environment = {"PATH": f"{installed}:{os.defpath}", "CLOUDSVC_HOME": str(tmp_path / "home"), "PORT": str(port)}
    shown = subprocess.run(
        ["cloudsvc", "init", str(tmp_path / "home")], env=environment, check=True, capture_output=True, text=True
    ).stdout
    trust = ssl.create_default_context(cafile=tmp_path / "home/certs/cert.pem")
    login = urllib.request.Request(f"https://localhost:{port}/api/login", headers={"X-API-Key": shown.strip()})
    with subprocess.Popen(["twistd", "--nodaemon", "--pidfile=", "cloudsvc"], env=environment, cwd=tmp_path) as server:
        try:
            healthy = ["cloudsvc", "health"]
            deadline = time.monotonic() + START_SECONDS
            while subprocess.run(healthy, env=environment, check=False, capture_output=True, cwd=tmp_path).returncode:
                assert server.poll() is None
                assert time.monotonic() < deadline
            with urllib.request.urlopen(login, timeout=START_SECONDS, context=trust) as response:
                assert json.load(response)["message"] == "Login successful."
            server.send_signal(signal.SIGTERM)
            assert server.wait(START_SECONDS) == 0
        finally:
            server.kill()
