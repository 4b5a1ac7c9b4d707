"""A line to a server that a test cuts, or lets fall silent, at a chosen moment."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from enum import Enum, auto
from typing import Final

from attrs import define, field

_DEADLINE: Final = 100.0
_PIECE: Final = 65536


class Fault(Enum):
    """What happens to what a client sends."""

    NONE = auto()
    LOST = auto()
    """The server does not get it, and the line is cut."""
    UNANSWERED = auto()
    """The server gets it and has answered, when the line is cut."""
    SILENT = auto()
    """Nothing comes through any more, and nobody is told."""


@define(eq=False)
class Line:
    """
    A port of the loopback address that leads to another one.

    :ivar judge: says what happens to each piece that a client sends.
    """

    target: int
    judge: Callable[[bytes], Fault] = lambda _: Fault.NONE
    _listening: socket.socket = field(factory=lambda: socket.create_server(("127.0.0.1", 0)))
    _threads: list[threading.Thread] = field(factory=list)
    _sockets: list[socket.socket] = field(factory=list)

    @property
    def port(self) -> int:
        """Where it begins."""
        port: int = self._listening.getsockname()[1]
        return port

    def start(self) -> None:
        """Take connections."""
        self._spawn(self._accept)

    def cut(self) -> None:
        """Cut all connections that there are."""
        for each in [*self._sockets]:
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def stop(self) -> None:
        """Cut all of them, and take none any more."""
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        # From then on no connection is added that nobody would cut.
        self._threads[0].join(_DEADLINE)
        self._listening.close()
        self.cut()
        for thread in self._threads:
            thread.join(_DEADLINE)
        for each in self._sockets:
            each.close()

    def _spawn(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True, name="line")
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target))
            except OSError:
                client.close()
                continue
            self._sockets += [client, server]
            self._spawn(lambda client=client, server=server: self._forward(client, server))  # type: ignore[misc]  # bound now
            self._spawn(lambda client=client, server=server: _pump(server, client))  # type: ignore[misc]  # as above

    def _forward(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while piece := client.recv(_PIECE):
                match self.judge(piece):
                    case Fault.NONE:
                        server.sendall(piece)
                    case Fault.LOST:
                        break
                    case Fault.UNANSWERED:
                        # The client hears nothing of the answer.
                        client.shutdown(socket.SHUT_WR)
                        server.sendall(piece)
                        server.shutdown(socket.SHUT_WR)
                        return
                    case Fault.SILENT:
                        continue
        for each in (client, server):
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)


def _pump(source: socket.socket, sink: socket.socket) -> None:
    with suppress(OSError):
        while piece := source.recv(_PIECE):
            sink.sendall(piece)
    for each in (source, sink):
        with suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)


@contextmanager
def run_line(target: int) -> Iterator[Line]:
    """A line to a port, gone at the end."""
    line = Line(target)
    line.start()
    try:
        yield line
    finally:
        line.stop()
