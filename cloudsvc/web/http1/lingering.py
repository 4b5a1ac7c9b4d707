"""Lingering close of a connection whose client may still be sending (RFC 9112 section 9.6)."""

from __future__ import annotations

from math import inf
from typing import Any, Final

from attrs import define
from twisted.internet.interfaces import IHalfCloseableProtocol, IProtocol, ISSLTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from cloudsvc.web.http1.bounds import ConnectionBounds
from cloudsvc.web.http1.descriptors import find_descriptor, limit_reads

_AT_A_TIME: Final = 256 * 1024
"""Bytes that one read brings of what is thrown away: so many that the system's call is nearly all it costs."""


@implementer(IHalfCloseableProtocol)
@define(eq=False)
class Lingering(Protocol):
    """
    What is at the end of a socket once nothing that comes from it matters any more.

    It takes the place of all that was there, TLS and PROXY included, so that bytes are dropped as they come, without
    being decrypted. Only the end of the connection is passed on.

    :ivar received: bytes that have come since, as they were on the wire.
    :ivar taken_at: when the client was found to have taken its last answer; infinite before.
    """

    transport: Any  # the socket's own: no one interface of Twisted's has both ways of ending it
    _before: IProtocol
    received: int = 0
    taken_at: float = inf
    _seen: int = 0

    @classmethod
    def begin(cls, transport: Any) -> Lingering:
        """
        End our side of the connection below ``transport`` after what has been written, and read on for its client.

        Closing a socket with unread bytes resets the connection, which can destroy the answer before the client has
        read it. A client that writes all of its request before it reads gets the answer this way.
        """
        descriptor = find_descriptor(transport)
        lingering = cls(descriptor, descriptor.protocol)
        descriptor.protocol = lingering
        if ISSLTransport.providedBy(transport):
            transport.loseConnection()  # says close_notify, and closes nothing as long as the client has not said it
        limit_reads(transport, _AT_A_TIME)
        descriptor.loseWriteConnection()
        descriptor.resumeProducing()
        return lingering

    def evaluate(self, now: float, bounds: ConnectionBounds) -> float:
        """
        When to look next at what the client still sends, in seconds of the clock that says ``now``. It is let go when
        it sends nothing for some seconds, or has gone on for long.
        """
        if self.taken_at == inf:
            self.taken_at = now
        elif now >= self.taken_at + bounds.linger_seconds or self.received == self._seen:
            self.end()
            return now
        self._seen = self.received
        return min(now + bounds.silence_seconds, self.taken_at + bounds.linger_seconds)

    def end(self) -> None:
        """Wait for the client no longer. What the system has taken of the answer is still delivered."""
        self.transport.loseConnection()

    def dataReceived(self, data: bytes) -> None:
        """Drop them."""
        self.received += len(data)

    def readConnectionLost(self) -> None:
        """The client has closed its side, so all of it is over."""
        self.end()

    def writeConnectionLost(self) -> None:
        """Our side has ended, as was asked."""

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell whoever was here before."""
        self._before.connectionLost(reason)
