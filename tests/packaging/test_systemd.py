"""The systemd units: accepted by systemd, and the command they start takes its socket and tells when it is ready."""

from __future__ import annotations

import configparser
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.packaging.conftest import ROOT, run

pytestmark = pytest.mark.slow

UNITS = ROOT / "deploy/systemd"
BIN = Path(sys.executable).parent
START_SECONDS = 200

needs_systemd = pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="systemd is not installed")
needs_activation = pytest.mark.skipif(
    shutil.which("systemd-socket-activate") is None, reason="systemd-socket-activate is not installed"
)


@pytest.fixture
def units(tmp_path: Path) -> Path:
    """The units, with this environment's programs instead of /opt/cloudsvc."""
    for path in UNITS.glob("cloudsvc.*"):
        (tmp_path / path.name).write_text(path.read_text().replace("/opt/cloudsvc/bin", str(BIN)))
    return tmp_path


def test_the_files_of_the_page_are_installed_where_no_directory_is_yet(tmp_path: Path) -> None:
    """As ``docs/deployment.md`` has it; a system without ``/etc/sysusers.d`` is an ordinary one."""
    page = (ROOT / "docs/deployment.md").read_text()
    commands = re.findall(r"^# (install -D [^&\n]+)", page, re.MULTILINE)
    for command in commands:
        run(*(f"{tmp_path}{word}" if word.startswith("/") else word for word in shlex.split(command)), cwd=ROOT)
    installed = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert installed == {
        "etc/sysusers.d/cloudsvc.conf",
        "etc/systemd/system/cloudsvc.service",
        "etc/systemd/system/cloudsvc.socket",
    }


@needs_systemd
def test_systemd_accepts_the_units(units: Path) -> None:
    run("systemd-analyze", "verify", units / "cloudsvc.service", units / "cloudsvc.socket")


@needs_systemd
def test_the_service_can_reach_little(units: Path) -> None:
    """systemd's own measure of exposure, from 0 to 10."""
    run("systemd-analyze", "security", "--offline=true", "--threshold=20", "--no-pager", units / "cloudsvc.service")


@needs_activation
def test_the_command_takes_the_socket_and_reports_its_state(units: Path, tmp_path: Path) -> None:
    home = tmp_path / "home"
    run(BIN / "cloudsvc", "init", home)
    service = configparser.RawConfigParser(strict=False)
    service.optionxform = str  # type: ignore[assignment, method-assign]  # the documented way to keep the case of keys
    service.read(units / "cloudsvc.service")
    command = shlex.split(service["Service"]["ExecStart"])
    with socket.create_server(("::1", 0), family=socket.AF_INET6) as free:
        port = free.getsockname()[1]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(START_SECONDS)
        environment = os.environ | {"CLOUDSVC_HOME": str(home), "NOTIFY_SOCKET": str(tmp_path / "notify")}
        forwarded = [f"--setenv={name}={value}" for name, value in environment.items()]
        activate = ["systemd-socket-activate", f"--listen=[::1]:{port}", "--fdname=cloudsvc.socket", *forwarded]
        with subprocess.Popen([*activate, *command], env=environment, cwd=tmp_path) as server:
            try:
                # It becomes the command once somebody connects.
                with _connect(port):
                    assert manager.recv(4096) == b"READY=1"
                server.send_signal(signal.SIGHUP)
                assert manager.recv(4096).startswith(b"RELOADING=1")
                assert manager.recv(4096) == b"READY=1"
                server.send_signal(signal.SIGTERM)
                assert manager.recv(4096) == b"STOPPING=1"
                assert server.wait(START_SECONDS) == 0
            finally:
                server.kill()


def _connect(port: int) -> socket.socket:
    for _ in range(START_SECONDS * 10):
        try:
            return socket.create_connection(("::1", port), timeout=START_SECONDS)
        except ConnectionRefusedError:
            signal.sigtimedwait([], 0.1)
    raise AssertionError("nothing listens")
