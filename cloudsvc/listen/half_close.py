"""
Half-close of a connection through the PROXY protocol.

Twisted's ``haproxy:`` wraps each protocol in one that cannot be told that the client has ended its side only (TCP's FIN
after a request). So it closed the connection, and with it the answer. Importing this module lets the protocol inside be
told, as it is without ``haproxy:``.
"""

from __future__ import annotations

from twisted.internet.interfaces import IHalfCloseableProtocol
from twisted.python.components import registerAdapter

from cloudsvc.core.private_names import HAProxyProtocolWrapper


def find_half_closeable(wrapper: HAProxyProtocolWrapper) -> IHalfCloseableProtocol | None:
    """The protocol inside ``wrapper``, or ``None`` where that cannot be told either, as TLS cannot."""
    found: IHalfCloseableProtocol | None = IHalfCloseableProtocol(wrapper.wrappedProtocol, None)
    return found


registerAdapter(find_half_closeable, HAProxyProtocolWrapper, IHalfCloseableProtocol)
