"""Receivers that do not speak HTTP as they should: whatever a function does with each connection."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TypeAlias

from attrs import define, field

Behaviour: TypeAlias = Callable[[socket.socket], object]
"""What is done with a connection, in a thread of its own, until it returns; then it is closed."""


@define(eq=False)
class RawReceiver:
    """
    A receiver that is there.

    :ivar connections: how many there were.
    """

    port: int
    connections: int = 0
    threads: list[threading.Thread] = field(factory=list)
    open: set[socket.socket] = field(factory=set)

    def join(self) -> None:
        """Wait until whoever has connected is done. Blocks, and so belongs into a thread where a reactor runs."""
        for thread in self.threads:
            thread.join()


@contextmanager
def behaving(behave: Behaviour, address: str = "127.0.0.1") -> Iterator[RawReceiver]:
    """A receiver at a port of its own."""
    listener = socket.create_server((address, 0))
    receiver = RawReceiver(port=listener.getsockname()[1])

    def serve(connection: socket.socket) -> None:
        with connection, suppress(OSError):
            receiver.open.add(connection)
            behave(connection)
        receiver.open.discard(connection)

    def accept() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listener.accept()
                receiver.connections += 1
                thread = threading.Thread(target=serve, args=(connection,), daemon=True)
                receiver.threads.append(thread)
                thread.start()

    accepting = threading.Thread(target=accept, daemon=True)
    accepting.start()
    try:
        yield receiver
    finally:
        with suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        accepting.join()
        listener.close()
        for connection in [*receiver.open]:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
        receiver.join()


def take_request(connection: socket.socket) -> bytes:
    """All of a request whose content is ``{}``."""
    taken = b""
    while not taken.endswith(b"{}"):
        piece = connection.recv(65536)
        if not piece:
            break
        taken += piece
    return taken


def await_end(connection: socket.socket) -> None:
    """Wait until the other side ends the connection."""
    with suppress(OSError):
        while connection.recv(65536):
            pass
