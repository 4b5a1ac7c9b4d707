"""Sending at once: over a real socket, in the order in which it was written, and no more than the system takes."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import closing

import pytest
from attrs import define, field
from twisted.internet.protocol import Protocol
from twisted.internet.tcp import Connection

from cloudsvc.core.transports import send_promptly


@define(eq=False)
class Watching:
    """What a transport asks of a reactor."""

    writers: set[object] = field(factory=set)

    def addReader(self, reader: object) -> None:
        """Nothing is read here."""

    def removeReader(self, reader: object) -> None:
        """Nothing is read here."""

    def addWriter(self, writer: object) -> None:
        self.writers.add(writer)

    def removeWriter(self, writer: object) -> None:
        self.writers.discard(writer)


@define(eq=False)
class Line:
    transport: Connection
    peer: socket.socket
    watching: Watching

    def take(self, most: int = 65536) -> bytes:
        return self.peer.recv(most, socket.MSG_DONTWAIT)


@pytest.fixture
def line() -> Iterator[Line]:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        peer = socket.create_connection(listening.getsockname())
        ours, _ = listening.accept()
    watching = Watching()
    with closing(peer), closing(ours):
        transport = Connection(ours, Protocol(), watching)  # type: ignore[arg-type]  # all that it is asked for
        transport.connected = 1
        yield Line(transport, peer, watching)


def test_it_is_there_at_once(line: Line) -> None:
    send_promptly(line.transport, b"one")
    assert line.take() == b"one"
    assert not line.watching.writers


def test_it_waits_for_what_was_written_before(line: Line) -> None:
    line.transport.write(b"one")
    send_promptly(line.transport, b"two")
    with pytest.raises(BlockingIOError):
        line.take()
    assert line.watching.writers == {line.transport}
    line.transport.doWrite()
    assert line.take() == b"onetwo"


def test_what_the_system_does_not_take_waits(line: Line) -> None:
    data = bytes(range(256)) * 2**16
    send_promptly(line.transport, data)
    assert line.watching.writers == {line.transport}
    received = b""
    while len(received) < len(data):
        received += line.take()
        line.transport.doWrite()
    assert received == data


def test_a_connection_that_is_gone_is_left_to_the_reactor(line: Line) -> None:
    line.transport.socket.shutdown(socket.SHUT_WR)
    send_promptly(line.transport, b"one")
    assert line.watching.writers == {line.transport}


def test_a_transport_around_it_decides(line: Line) -> None:
    class Around:
        def write_promptly(self, data: bytes) -> None:
            line.transport.write(data)

    send_promptly(Around(), b"one")
    assert line.watching.writers == {line.transport}
