"""Control connections: messages arrive as they were sent, and what is none ends the connection."""

from __future__ import annotations

import socket
from typing import Any

import pytest
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs

from cloudsvc.observe.metrics import Metrics
from cloudsvc.server.control.connection import ControlConnection, receive
from cloudsvc.server.control.messages import LONGEST, Alive, Counts, Crew, Message, Orders, Ready, encode

ORDERS = Orders(
    number=2,
    workers=3,
    home="/srv/cloudsvc",
    endpoints=("cloudsvc:tcp:443",),
    sockets=((5, 6, 7), (8,)),
    reactor="twisted.internet.epollreactor",
    owns_console=True,
    patience=60.0,
    windows=3,
    connections=4,
    place=1,
    places=6,
    key=b"a secret key",
)


def frame(content: bytes) -> bytes:
    return len(content).to_bytes(4) + content


def connect() -> tuple[ControlConnection, StringTransport, list[Any]]:
    received: list[Any] = []
    connection = ControlConnection(received.append, lambda: received.append("end"))
    transport = StringTransport()
    connection.makeConnection(transport)
    return connection, transport, received


@pytest.mark.parametrize(
    "message", [ORDERS, Ready(), Alive(), Crew(ready=2, covered=(0, 2)), Counts(7, Metrics().read())]
)
def test_what_is_sent_arrives(message: Message) -> None:
    sender, transport, _ = connect()
    sender.send(message)
    receiver, _, received = connect()
    for number in transport.value():
        receiver.dataReceived(bytes([number]))
    assert received == [message]


def test_the_first_message_is_read_before_there_is_a_reactor() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.sendall(frame(encode(ORDERS)) + frame(encode(Ready()))[:3])
        assert receive(theirs) == ORDERS
        ours.close()
        with pytest.raises(EOFError):
            receive(theirs)


@pytest.mark.parametrize("content", [frame(b"nonsense"), frame(encode({"type": "unknown"})), (LONGEST + 1).to_bytes(4)])
def test_what_is_no_message_ends_the_connection(content: bytes) -> None:
    connection, transport, received = connect()
    with capturedLogs():
        connection.dataReceived(content)
    assert transport.disconnecting
    assert received == []


def test_orders_do_not_print_their_key() -> None:
    assert "secret" not in repr(ORDERS)


def test_nobody_is_told_once_the_other_end_has_gone() -> None:
    connection, transport, received = connect()
    connection.connectionLost()
    connection.connected = 0
    connection.send(Alive())
    assert transport.value() == b""
    assert received == ["end"]
