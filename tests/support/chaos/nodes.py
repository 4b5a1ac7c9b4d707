"""Nodes: servers with homes of their own and shared engines, which can be killed, frozen and started again."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from http.client import HTTPException, HTTPSConnection
from pathlib import Path
from typing import Any

from attrs import define, field

from tests.support.chaos.application import NAME
from tests.support.chaos.relays import Relay
from tests.support.chaos.shifted_clock import set_clock
from tests.support.external_servers import find_free_port
from tests.support.halting import halt
from tests.support.server import PATIENCE, Reply, environment, make_home, wait_until, write_config
from tests.support.server import Server as Asking

_DRAIN_SECONDS = 60
"""For which a node that is told to stop goes on with what clients have asked for, on a busy machine."""


@define(eq=False)
class Node:
    """
    A node. What it prints goes to ``console`` in its home.

    :ivar databases: the lines to the database servers, in the order of its URL.
    :ivar store: the line to the store of objects.
    """

    name: str
    home: Path
    token: str
    databases: list[Relay]
    store: Relay
    environ: Mapping[str, str]
    port: int = field(factory=find_free_port)
    _process: subprocess.Popen[bytes] | None = None

    @property
    def clock(self) -> Path:
        """The file that says how wrong its clock is."""
        return self.home / "clock"

    @property
    def lines(self) -> list[Relay]:
        """All lines to engines."""
        return [*self.databases, self.store]

    @property
    def pid(self) -> int:
        """Of its process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start it, with a clock that is right. It is not ready yet."""
        assert self._process is None
        set_clock(self.clock, 0)
        arguments = ["-n", "--pidfile=", "cloudsvc", "--home", str(self.home)]
        with (self.home / "console").open("ab") as console:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.support.chaos.shifted_clock", str(self.clock), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=console,
                stderr=subprocess.STDOUT,
                cwd=self.home,
                env=environment(self.environ),
            )

    def wait_until_ready(self) -> None:
        """Return once it says that it is ready."""
        wait_until(self._is_ready, lambda: f"{self.name} is not ready:\n{self.console[-3000:]}")

    def _is_ready(self) -> bool:
        assert self._process is not None
        assert self._process.poll() is None, f"{self.name} ended with {self._process.poll()}:\n{self.console[-3000:]}"
        with suppress(OSError, HTTPException):
            return self.ask("GET", "/api/health/ready").status == 200
        return False

    @property
    def console(self) -> str:
        """What it has printed so far."""
        return (self.home / "console").read_text()

    def ask(self, method: str, path: str, body: bytes | None = None) -> Reply:
        """One request to this node, past the balancer, on a connection of its own."""
        trust = Asking(self.home, None, self.token, self.port).tls()  # type: ignore[arg-type]  # needs no process
        connection = HTTPSConnection("localhost", self.port, context=trust, timeout=PATIENCE)
        try:
            connection.request(method, path, body=body, headers={"X-API-Key": self.token})
            return Reply.read(connection.getresponse())
        finally:
            connection.close()

    def kill(self) -> None:
        """Let it end at once, if it runs."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(PATIENCE)
            self._process = None

    def stop(self) -> int:
        """Let it finish what it does; its exit status."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        status = self._process.wait(PATIENCE)
        self._process = None
        return status

    def freeze(self) -> None:
        """Let it hang."""
        halt(self.pid)

    def thaw(self) -> None:
        """End :meth:`freeze`."""
        assert self._process is not None
        self._process.send_signal(signal.SIGCONT)

    def jump(self, seconds: float) -> None:
        """Set its clock."""
        set_clock(self.clock, seconds)


def make_homes(directory: Path, names: list[str], ports: list[int], **sections: Any) -> tuple[list[Path], str]:
    """Homes with the same certificate and the same token, and that token."""
    settings = {
        "applications": ["drive", NAME],
        "logging": {"console": False, "max_bytes": 2**22, "backups": 2},
        **sections,
    }
    first, token = make_home(directory / names[0])
    homes = [directory / name for name in names]
    for home, port in zip(homes, ports, strict=True):
        if home != first:
            shutil.copytree(first, home, dirs_exist_ok=True)
        write_config(home, server={"port": port, "drain_seconds": _DRAIN_SECONDS}, **settings)
    return homes, token
