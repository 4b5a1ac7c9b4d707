"""A real server in a process of its own, as an operator would start it."""

from __future__ import annotations

import ctypes
import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from http.client import HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any, Protocol

from attrs import define

from tests.support.commands import run

PATIENCE = 200.0
"""Seconds after which something that should have happened never will: ten times what it takes on a busy machine."""

TWISTD = ("twistd", "-n", "--pidfile=")
TWIST = ("twist",)

_ROOT = str(Path(__file__).parents[2])
_PR_SET_CHILD_SUBREAPER = 36
_UNSET = ("HOST", "PORT", "API_TOKEN_HASH", "CLOUDSVC_HOME", "NOTIFY_SOCKET")


class Process(Protocol):
    """What tests need of a process."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def send_signal(self, sig: int, /) -> None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def kill(self) -> None: ...


@define
class Reply:
    """A response, read whole."""

    status: int
    headers: dict[str, str]
    body: bytes

    @classmethod
    def read(cls, response: HTTPResponse) -> Reply:
        return cls(response.status, dict(response.getheaders()), response.read())

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@define
class Server:
    """A running server and its home."""

    home: Path
    process: Process
    token: str
    port: int

    @property
    def certificate(self) -> Path:
        return self.home / "certs" / "cert.pem"

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def console(self) -> str:
        """What it has printed so far."""
        file = self.home / "console"
        return file.read_text() if file.exists() else ""

    @property
    def lines(self) -> list[str]:
        return self.console.splitlines(keepends=True)

    def tls(self) -> ssl.SSLContext:
        """Trusts this server and nobody else."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def connect(self) -> ssl.SSLSocket:
        """A verified TLS connection."""
        raw = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        return self.tls().wrap_socket(raw, server_hostname="localhost")

    def open(self) -> HTTPSConnection:
        """A connection for any number of requests; whoever opens it closes it."""
        connection = HTTPSConnection("localhost", self.port, context=self.tls(), timeout=PATIENCE)
        connection.connect()
        return connection

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, *, key: bool = True
    ) -> Reply:
        """One request on a connection of its own."""
        connection = self.open()
        try:
            credentials = {"X-API-Key": self.token} if key else {}
            connection.request(method, path, body=body, headers={**credentials, **(headers or {})})
            return Reply.read(connection.getresponse())
        finally:
            connection.close()

    def log(self) -> str:
        """What the log file says once it says something of this moment."""
        return (self.home / "logs" / "server.log").read_text()

    def wait_for_log(self, text: str) -> str:
        """The log, once ``text`` is in it."""
        wait_until(lambda: text in self.log(), lambda: f"{text!r} never came into the log:\n{self.log()}")
        return self.log()

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)


@define
class Daemon:
    """A process in the background, which this one has adopted."""

    pid: int
    _status: int | None = None

    def poll(self) -> int | None:
        if self._status is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            self._status = os.waitstatus_to_exitcode(status) if pid else None
        return self._status

    def send_signal(self, sig: int, /) -> None:
        os.kill(self.pid, sig)

    def wait(self, timeout: float | None = None) -> int:
        wait_until(lambda: self.poll() is not None, lambda: f"process {self.pid} does not end", timeout or PATIENCE)
        assert self._status is not None
        return self._status

    def kill(self) -> None:
        if self.poll() is None:
            self.send_signal(signal.SIGKILL)
            self.wait()


def wait_until(happened: Callable[[], Any], complaint: Callable[[], str], seconds: float = PATIENCE) -> None:
    """Return once ``happened``; fail with the complaint when it takes too long."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end, complaint()
        time.sleep(0.02)


def program(name: str) -> str:
    """The path of a program that is installed beside this Python."""
    return str(Path(sys.executable).with_name(name))


def make_home(directory: Path, **sections: Any) -> tuple[Path, str]:
    """A home that serves on a free port, and its token."""
    made = run("init", directory)
    assert made.exit_code == 0, made.output
    write_config(directory, **sections)
    token = re.findall(r"[A-Za-z0-9_-]{43}", made.stdout)[-1]
    return directory, token


def write_config(home: Path, **sections: Any) -> None:
    """Configure a server on a free port."""
    server = {"host": "127.0.0.1", "port": 0, "drain_seconds": 5, **sections.pop("server", {})}
    (home / "config" / "config.json").write_text(json.dumps({"server": server, **sections}))


def environment(environ: Mapping[str, str] | None = None) -> dict[str, str]:
    """This process's environment without what configures a server, with the applications of tests and ``environ``."""
    kept = {name: value for name, value in os.environ.items() if name not in _UNSET}
    return kept | {"PYTHONPATH": _ROOT} | dict(environ or {})


def command(home: Path | None, *arguments: str, host: tuple[str, ...] = TWISTD) -> list[str]:
    """The command line that serves ``home`` in the program ``host``."""
    return [program(host[0]), *host[1:], "cloudsvc", *(("--home", str(home)) if home else ()), *arguments]


@contextmanager
def running(
    home: Path,
    token: str,
    *arguments: str,
    host: tuple[str, ...] = TWISTD,
    environ: Mapping[str, str] | None = None,
    named: bool = True,
    cwd: Path | None = None,
    launcher: Sequence[str] = (),
    pass_fds: Sequence[int] = (),
) -> Iterator[Server]:
    """
    A server that answers, stopped at the end.

    :param named: whether to tell it its home.
    :param launcher: a program that becomes the server, and its arguments.
    """

    def start() -> Process:
        with (home / "console").open("wb") as console:
            return subprocess.Popen(
                [*launcher, *command(home if named else None, *arguments, host=host)],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                cwd=cwd or home,
                env=environment(environ),
                pass_fds=pass_fds,
            )

    with _answering(home, token, start) as server:
        yield server


@contextmanager
def daemonised(home: Path, token: str, *options: str, rundir: Path) -> Iterator[Server]:
    """A server in the background that answers, stopped at the end. ``options`` are those of twistd."""
    pidfile = rundir / "server.pid"

    def start() -> Process:
        host = ("twistd", f"--pidfile={pidfile}", f"--rundir={rundir}", *options)
        subprocess.run(command(home, host=host), check=True, env=environment(), timeout=PATIENCE)
        daemon = Daemon(int(pidfile.read_text()))
        os.waitpid(os.getsid(daemon.pid), 0)  # the process between, which has been adopted too
        return daemon

    with adopting(), _answering(home, token, start) as server:
        yield server


@contextmanager
def adopting() -> Iterator[None]:
    """Meanwhile processes that lose their parent become children of this one, which so learns how they end."""
    prctl = ctypes.CDLL(None).prctl
    prctl(_PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield
    finally:
        prctl(_PR_SET_CHILD_SUBREAPER, 0)


@contextmanager
def _answering(home: Path, token: str, start: Callable[[], Process]) -> Iterator[Server]:
    log = home / "logs" / "server.log"
    earlier = log.stat().st_size if log.exists() else 0
    server = Server(home, start(), token, 0)

    def listens() -> bool:
        text = log.read_bytes()[earlier:].decode() if log.exists() else ""
        found = re.search(r"listening on .*?(?:port=(\d+)|\))", text)
        server.port = int(found[1] or 0) if found else 0
        assert found or server.process.poll() is None, f"it ended with status {server.process.poll()}"
        return found is not None

    try:
        wait_until(listens, lambda: "it does not listen")
        yield server
        server.stop()
    except AssertionError as problem:
        problem.add_note(server.console)
        raise
    finally:
        server.process.kill()
        server.process.wait()
