"""A real server in a process of its own, as an operator would start it."""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPResponse, HTTPSConnection
from pathlib import Path
from typing import Any

from attrs import define, field

PATIENCE = 20.0
"""Seconds after which something that should have happened never will."""


@define
class Reply:
    """A response, read whole."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@define
class Server:
    """A running server and its home."""

    home: Path
    process: subprocess.Popen[str]
    token: str
    port: int
    lines: list[str] = field(factory=list)

    @property
    def certificate(self) -> Path:
        return self.home / "certs" / "cert.pem"

    @property
    def url(self) -> str:
        return f"https://localhost:{self.port}"

    def tls(self) -> ssl.SSLContext:
        """Trusts this server and nobody else."""
        return ssl.create_default_context(cafile=str(self.certificate))

    def connect(self) -> ssl.SSLSocket:
        """A verified TLS connection."""
        raw = socket.create_connection(("127.0.0.1", self.port), PATIENCE)
        return self.tls().wrap_socket(raw, server_hostname="localhost")

    def ask(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None, *, key: bool = True
    ) -> Reply:
        """One request on a connection of its own."""
        connection = HTTPSConnection("localhost", self.port, context=self.tls(), timeout=PATIENCE)
        try:
            credentials = {"X-API-Key": self.token} if key else {}
            connection.request(method, path, body=body, headers={**credentials, **(headers or {})})
            response: HTTPResponse = connection.getresponse()
            return Reply(response.status, dict(response.getheaders()), response.read())
        finally:
            connection.close()

    def log(self) -> str:
        """What the log file says once it says something of this moment."""
        return (self.home / "logs" / "server.log").read_text()

    def wait_for_log(self, text: str) -> str:
        """The log, once ``text`` is in it."""
        end = time.monotonic() + PATIENCE
        while text not in (log := self.log()):
            assert time.monotonic() < end, f"{text!r} never came into the log:\n{log}"
            time.sleep(0.05)
        return log

    def stop(self, number: int = signal.SIGTERM) -> int:
        """Ask it to stop; its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(PATIENCE)


def program(name: str) -> str:
    """The path of a program that is installed beside this Python."""
    return str(Path(sys.executable).with_name(name))


def make_home(directory: Path, **sections: Any) -> tuple[Path, str]:
    """A home that serves on a free port, and its token."""
    made = subprocess.run(
        [program("cloudsvc"), "init", str(directory)], check=True, capture_output=True, text=True, timeout=PATIENCE
    )
    config = {"server": {"host": "127.0.0.1", "port": 0, "drain_seconds": 5}, **sections}
    config["server"] = {"host": "127.0.0.1", "port": 0, "drain_seconds": 5, **sections.get("server", {})}
    (directory / "config" / "config.json").write_text(json.dumps(config))
    token = re.findall(r"[A-Za-z0-9_-]{43}", made.stdout)[-1]
    return directory, token


@contextmanager
def running(
    home: Path,
    token: str,
    *arguments: str,
    host: tuple[str, ...] = ("twistd", "-n", "--pidfile="),
    environ: Mapping[str, str] | None = None,
) -> Iterator[Server]:
    """A server that answers, stopped at the end."""
    process = subprocess.Popen(
        [program(host[0]), *host[1:], "cloudsvc", "--home", str(home), *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        cwd=home,
        env={**os.environ, **(environ or {})},
    )
    server = Server(home, process, token, 0)
    try:
        assert process.stdout is not None
        for line in process.stdout:
            server.lines.append(line)
            if found := re.search(r"listening on .*port[\"']?[:=]\s*(\d+)", line):
                server.port = int(found[1])
                break
        else:
            raise AssertionError("".join(server.lines))
        os.set_blocking(process.stdout.fileno(), False)
        yield server
    finally:
        server.stop(signal.SIGTERM)
        process.stdout.close() if process.stdout else None
