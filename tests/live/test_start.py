"""From a command line to a server that answers, or to one line for each reason why not."""

from __future__ import annotations

import json
import os
import re
import socket
import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from twisted.application.app import ServerOptions as HostOptions
from twisted.scripts._twistd_unix import ServerOptions

from cloudsvc.tap import Options, makeService
from tests.support.server import (
    PATIENCE,
    TWIST,
    TWISTD,
    command,
    daemonised,
    environment,
    make_home,
    running,
    wait_until,
    write_config,
)

NOBODY = 65534


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return make_home(tmp_path / "home")[0]


@pytest.fixture
def taken() -> Iterator[int]:
    """A port on which something else listens."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


# -- what is wrong -----------------------------------------------------------------------------------------------


def parse(*arguments: str) -> Options:
    host: HostOptions = ServerOptions()
    host.parseOptions(["--nodaemon", "cloudsvc", *arguments])
    options: Options = host.subOptions
    return options


def faults_of(home: Path, capfd: pytest.CaptureFixture[str], *arguments: str) -> list[str]:
    """What a start prints that fails; that nothing stays bound, every test looks for."""
    with pytest.raises(SystemExit) as caught:
        makeService(parse("--home", str(home), *arguments))
    assert caught.value.code == 1
    printed = capfd.readouterr()
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert all(line.startswith("cloudsvc: ") for line in lines), lines
    return [line.removeprefix("cloudsvc: ") for line in lines]


Break = Callable[[Path], object]

BROKEN: Mapping[str, tuple[Break, str]] = {
    "no config": (
        lambda home: (home / "config/config.json").unlink(),
        r"config/config\.json.*cloudsvc init",
    ),
    "no JSON": (
        lambda home: (home / "config/config.json").write_text("{"),
        r"config/config\.json.* line 1",
    ),
    "no certificate": (
        lambda home: (home / "certs/cert.pem").unlink(),
        r"cert\.pem.*cloudsvc generate-certificate",
    ),
    "another certificate's key": (
        lambda home: (home / "certs/key.pem").write_bytes((home / "certs/ca.key.pem").read_bytes()),
        r"key\.pem",
    ),
    "no endpoint": (
        lambda home: write_config(home, server={"endpoints": ["telegraph:443"]}),
        r"cannot listen on telegraph:443: ",
    ),
    "no address": (
        lambda home: write_config(home, server={"host": "192.0.2.1"}),
        r"cannot listen on .*192\.0\.2\.1.* no address",
    ),
    "no socket of systemd": (
        lambda home: write_config(home, server={"endpoints": ["systemd:domain=INET:index=0"]}),
        r"systemd socket unit",
    ),
    "no application": (
        lambda home: write_config(home, applications=["nowhere:Nothing"]),
        r"config\.applications: 'nowhere:Nothing' ",
    ),
    "no log directory": (
        lambda home: (home / "logs").write_text(""),
        r"logs.*server\.log",
    ),
}


@pytest.mark.parametrize(("spoil", "expected"), BROKEN.values(), ids=BROKEN)
def test_a_fault_is_one_line_that_helps(
    home: Path, capfd: pytest.CaptureFixture[str], spoil: Break, expected: str
) -> None:
    if "logs" in expected:
        (home / "logs").rmdir()
    spoil(home)
    (line,) = faults_of(home, capfd)
    assert re.search(expected, line)


def test_faults_of_the_configuration_are_told_together(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    write_config(home, server={"port": "many"}, rate_limit={"enabled": "false"}, wrong={})
    lines = faults_of(home, capfd)
    assert [line.partition(":")[0] for line in lines] == [
        "config.wrong",
        "config.server.port",
        "config.rate_limit.enabled",
    ]


def test_every_address_that_cannot_be_bound_is_told(home: Path, capfd: pytest.CaptureFixture[str], taken: int) -> None:
    """And those that could be are free again, which this test checks like every other."""
    free, bad = "tcp:0:interface=127.0.0.1", f"cloudsvc:tcp:{taken}:interface=127.0.0.1"
    lines = faults_of(home, capfd, "--endpoint", free, "-e", bad, "-e", "carrier-pigeon:1")
    assert [line.partition(": ")[0] for line in lines] == [
        f"cannot listen on {bad}",
        "cannot listen on carrier-pigeon:1",
    ]
    assert f"another server listens on port {taken}" in lines[0]


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may do everything, so it has to be another user."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(user)


@pytest.fixture
def strange_home() -> Iterator[Path]:
    """A home that another user may read, but for the key."""
    with TemporaryDirectory() as directory:
        home, _ = make_home(Path(directory) / "home")
        for path in (home.parent, home, *home.rglob("*")):
            path.chmod(0o755)
        for path in (home / "certs").iterdir():
            path.chmod(0o444)
        (home / "logs").chmod(0o777)
        yield home


def test_a_key_that_may_not_be_read(strange_home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (strange_home / "certs/key.pem").chmod(0)
    with as_nobody():
        (line,) = faults_of(strange_home, capfd)
    assert re.search(r"key\.pem.*Permission denied", line)


def test_a_socket_that_may_not_be_made(strange_home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    place = strange_home / "certs" / "socket"
    (strange_home / "certs").chmod(0o555)
    with as_nobody():
        (line,) = faults_of(strange_home, capfd, "--endpoint", f"unix:{place}")
    (strange_home / "certs").chmod(0o755)
    assert line == f"cannot listen on unix:{place}: {place}.lock is not permitted: give the server's user access to it"


HOSTS = {"twistd -n": TWISTD, "twistd": ("twistd", "--pidfile=twistd.pid"), "twist": TWIST}


@pytest.mark.parametrize("host", HOSTS.values(), ids=HOSTS)
def test_every_program_ends_with_status_1_and_one_line_for_each_fault(
    home: Path, host: tuple[str, ...], taken: int
) -> None:
    def start() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            command(home, host=host),
            cwd=home,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )

    write_config(home, server={"port": taken})
    in_use = start()
    write_config(home, server={"port": -1}, security={"hsts_max_age": True})
    misconfigured = start()
    assert [in_use.returncode, misconfigured.returncode] == [1, 1]
    assert [in_use.stdout, misconfigured.stdout] == ["", ""]
    assert re.fullmatch(rf"cloudsvc: cannot listen on .*: another server listens on port {taken}: .*\n", in_use.stderr)
    assert re.fullmatch(
        r"cloudsvc: config\.server\.port: .*\ncloudsvc: config\.security\.hsts_max_age: .*\n", misconfigured.stderr
    )
    assert not list(home.glob("twistd.*"))


# -- how it starts -----------------------------------------------------------------------------------------------


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


def test_console_and_file_have_the_same_lines_once(home: Path, tmp_path: Path) -> None:
    with running(home, "", "--home", str(home)) as server:
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
