"""TLS around any endpoint, for a server that writes each answer in one piece."""

from __future__ import annotations

from attrs import frozen
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IListeningPort,
    IOpenSSLServerConnectionCreator,
    IProtocolFactory,
    IReactorTime,
    IStreamServerEndpoint,
)
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from zope.interface import implementer


class _Factory(TLSMemoryBIOFactory):
    # Twisted's default gathers small writes until the reactor's next turn. Ours are no small ones, and pay a delayed
    # call for each answer.
    protocol = TLSMemoryBIOProtocol


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
