"""Control connection: messages over a pair of connected Unix sockets, each behind its length in four bytes."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

from msgspec import DecodeError
from twisted.internet.interfaces import IReactorSocket
from twisted.internet.protocol import Factory
from twisted.logger import Logger
from twisted.protocols.basic import Int32StringReceiver
from twisted.python.failure import Failure

from cloudsvc.server.control.messages import LONGEST, Message, decode, encode

_log = Logger("cloudsvc.workers")


class ControlConnection(Int32StringReceiver):
    """
    One end of it.

    :param on_message: is called with each message of the other end.
    :param on_end: is called once nothing can be said any more.
    """

    MAX_LENGTH = LONGEST
    transport: Any  # a Unix socket's

    def __init__(self, on_message: Callable[[Any], object], on_end: Callable[[], object]) -> None:
        self._on_message = on_message
        self._on_end = on_end

    def send(self, message: Message) -> None:
        """Say something; where the other end has gone, to nobody."""
        if self.connected:
            self.sendString(encode(message))

    def stringReceived(self, string: bytes) -> None:
        """A message has come, or something else, which ends the connection."""
        try:
            message = decode(string)
        except DecodeError:
            _log.failure("the other end of the control connection says what nobody understands")
            self.transport.loseConnection()
        else:
            self._on_message(message)

    def lengthLimitExceeded(self, length: int) -> None:
        """As above."""
        self.transport.loseConnection()

    def connectionLost(self, reason: Failure | None = None) -> None:
        """The other end has gone."""
        self._on_end()


def connect(reactor: IReactorSocket, end: socket.socket, connection: ControlConnection) -> None:
    """Let ``connection`` speak over ``end``, which is taken."""
    end.setblocking(False)  # noqa: FBT003  # its only parameter
    factory: Any = Factory.forProtocol(lambda: connection)
    reactor.adoptStreamConnection(end.fileno(), socket.AF_UNIX, factory)
    end.close()


def receive(end: socket.socket) -> Message:
    """
    The next message, while no reactor runs yet. Blocks.

    :raises EOFError: there is none, the other end has gone.
    """
    length = int.from_bytes(_receive(end, 4))
    message: Message = decode(_receive(end, length))
    return message


def _receive(end: socket.socket, size: int) -> bytes:
    content = b""
    while len(content) < size:
        piece = end.recv(size - len(content))
        if not piece:
            raise EOFError
        content += piece
    return content
