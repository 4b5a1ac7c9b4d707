"""
Sockets that one process binds and several others accept from.

An endpoint description says what to bind by what it asks of its reactor, whatever stands around it (``cloudsvc:``,
``haproxy:``). So whoever binds for others gives it a :class:`SharingReactor`, and those give it an
:class:`~cloudsvc.listen.inheriting.InheritingReactor`: both are asked the same things in the same order.

On TCP each process has a listening socket of its own, all bound to one address (``SO_REUSEPORT`` in socket(7)): the
system spreads connections over them evenly. With one socket for all, whoever is quicker takes them. The process that
bound them keeps them open, so what the system has put into the queue of a process that dies waits there for the next.
"""

from __future__ import annotations

import socket
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any, Final

from attrs import define, field, frozen
from OpenSSL.SSL import Connection
from twisted.internet.abstract import isIPv6Address
from twisted.internet.defer import Deferred, maybeDeferred, succeed
from twisted.internet.error import CannotListenError
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IOpenSSLServerConnectionCreator,
    IProtocolFactory,
    IReactorSocket,
    IReactorSSL,
    IReactorTCP,
    IReactorTime,
    IReactorUNIX,
)
from twisted.internet.protocol import Factory
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import alsoProvides, implementer

from cloudsvc.listen.endpoints import listen

_BACKLOG: Final = 50
"""Connections that wait where a description says no other number, as in Twisted."""


@frozen(kw_only=True, eq=False)
class SharedAddress:
    """
    What is bound to one address, and how to let go of it.

    :ivar sockets: descriptors of listening sockets: one for each process, or a single one for all of them.
    """

    sockets: tuple[int, ...]
    port: Any  # an IListeningPort, whose stubs are stricter than its implementations


def listen_for(reactor: Any, descriptions: Sequence[str], processes: int) -> list[SharedAddress]:
    """
    Bind to all of ``descriptions``, or to none, for so many ``processes``. Nothing is accepted here.

    :param reactor: any full reactor of Twisted's.
    :raises OperatorError: as :func:`cloudsvc.listen.endpoints.listen`.
    """
    sharing: Any = SharingReactor(reactor, processes)
    listen(sharing, descriptions, Factory(), _NobodysTLS())
    bound: list[SharedAddress] = sharing.bound
    return bound


@implementer(IOpenSSLServerConnectionCreator)
class _NobodysTLS:
    """Stands for the TLS of the processes that will accept."""

    def serverConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> Connection:
        raise NotImplementedError("nothing is accepted in this process")


@define(eq=False, slots=False)
class SharingReactor:
    """
    Stands in for a reactor while addresses are bound for other processes.

    :ivar processes: that will accept from what is bound.
    :ivar bound: so far, in the order in which it was asked for.
    """

    _reactor: Any
    processes: int
    bound: list[SharedAddress] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        alsoProvides(self, IReactorTCP, IReactorSSL, IReactorUNIX, IReactorSocket, IReactorTime)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def listenTCP(
        self, port: int, factory: IProtocolFactory, backlog: int = _BACKLOG, interface: str = ""
    ) -> IListeningPort:
        """A socket for each process, as of :class:`~twisted.internet.interfaces.IReactorTCP`."""
        sockets = _bind_together(interface, port, backlog, self.processes)
        # A port of Twisted's knows its own address, and closes what it has; each of the others is closed with it.
        own, *others = sockets
        bound = _Ports(self._quieten(self._reactor.adoptStreamPort(own.fileno(), own.family, Factory())), others)
        descriptors = (bound.main.fileno(), *(each.fileno() for each in others))
        own.close()
        return self._note(bound, descriptors)

    def listenSSL(
        self, port: int, factory: IProtocolFactory, contextFactory: Any, backlog: int = _BACKLOG, interface: str = ""
    ) -> IListeningPort:
        """As :meth:`listenTCP`: TLS is the business of whoever accepts."""
        return self.listenTCP(port, factory, backlog, interface)

    def listenUNIX(
        self,
        address: str,
        factory: IProtocolFactory,
        backlog: int = _BACKLOG,
        mode: int = 0o666,
        wantPID: int = 0,
    ) -> IListeningPort:
        """One socket for all processes, as of :class:`~twisted.internet.interfaces.IReactorUNIX`."""
        port = self._quieten(self._reactor.listenUNIX(address, Factory(), backlog, mode, wantPID))
        return self._note(port, (port.fileno(),))

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: IProtocolFactory) -> IListeningPort:
        """One socket for all processes, which somebody else has bound, such as systemd."""
        port = self._quieten(self._reactor.adoptStreamPort(fileDescriptor, addressFamily, Factory()))
        return self._note(port, (port.fileno(),))

    def _quieten(self, port: Any) -> Any:
        port.stopReading()
        return port

    def _note(self, port: IListeningPort, descriptors: tuple[int, ...]) -> IListeningPort:
        self.bound.append(SharedAddress(sockets=descriptors, port=port))
        return port


@implementer(IListeningPort)
@define(eq=False)
class _Ports:
    """The first of several sockets on one address as a port, and the others."""

    main: Any  # a port of Twisted's
    others: Sequence[socket.socket]

    def startListening(self) -> None:
        """It does already."""

    def stopListening(self) -> Deferred[None]:
        for each in self.others:
            each.close()
        stopped: Deferred[None] = maybeDeferred(self.main.stopListening)
        return stopped

    def getHost(self) -> IAddress:
        host: IAddress = self.main.getHost()
        return host


def _bind_together(interface: str, port: int, backlog: int, count: int) -> list[socket.socket]:
    """
    So many listening sockets on one address.

    :raises CannotListenError: as Twisted does.
    """
    family = socket.AF_INET6 if isIPv6Address(interface) else socket.AF_INET
    bound: list[socket.socket] = []
    with ExitStack() as stack:
        try:
            for number in range(count):
                each = stack.enter_context(socket.socket(family, socket.SOCK_STREAM))
                each.setblocking(False)  # noqa: FBT003  # its only parameter
                each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                # The first is bound alone, so that another server on this address is noticed, which may well share its
                # own sockets like this; from then on the others may join.
                if number:
                    each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                each.bind(_resolve(family, interface, port))
                each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
                port = each.getsockname()[1]
                bound.append(each)
            for each in bound:
                each.listen(backlog)
        except OSError as problem:
            raise CannotListenError(interface, port, problem) from None
        stack.pop_all()
    return bound


def _resolve(family: socket.AddressFamily, interface: str, port: int) -> Any:
    if family == socket.AF_INET:
        return (interface, port)
    # An address may name its link (RFC 4007 section 11), as fe80::1%eth0 does.
    found = socket.getaddrinfo(interface, port, family, socket.SOCK_STREAM, 0, socket.AI_NUMERICHOST)
    return found[0][4]


def close_all(addresses: Sequence[SharedAddress]) -> list[Deferred[None]]:
    """Let go of ``addresses``: nobody can connect any more once everybody who accepts has let go of them too."""
    return [maybeDeferred(each.port.stopListening) for each in addresses] or [succeed(None)]
