"""Servers with the application of :mod:`tests.support.trial_application`, and clients that are rude to them."""

from __future__ import annotations

import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

from tests.support.server import PATIENCE, Server, make_home, running, wait_until
from tests.support.trial_application import NAME

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
    """
    Connections that a server holds open, whatever their clients believe (proc_pid_fd(5), proc_pid_net(5)).

    One that both sides have ended is in no table of the system's any more, although the server still has to close it.
    """
    files = Path(f"/proc/{server.process.pid}/fd")
    sockets = set[str]()
    for file in files.iterdir():
        with suppress(OSError):  # closed meanwhile
            sockets.update(re.findall(r"socket:\[(\d+)\]", str(file.readlink())))
    listening = {row[9] for row in read_table("tcp") if row[3] == _LISTEN}
    return len(sockets - listening - {row[6] for row in read_table("unix")})


def read_table(name: str) -> list[list[str]]:
    """The system's sockets of one family."""
    return [line.split() for line in Path(f"/proc/net/{name}").read_text().splitlines()[1:]]


def count_files(server: Server) -> int:
    """
    Open files and sockets of a server.

    Those of the catalogue are left out: it opens one when it first needs one more, and keeps it.
    """
    found = 0
    for entry in Path(f"/proc/{server.process.pid}/fd").iterdir():
        with suppress(FileNotFoundError):
            found += "/catalogue.sqlite3" not in str(entry.readlink())
    return found


def wait_for(number: int, count_: Callable[[Server], int], server: Server) -> None:
    """Return when ``count_`` finds no more than ``number`` of something at ``server``."""
    end = time.monotonic() + PATIENCE
    while (found := count_(server)) > number:
        assert time.monotonic() < end, f"{count_.__name__} finds {found}, not {number}"
        time.sleep(0.01)


def wait_until_read(server: Server, connection: socket.socket, sent: int) -> None:
    """
    Return when a server has begun to read the ``sent`` bytes of a connection, and with them the head of the request.

    What the system still holds of them says so: what waits to be sent, and what waits to be read (proc_pid_net(5)).
    """
    here, there = f":{connection.getsockname()[1]:04X}", f":{server.port:04X}"

    def count_held() -> int:
        held = 0
        for _, local, remote, _, queues, *_ in map(str.split, Path("/proc/net/tcp").read_text().splitlines()[1:]):
            to_send, to_read = (int(each, 16) for each in queues.split(":"))
            held += to_send if local.endswith(here) and remote.endswith(there) else 0
            held += to_read if local.endswith(there) and remote.endswith(here) else 0
        return held

    wait_until(lambda: not (held := count_held()) or held < sent, lambda: f"of {sent} bytes {count_held()} are unread")


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
