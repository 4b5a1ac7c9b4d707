"""TLS around any endpoint, for a server that writes each answer in one piece."""

from __future__ import annotations

from typing import Any

from attrs import frozen
from OpenSSL.SSL import SENT_SHUTDOWN, Error, WantReadError, ZeroReturnError
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IListeningPort,
    IOpenSSLServerConnectionCreator,
    IProtocolFactory,
    IReactorTime,
    IStreamServerEndpoint,
)
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import implementer


class _Connection(TLSMemoryBIOProtocol):
    """
    TLS whose two directions end one by one, as those of TCP do (RFC 8446 section 6.1).

    Twisted's closes both as soon as the client ends its own, and with it an answer that is still being made. This one
    tells a protocol that asks to be told, again whenever that wants to read on, which is what Twisted's TCP does.
    ``tests/live/test_half_close.py`` pins the names used here that Twisted keeps to itself.
    """

    transport: Any  # TCP or Unix: no one interface has all that is asked of it
    _ended = False

    def dataReceived(self, data: bytes) -> None:
        # What follows the end is to be ignored, and OpenSSL would hoard it.
        if not self._ended:
            super().dataReceived(data)

    def _flushReceiveBIO(self) -> None:
        # Twisted's own loop, but for ZeroReturnError.
        while not self._lostTLSConnection:
            try:
                data = self._tlsConnection.recv(2**15)
            except WantReadError:
                break
            except ZeroReturnError:
                if self._may_go_on():
                    self._ended = True
                    self._report_end()
                    break
                self._shutdownTLS()
                self._tlsShutdownFinished(None)
            except Error:
                self._tlsShutdownFinished(Failure())
            else:
                if not self._aborted:
                    self.wrappedProtocol.dataReceived(data)
        self._flushSendBIO()

    def _may_go_on(self) -> bool:
        sent = self._tlsConnection.get_shutdown() & SENT_SHUTDOWN
        return not sent and IHalfCloseableProtocol.providedBy(self.wrappedProtocol)

    def resumeProducing(self) -> None:
        self.transport.resumeProducing()
        if self._ended:
            self.factory._clock.callLater(0, self._report_end)

    def _report_end(self) -> None:
        if self.connected and not self.disconnecting:
            IHalfCloseableProtocol(self.wrappedProtocol).readConnectionLost()


class _Factory(TLSMemoryBIOFactory):
    # Twisted's default gathers small writes until the reactor's next turn. Ours are no small ones, and pay a delayed
    # call for each answer.
    protocol = _Connection


@implementer(IStreamServerEndpoint)
@frozen
class TLSEndpoint:
    """
    TLS on whatever ``inner`` listens on.

    :ivar creator: makes the TLS side of each connection.
    """

    creator: IOpenSSLServerConnectionCreator
    inner: IStreamServerEndpoint
    clock: IReactorTime

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Listen; see :class:`~twisted.internet.interfaces.IStreamServerEndpoint`."""
        factory = _Factory(self.creator, False, protocolFactory, self.clock)  # noqa: FBT003  # Twisted's "isClient"
        listening: Deferred[IListeningPort] = self.inner.listen(factory)
        return listening
