"""Real servers for tests: each on a free port of the loopback address, stopped by its process id."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from secrets import randbelow
from typing import Final

from attrs import define, field

from cloudsvc.tls.files import CertificateFiles
from tests.support.halting import halt
from tests.support.required_tools import require_tool

_DEADLINE = 100.0
"""Seconds until a server must accept connections, or be gone: ten times what it takes on a busy machine."""

PATIENT_REDIS: Final = "socket_timeout=100&socket_connect_timeout=100"
"""
For the address of a Redis that is busy at most: a server that has waited for it in vain counts no requests for some
seconds.
"""

_GIVEN: Final[set[int]] = set()
"""Ports that were found: a server that starts listens on its own only after a while."""


def find_free_port() -> int:
    """
    A port of the loopback address on which nothing listens.

    It lies below those that Linux gives to whoever asks for any (ip_local_port_range in ip(7)): until a server listens
    on it, no other test gets it by chance. Nor does another server of this process, or a process beside this one of
    pytest-xdist: each has every so many ports to itself.
    """
    processes = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    own = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % processes
    while True:
        port = 10_000 + own + processes * randbelow(20_000 // processes)
        if port in _GIVEN:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:  # taken
                continue
        _GIVEN.add(port)
        return port


@define(eq=False)
class ToolServer:
    """
    A server that a test may stop, start again on the same port, freeze and thaw.

    :ivar environment: variables that it gets beside those of the tests.
    :ivar log: the file that keeps what it prints, if one does.
    """

    scheme: str
    command: Callable[[int], list[str]]
    port: int = field(factory=find_free_port)
    environment: Mapping[str, str] = field(factory=dict, kw_only=True)
    log: Path | None = field(default=None, kw_only=True)
    _process: subprocess.Popen[bytes] | None = field(default=None, init=False)

    @property
    def uri(self) -> str:
        """The address of the server as a storage of rate limits."""
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def start(self) -> None:
        """Return when the server accepts connections."""
        with Path(self.log or os.devnull).open("ab") as log:
            self._process = subprocess.Popen(
                self.command(self.port),
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + _DEADLINE
        while not accepts(self.port):
            assert self._process.poll() is None, f"{self.scheme} server ended with {self._process.returncode}"
            assert time.monotonic() < deadline, f"{self.scheme} server does not listen on port {self.port}"
            time.sleep(0.02)

    def stop(self) -> None:
        """Kill the server, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_DEADLINE)
            self._process = None

    def freeze(self) -> None:
        """Let the server hang: its system still accepts connections, and nothing answers."""
        assert self._process is not None
        halt(self._process.pid)

    def thaw(self) -> None:
        """End :meth:`freeze`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)


@contextmanager
def run_redis(directory: Path, certificate: CertificateFiles | None = None, password: str = "") -> Iterator[ToolServer]:
    """A Redis server that keeps nothing on disk; with a certificate it speaks TLS and nothing else."""
    program = require_tool("redis-server", "redis-server")
    options = ["--bind", "127.0.0.1", "--save", "", "--appendonly", "no", "--dir", str(directory)]
    options += ["--requirepass", password] if password else []
    port_option = ["--port"]
    if certificate is not None:
        options += ["--tls-cert-file", str(certificate.certificate), "--tls-key-file", str(certificate.key)]
        options += ["--tls-ca-cert-file", str(certificate.authority_certificate), "--tls-auth-clients", "no"]
        port_option = ["--port", "0", "--tls-port"]
    scheme = "redis" if certificate is None else "rediss"
    with start_and_stop(ToolServer(scheme, lambda port: [program, *port_option, str(port), *options])) as server:
        yield server


@contextmanager
def run_memcached() -> Iterator[ToolServer]:
    """A Memcached server."""
    program = require_tool("memcached", "memcached")
    options = ["-l", "127.0.0.1", "-U", "0", *(["-u", "nobody"] if os.geteuid() == 0 else [])]
    with start_and_stop(ToolServer("memcached", lambda port: [program, "-p", str(port), *options])) as server:
        yield server


@contextmanager
def start_and_stop(server: ToolServer) -> Iterator[ToolServer]:
    """``server``, which runs until the context ends."""
    try:
        server.start()
        yield server
    finally:
        server.stop()


def accepts(port: int) -> bool:
    """Whether something listens on a port of the loopback address."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
