"""Servers with the application of :mod:`tests.support.applications`, and clients that are rude to them."""

from __future__ import annotations

import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from tests.support.applications import NAME
from tests.support.server import PATIENCE, Server, make_home, running

ROOT = Path(__file__).parents[2]
PLAIN = ("--endpoint", "tcp:0:interface=127.0.0.1")
HOST = b"Host: localhost\r\n"

_LISTEN = "0A"

_marks = count(1)


@contextmanager
def run_trial(directory: Path, *arguments: str, **sections: Any) -> Iterator[Server]:
    """A server that limits no rate, so that a test may ask as often as it likes."""
    sections = {"applications": [NAME], "rate_limit": {"enabled": False}, "logging": {"console": False}, **sections}
    home, token = make_home(directory, **sections)
    with running(home, token, *arguments, environ={"PYTHONPATH": str(ROOT)}) as server:
        yield server


def dial(server: Server, *, plain: bool) -> socket.socket:
    """A connection to a server, with its TLS or without any."""
    connection = socket.create_connection(("127.0.0.1", server.port), PATIENCE)
    return connection if plain else _trust(server.certificate).wrap_socket(connection, server_hostname="localhost")


@cache
def _trust(certificate: Path) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=str(certificate))


def receive_all(connection: socket.socket) -> bytes:
    """Everything until the other side ends or resets the connection."""
    pieces = []
    try:
        while piece := connection.recv(65536):
            pieces.append(piece)
    except OSError as problem:
        assert not isinstance(problem, TimeoutError), f"the server neither answers nor closes, after {pieces}"
    return b"".join(pieces)


def exchange(server: Server, *pieces: bytes, plain: bool) -> bytes:
    """What the server says to ``pieces`` until it closes the connection. It may do so before it has seen all."""
    with dial(server, plain=plain) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
        except OSError:
            pass
        return receive_all(connection)


class Watch:
    """What the server logs from now on, and whether it still answers."""

    def __init__(self, server: Server, *, plain: bool = False) -> None:
        self._server, self._plain = server, plain
        self._begin = self._mark()

    def lines(self) -> list[str]:
        """The lines so far. That there are any shows that the server goes on."""
        end = self._mark()
        between = self._server.wait_for_log(end).partition(self._begin)[2].partition(end)[0]
        return between.splitlines()[1:-1]

    def _mark(self) -> str:
        name = f"/api/trial/echo/mark-{next(_marks)}-"
        request = f"GET {name} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
        answer = exchange(self._server, request, plain=self._plain)
        assert answer.startswith(b"HTTP/1.1 200 "), answer
        return name


def count_connections(server: Server) -> int:
    """Connections that a server holds open, whatever their clients believe (proc_pid_net(5))."""
    lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
    rows = [(local, state, inode) for _, local, _, state, _, _, _, _, _, inode, *_ in map(str.split, lines)]
    return sum(
        local.endswith(f":{server.port:04X}") and state != _LISTEN and inode != "0" for local, state, inode in rows
    )


def count_files(server: Server) -> int:
    """Open files and sockets of a server."""
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))  # noqa: PTH208  # only their number matters


def wait_for(number: int, count_: Callable[[Server], int], server: Server) -> None:
    """Return when ``count_`` finds ``number`` of something at ``server``."""
    end = time.monotonic() + PATIENCE
    while (found := count_(server)) != number:
        assert time.monotonic() < end, f"{count_.__name__} finds {found}, not {number}"
        time.sleep(0.01)


def count_idle_files(server: Server) -> int:
    """Open files of a server without connections, as soon as it has none."""
    wait_for(0, count_connections, server)
    return count_files(server)


class Memory:
    """How far a server's memory grows from now on."""

    def __init__(self, server: Server) -> None:
        self._status = Path(f"/proc/{server.process.pid}/status")
        Path(f"/proc/{server.process.pid}/clear_refs").write_text("5")  # proc_pid_clear_refs(5): forget the peak
        self._before = self._read("VmRSS")

    def growth(self) -> float:
        """MiB between the beginning and the highest point since."""
        return (self._read("VmHWM") - self._before) / 1024

    def _read(self, name: str) -> int:
        (line,) = [line for line in self._status.read_text().splitlines() if line.startswith(name)]
        return int(line.split()[1])
