"""Sockets that another process has bound (:mod:`cloudsvc.listen.sharing`), and that this one accepts from."""

from __future__ import annotations

import os
import socket
from collections import deque
from collections.abc import Collection, Sequence
from typing import Any

from attrs import define, field
from twisted.internet.defer import Deferred, gatherResults, maybeDeferred
from twisted.internet.interfaces import (
    IAddress,
    IListeningPort,
    IProtocolFactory,
    IReactorSocket,
    IReactorSSL,
    IReactorTCP,
    IReactorTime,
    IReactorUNIX,
)
from twisted.internet.unix import Port as UNIXPort
from twisted.protocols.tls import TLSMemoryBIOFactory
from zope.interface import alsoProvides, implementer

from cloudsvc.listen.endpoints import listen


def inherit(
    reactor: Any,
    descriptions: Sequence[str],
    factory: IProtocolFactory,
    creator: Any,
    *,
    sockets: Sequence[Sequence[int]],
    place: int,
) -> list[InheritedPort]:
    """
    Ports that accept what comes in at ``descriptions``, once they are told to.

    :param reactor: any full reactor of Twisted's.
    :param creator: as in :func:`cloudsvc.listen.endpoints.listen`.
    :param sockets: descriptors of what is bound, for each address, in the order of ``descriptions``. They are taken.
    :param place: which of several sockets on one address is this process's own.
    :raises OperatorError: what the descriptions ask for is not what was bound.
    """
    inheriting: Any = InheritingReactor(reactor, deque(sockets), place)
    listen(inheriting, descriptions, factory, creator)
    ports: list[InheritedPort] = inheriting.ports
    return ports


@implementer(IListeningPort)
@define(eq=False)
class InheritedPort:
    """
    The sockets on one address: this process's own, and those of the other processes, which it *covers* while these
    cannot accept.
    """

    _ports: Sequence[Any]  # of Twisted's: no interface of theirs can pause
    _place: int
    _covered: Collection[int] = ()
    _is_reading: bool = False
    _host: IAddress = field(init=False)  # a port of Twisted's that is closed has none

    def __attrs_post_init__(self) -> None:
        self._host = self._ports[0].getHost()
        self._apply()

    def cover(self, places: Collection[int]) -> None:
        """Accept from the sockets of the processes at these ``places`` as well, and from no other than one's own."""
        self._covered = places
        self._apply()

    def startReading(self) -> None:
        """Accept."""
        self._is_reading = True
        self._apply()

    def stopReading(self) -> None:
        """Leave connections in the queue."""
        self._is_reading = False
        self._apply()

    def startListening(self) -> None:
        """It does already."""

    def stopListening(self) -> Deferred[Any]:
        """Let go of the sockets, which others go on with."""
        ports, self._ports = self._ports, ()
        return gatherResults([maybeDeferred(port.stopListening) for port in ports])

    def getHost(self) -> IAddress:
        """The address that was bound."""
        return self._host

    def _apply(self) -> None:
        for place, port in enumerate(self._ports):
            is_ours = place == self._place or len(self._ports) == 1
            if self._is_reading and (is_ours or place in self._covered):
                port.startReading()
            else:
                port.stopReading()


@define(eq=False, slots=False)
class InheritingReactor:
    """
    Stands in for a reactor while ports are made of what another process has bound.

    :ivar ports: so far.
    """

    _reactor: Any
    _sockets: deque[Sequence[int]]
    _place: int
    ports: list[InheritedPort] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        alsoProvides(self, IReactorTCP, IReactorSSL, IReactorUNIX, IReactorSocket, IReactorTime)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._reactor, name)

    def listenTCP(self, port: int, factory: IProtocolFactory, backlog: int = 0, interface: str = "") -> IListeningPort:
        """As of :class:`~twisted.internet.interfaces.IReactorTCP`."""
        return self._take(factory)

    def listenSSL(
        self, port: int, factory: IProtocolFactory, contextFactory: Any, backlog: int = 0, interface: str = ""
    ) -> IListeningPort:
        """As of :class:`~twisted.internet.interfaces.IReactorSSL`."""
        return self._take(TLSMemoryBIOFactory(contextFactory, False, factory))  # noqa: FBT003  # Twisted's "isClient"

    def listenUNIX(
        self, address: str, factory: IProtocolFactory, backlog: int = 0, mode: int = 0, wantPID: int = 0
    ) -> IListeningPort:
        """As of :class:`~twisted.internet.interfaces.IReactorUNIX`."""
        return self._take(factory)

    def adoptStreamPort(self, fileDescriptor: int, addressFamily: int, factory: IProtocolFactory) -> IListeningPort:
        """As of :class:`~twisted.internet.interfaces.IReactorSocket`. What ``fileDescriptor`` is, nobody looks at."""
        return self._take(factory)

    def _take(self, factory: IProtocolFactory) -> InheritedPort:
        if not self._sockets:
            raise ValueError("nothing was bound for it; restart the server")
        port = InheritedPort([self._adopt(each, factory) for each in self._sockets.popleft()], self._place)
        self.ports.append(port)
        return port

    def _adopt(self, descriptor: int, factory: IProtocolFactory) -> Any:
        with socket.socket(fileno=descriptor) as inherited:
            if inherited.family == socket.AF_UNIX:
                bound = inherited.dup()
                bound.setblocking(False)  # noqa: FBT003  # its only parameter
                port = _SharedUNIXPort(bound, factory, self._reactor)
                port.startListening()
                return port
            return self._reactor.adoptStreamPort(inherited.fileno(), inherited.family, factory)


class _SharedUNIXPort(UNIXPort):
    """
    A socket in the file system that another process has bound.

    Twisted's, of a socket that listens already, would give its name new permissions, and take the name away at the end.
    """

    def __init__(self, bound: socket.socket, factory: IProtocolFactory, reactor: Any) -> None:
        super().__init__(os.fsencode(bound.getsockname()), factory, reactor=reactor)
        self._bound = bound
        self._served = factory

    def startListening(self) -> None:
        self._served.doStart()
        self.connected = True
        self.socket = self._bound
        self.fileno = self.socket.fileno  # type: ignore[method-assign]  # as Twisted does
        self.numberAccepts = 100
        self.startReading()

    def connectionLost(self, reason: Any) -> None:
        self.connected = False
        self.stopReading()
        self._bound.close()
        del self.socket, self.fileno
        try:
            self._served.doStop()
        finally:
            self.disconnecting = False
