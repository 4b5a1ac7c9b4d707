"""TCP proxy in the reactor of a test, which says what becomes of the bytes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from attrs import define, field
from twisted.internet import reactor
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import HostnameEndpoint
from twisted.internet.interfaces import IReactorTCP
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.python.failure import Failure


def pass_on(data: bytes) -> bytes:
    """Change nothing."""
    return data


@define(eq=False)
class Proxy:
    """
    What a test says of the bytes that go through.

    :ivar upstream: becomes of what a client sends, piece by piece; ``None`` cuts the connection.
    :ivar downstream: becomes of what the server answers, likewise.
    :ivar port: on which clients connect.
    """

    upstream: Callable[[bytes], bytes | None] = pass_on
    downstream: Callable[[bytes], bytes | None] = pass_on
    port: int = 0
    _open: set[_Side] = field(factory=set, init=False)

    def cut(self) -> None:
        """Cut all connections, as when a cable is pulled and put back."""
        for side in [*self._open]:
            side.cut()

    async def _end(self) -> None:
        ended = [side.ended for side in self._open]
        self.cut()
        await gatherResults(ended)


class _Side(Protocol):
    """One of the two connections of a client that goes through."""

    def __init__(self, proxy: Proxy, direction: str) -> None:
        self.proxy, self.direction = proxy, direction
        self.other: _Side | None = None
        self.ended: Deferred[None] = Deferred()
        self.early: list[bytes] = []

    @property
    def wire(self) -> Any:
        return self.transport

    def connectionMade(self) -> None:
        self.proxy._open.add(self)

    def join(self, other: _Side) -> None:
        """Have what arrives here leave there."""
        self.other = other
        for data in self.early:
            self.dataReceived(data)

    def dataReceived(self, data: bytes) -> None:
        if self.other is None:
            self.early.append(data)
            return
        changed = getattr(self.proxy, self.direction)(data)
        if changed is None:
            self.cut()
        elif changed:
            self.other.wire.write(changed)

    def cut(self) -> None:
        for side in (self, self.other):
            if side is not None:
                side.wire.abortConnection()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.proxy._open.discard(self)
        if self.other is not None:
            self.other.wire.loseConnection()
        self.ended.callback(None)


@define(eq=False)
class _Factory(Factory):
    proxy: Proxy
    target: int

    def buildProtocol(self, _address: object) -> _Side:
        client, server = _Side(self.proxy, "upstream"), _Side(self.proxy, "downstream")
        endpoint = HostnameEndpoint(reactor, "127.0.0.1", self.target)

        def connected(_protocol: object) -> None:
            client.join(server)
            server.join(client)

        endpoint.connect(Factory.forProtocol(lambda: server)).addCallbacks(connected, lambda _: client.cut())
        return client


@asynccontextmanager
async def run_proxy(target: int) -> AsyncIterator[Proxy]:
    """A proxy to a port of the loopback address."""
    proxy = Proxy()
    factory: Any = _Factory(proxy, target)
    listening: Any = IReactorTCP(reactor).listenTCP(0, factory, interface="127.0.0.1")
    proxy.port = listening.getHost().port
    try:
        yield proxy
    finally:
        await listening.stopListening()
        await proxy._end()
