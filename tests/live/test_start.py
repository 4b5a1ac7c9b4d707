"""From a command line to a server that answers, in every program and at every kind of address."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.server import (
    PATIENCE,
    TWIST,
    daemonised,
    make_home,
    running,
    wait_until,
    write_config,
)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path / "home")[0]


def test_the_command_line_is_understood_without_a_reactor() -> None:
    """Or --reactor would come too late."""
    script = """
import sys
from twisted.application.service import IServiceMaker
from twisted.plugin import getPlugins
[maker] = [each for each in getPlugins(IServiceMaker) if each.tapname == "cloudsvc"]
maker.options().getUsage()
print(*sys.modules.keys() & {"klein", "twisted.internet.reactor", "twisted.web.server"})
"""
    done = subprocess.run([sys.executable, "-c", script], check=True, capture_output=True, text=True, timeout=PATIENCE)
    assert done.stdout == "\n"


def without_times(log: str) -> list[str]:
    return [line.partition(" ")[2] for line in log.splitlines()]


def test_console_and_file_have_the_same_lines_once(home: Path) -> None:
    with running(home, "") as server:
        assert server.ask("GET", "/api/health").status == 200
        assert server.stop() == 0
        log = server.log()
        assert server.console == log
        lines = without_times(log)
        assert sum("listening on" in line for line in lines) == 1
        assert [line for line in lines if "GET /api/health 200 client=127.0.0.1" in line]
        assert all(re.match(r"(info |warn ) \[[\w.]+\] ", line) for line in lines), lines
        assert not list(home.glob("twistd.*"))


def test_twist_logs_as_configured(home: Path) -> None:
    """It has a format of its own, and chooses it before it knows what it runs."""
    write_config(home, logging={"format": "json"})
    with running(home, "", host=TWIST) as server:
        assert server.ask("GET", "/api/health").status == 200
        assert server.stop() == 0
        assert server.console == server.log()
        records = [json.loads(line) for line in server.lines]
        (access,) = [record for record in records if record["logger"] == "cloudsvc.access"]
        assert access["fields"].keys() == {"method", "path", "client", "status", "seconds", "sent", "request_id"}


@pytest.mark.parametrize(
    "host",
    [
        ("twistd", "-n", "--pidfile=", "--logfile=own.log", "--reactor=poll"),
        ("twist", "--log-file=own.log", "--reactor=asyncio"),
    ],
    ids=["twistd", "twist"],
)
def test_a_log_that_was_asked_for_is_kept_beside_ours(home: Path, host: tuple[str, ...]) -> None:
    """And the reactor that was asked for runs."""
    with running(home, "", host=host) as server:
        assert server.ask("GET", "/api/health").status == 200
        assert server.stop() == 0
        own = (home / "own.log").read_text()
        assert [own.count("listening on"), server.log().count("listening on")] == [1, 1]
        assert server.console == ""
        if host[0] == "twistd":
            assert "PollReactor" in own


def test_a_daemon_keeps_a_relative_home_and_leaves_nothing_behind(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rundir = tmp_path / "rundir"
    rundir.mkdir()
    monkeypatch.chdir(tmp_path)
    with daemonised(Path("home"), "", rundir=rundir) as server:
        assert os.getsid(server.process.pid) != os.getsid(0)
        assert server.ask("GET", "/api/health").status == 200
        assert [path.name for path in rundir.iterdir()] == ["server.pid"]
        assert server.stop() == 0
        assert not list(rundir.iterdir())
        assert "GET /api/health 200" in server.log()


def test_the_home_and_its_settings_may_come_from_the_environment(home: Path, tmp_path: Path) -> None:
    with (home / ".env").open("a") as file:
        file.write("CLOUDSVC__JSON_RESPONSE__INDENT=1\nPORT=1\n")
    environ = {"CLOUDSVC_HOME": str(home), "PORT": "0", "CLOUDSVC__SECURITY__HSTS_MAX_AGE": "5"}
    with running(home, "", environ=environ, named=False, cwd=tmp_path) as server:
        answer = server.ask("GET", "/api/health")
        assert answer.body.startswith(b'{\n "code": 200')
        assert answer.headers["Strict-Transport-Security"] == "max-age=5; includeSubDomains"
        assert server.stop() == 0
        assert [path.name for path in tmp_path.iterdir()] == ["home"]


def ask_plain(target: socket.socket) -> int:
    with target:
        target.sendall(b"GET /api/health HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        return int(target.makefile("rb").readline().split()[1])


def test_it_listens_wherever_it_is_told_and_at_home_by_default(home: Path) -> None:
    """The home is the current directory; and the addresses are of all kinds."""
    certificate = ssl.create_default_context(cafile=str(home / "certs/cert.pem"))

    def wrap(plain: socket.socket) -> socket.socket:
        return certificate.wrap_socket(plain, server_hostname="localhost")

    def connect(port: int) -> socket.socket:
        return socket.create_connection(("127.0.0.1", port), PATIENCE)

    endpoints = (
        "tcp:0:interface=127.0.0.1",
        f"unix:{home}/socket",
        f"ssl:0:interface=127.0.0.1:privateKey={home}/certs/key.pem:certKey={home}/certs/cert.pem",
        "cloudsvc:haproxy:tcp:0:interface=127.0.0.1",
        "cloudsvc:systemd:domain=INET:index=0",
    )
    arguments = [part for endpoint in endpoints for part in ("--endpoint", endpoint)]
    with socket.create_server(("127.0.0.1", 0)) as handed:
        launcher = [
            "bash",
            "-c",
            f'LISTEN_FDS=1 LISTEN_FDNAMES=web LISTEN_PID=$$ exec "$@" 3<&{handed.fileno()}',
            "bash",
        ]
        activated = handed.getsockname()[1]
        with running(home, "", *arguments, named=False, launcher=launcher, pass_fds=[handed.fileno()]) as server:
            wait_until(lambda: server.log().count("listening on") == len(endpoints), server.log)
            plain, tls, proxied, inherited = map(int, re.findall(r"listening on .*port=(\d+)", server.log()))
            assert inherited == activated
            assert ask_plain(connect(plain)) == 200
            with socket.socket(socket.AF_UNIX) as local:
                local.connect(f"{home}/socket")
                assert ask_plain(local) == 200
            assert ask_plain(wrap(connect(tls))) == 200
            behind = connect(proxied)
            behind.sendall(b"PROXY TCP4 198.51.100.7 127.0.0.1 5555 443\r\n")
            assert ask_plain(wrap(behind)) == 200
            assert ask_plain(wrap(connect(inherited))) == 200
            assert "client=198.51.100.7" in server.wait_for_log("198.51.100.7")
            assert server.stop() == 0
            assert not (home / "socket").exists()
