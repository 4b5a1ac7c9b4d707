"""A small site in memory: real channels and requests over a transport that is a pair of buffers."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from ipaddress import ip_network
from typing import Any, Literal

from attrs import define, field
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.resource import IResource

from cloudsvc.access.clients import Clients
from cloudsvc.access.credentials import BearerToken, CredentialSource, KeyHeader
from cloudsvc.access.keys import KeyRing, hash_token
from cloudsvc.access.throttling import Throttle
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.link_format import hide_links_in
from cloudsvc.web.authentication import Authenticator
from cloudsvc.web.http1.bounds import ConnectionBounds, HeadBounds
from cloudsvc.web.http1.channel import Channel
from cloudsvc.web.http1.connections import Connections
from cloudsvc.web.http1.request import ErrorRenderer
from cloudsvc.web.layers import Layer
from cloudsvc.web.layers.identification import Identification
from cloudsvc.web.layers.observation import Observation
from cloudsvc.web.layers.standard_headers import StandardHeaders
from cloudsvc.web.mounts import Routes, list_routes
from cloudsvc.web.rate_limits import RateLimits, Subject
from cloudsvc.web.resources import Missing, RouteResource, plant
from cloudsvc.web.responses import Codec
from cloudsvc.web.site import Site
from tests.support.bounds import make_bounds, make_head_bounds

TOKEN = "a token of the tests"
NOW = 1_767_225_600.0  # 2026-01-01T00:00:00Z


@define
class Tally:
    """Remembers what was counted and logged."""

    arrivals: int = 0
    departures: list[tuple[bytes, str, int]] = field(factory=list)
    lines: list[dict[str, Any]] = field(factory=list)
    guarded: list[str] = field(factory=list)

    def arrived(self) -> None:
        self.arrivals += 1

    def departed(self, method: bytes, handler: str, status: int, seconds: float) -> None:
        self.departures.append((method, handler, status))

    def record(self, **line: Any) -> None:
        self.lines.append(line)

    def authenticated(self) -> None:
        self.guarded.append("authenticated")

    def unauthenticated(self, reason: Literal["missing", "invalid", "error"]) -> None:
        self.guarded.append(reason)

    def throttled(self, pattern: str) -> None:
        self.guarded.append(f"throttled {pattern}")


class Fields(dict[str, str]):
    """Header fields by name, in whatever case (RFC 9110 section 5.1)."""

    def __init__(self, pairs: Iterable[Sequence[str]]) -> None:
        super().__init__({name.lower(): value for name, value in pairs})

    def __getitem__(self, name: str) -> str:
        return super().__getitem__(name.lower())

    def __contains__(self, name: object) -> bool:
        return super().__contains__(str(name).lower())

    def get(self, name: str, default: Any = None) -> Any:
        return super().get(name.lower(), default)


@define
class Answer:
    """One parsed response."""

    status: int
    headers: Fields
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Transport(StringTransport):
    """
    A buffer that also knows how it was closed.

    :ivar dataBuffer: what the system has not taken yet, as far as a test says so.
    :ivar ended: whether our side has ended, while that of the client has not.
    :ivar protocol: what gets the bytes of the client.
    """

    aborted = False
    ended = False
    paused = False
    protocol: Any = None
    bufferSize = 64 * 1024
    dataBuffer = b""
    offset = 0
    _tempDataLen = 0

    def abortConnection(self) -> None:
        self.aborted = True
        self.loseConnection()

    def loseWriteConnection(self) -> None:
        self.ended = True

    def pauseProducing(self) -> None:
        self.paused = True

    def resumeProducing(self) -> None:
        self.paused = False


@define(eq=False)
class Client:
    """One connection to the site."""

    channel: Channel
    transport: Transport

    def send(self, data: bytes) -> None:
        """Let bytes arrive, and the reactor turn until all of their requests have had a turn."""
        self.transport.protocol.dataReceived(data)
        self.turn()

    def turn(self) -> None:
        """Let everything happen that waits for nothing."""
        self.channel.connections.clock.advance(0)  # type: ignore[attr-defined]  # the tests' own

    def leave(self) -> None:
        self.transport.protocol.connectionLost(Failure(ConnectionDone()))

    @property
    def received(self) -> bytes:
        value: bytes = self.transport.value()
        return value

    @property
    def closed(self) -> bool:
        """Whether the server has said that no more comes."""
        return self.transport.disconnecting or self.transport.ended

    def answers(self) -> list[Answer]:
        """Every complete response so far; fails on bytes that are none."""
        self.turn()
        data, found = self.received, []
        while data:
            head, separator, rest = data.partition(b"\r\n\r\n")
            assert separator, f"no end of head in {data!r}"
            first, *lines = head.decode("latin-1").split("\r\n")
            status = int(first.split(" ")[1])
            headers = Fields(line.split(": ", 1) for line in lines)
            if status == 100:
                data = rest
                continue
            length = int(headers.get("Content-Length", 0))
            body, data = rest[:length], rest[length:]
            if headers.get("Transfer-Encoding") == "chunked":
                body, data = _unchunk(rest)
            found.append(Answer(status, headers, body))
        return found

    def answer(self) -> Answer:
        """The only response."""
        (only,) = self.answers()
        return only


def _unchunk(data: bytes) -> tuple[bytes, bytes]:
    body = b""
    while True:
        size, _, data = data.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            return body, data[2:]
        body, data = body + data[:length], data[length + 2 :]


@define(eq=False)
class TestSite:
    """
    A site with one application, and everything around it that does not matter to a test.

    :ivar routes: the objects that have its routes, where it has none itself.
    :ivar mounts: of the application; without any, the first segments of its routes, below ``/api``.
    """

    __test__ = False

    application: Routes | None = None
    routes: Sequence[Routes] = ()
    mounts: Sequence[str] = ()
    others: IResource = field(factory=Missing)
    error_renderer: ErrorRenderer | None = None
    clock: Clock = field(factory=Clock)
    tally: Tally = field(factory=Tally)
    bounds: ConnectionBounds = field(factory=make_bounds)
    head_bounds: HeadBounds = field(factory=make_head_bounds)
    trusted: tuple[str, ...] = ()
    throttle: Throttle | None = None
    layers: Sequence[Layer] = ()
    configured: bool = True
    more_sources: Sequence[CredentialSource] = ()
    by: Subject = "client"
    connections: Connections = field(init=False)
    site: Site = field(init=False)

    def __attrs_post_init__(self) -> None:
        clients = Clients(trusted=tuple(ip_network(each) for each in self.trusted), unix=False)

        def now() -> float:
            return NOW + self.clock.seconds()

        keys = KeyRing(owner_hash=Secret(hash_token(TOKEN)) if self.configured else None)
        self.connections = Connections(bounds=self.bounds, clock=self.clock, clients=clients)
        rate_limits = RateLimits(throttle=self.throttle, subject=self.by, metrics=self.tally, now=now)
        objects = self.routes if self.application is None else (self.application,)
        kinds = [type(each) for each in objects]
        mounts = self.mounts or sorted({rule.rule.split("/")[1] for rule, _ in list_routes(kinds)})
        resource = RouteResource(kinds, mounts)
        resource.serve(objects, self.error_renderer)
        self.site = Site(
            plant({resource: mounts}, self.others),
            layers=(
                Identification(clients),
                Observation(self.tally, self.tally, hide_links_in),
                StandardHeaders(hsts_max_age=60, content_security_policy="default-src 'self'", now=now),
                *self.layers,
            ),
            authenticator=Authenticator(
                sources=(*self.more_sources, KeyHeader(keys), BearerToken(keys)),
                rate_limits=rate_limits,
                metrics=self.tally,
            ),
            rate_limits=rate_limits,
            codec=Codec.configured(
                now=now, ensure_ascii=False, allow_nan=False, indent=None, media_type="application/json"
            ),
            connections=self.connections,
            head_bounds=self.head_bounds,
            body_bytes=1 << 20,
            clock=self.clock,
        )

    def connect(self, host: str = "192.0.2.1") -> Client:
        address = IPv4Address("TCP", host, 4242)
        transport = Transport(peerAddress=address)
        channel = self.site.buildProtocol(address)
        transport.protocol = channel
        channel.makeConnection(transport)
        return Client(channel, transport)

    def ask(self, request: bytes, host: str = "192.0.2.1") -> Answer:
        """The answer to one whole request on a connection of its own."""
        client = self.connect(host)
        client.send(request)
        return client.answer()
