"""Whatever keeps the server from starting is one line for each fault, and nothing stays bound."""

from __future__ import annotations

import os
import re
import socket
import subprocess
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
    environment,
    make_home,
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
        r"config\.server\.endpoints\[0\]: .*Unknown endpoint type: 'telegraph'",
    ),
    "no directory for a socket": (
        lambda home: write_config(home, server={"endpoints": [f"unix:{home}/nowhere/socket"]}),
        r"cannot listen on unix:.*: .*/nowhere/socket\.lock: No such file or directory",
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
    "keys among the files that are served": (
        lambda home: write_config(home, static={"directory": "certs"}),
        r"config\.static\.directory: .*/certs holds, or lies in, what is private",
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
        for name in ("data", "logs"):
            (home / name).mkdir(exist_ok=True)
            (home / name).chmod(0o777)
        yield home


def test_a_key_that_may_not_be_read(strange_home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (strange_home / "certs/key.pem").chmod(0)
    with as_nobody():
        (line,) = faults_of(strange_home, capfd)
    assert re.search(r"key\.pem.*Permission denied", line)


def test_files_to_serve_that_may_not_be_read(strange_home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (strange_home / "pages").mkdir(mode=0o700)
    write_config(strange_home, static={"directory": "pages"})
    with as_nobody():
        (line,) = faults_of(strange_home, capfd)
    assert re.search(r"config\.static\.directory: .*/pages cannot be served: Permission denied", line)


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
