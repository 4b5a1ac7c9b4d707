"""TLS around an endpoint: requests arrive whole and at once, however the network cuts them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Any

import pytest
from attrs import frozen
from hypothesis import given
from hypothesis import strategies as st
from OpenSSL import SSL
from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IOpenSSLServerConnectionCreator, IStreamServerEndpoint
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from zope.interface import implementer

from cloudsvc.tls.context import load_certificate
from cloudsvc.tls.encryption import TLSEndpoint
from tests.support.tls.certificates import make

NOW = 1_800_000_000.0
VERSIONS = [SSL.TLS1_2_VERSION, SSL.TLS1_3_VERSION]
MESSAGES = st.lists(st.integers(1, 50_000) | st.sampled_from([1, 2**14, 2**14 + 1]), min_size=1, max_size=4)
LONGEST = 1 << 20


class Echo(Protocol):
    """Keeps what arrives, and sends it back."""

    def __init__(self) -> None:
        self.received = b""
        self.lost: Failure | None = None

    def dataReceived(self, data: bytes) -> None:
        assert self.transport is not None
        self.received += data
        self.transport.write(data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.lost = reason


@implementer(IStreamServerEndpoint)
class Nowhere:
    """Where no bytes come from but those of a test."""

    def listen(self, factory: Any) -> Deferred[Any]:
        return succeed(factory)


@implementer(IOpenSSLServerConnectionCreator)
@frozen
class Creator:
    """The server's side of each connection."""

    context: SSL.Context

    def serverConnectionForTLS(self, _protocol: object) -> SSL.Connection:
        return SSL.Connection(self.context, None)


class Conversation:
    """A client that has finished its handshake, which the server does not know yet."""

    def __init__(self, context: SSL.Context, version: int) -> None:
        self.echo, self.transport = Echo(), StringTransport()
        listening: Any = TLSEndpoint(Creator(context), Nowhere(), Clock()).listen(
            Factory.forProtocol(lambda: self.echo)
        )
        self.server = listening.result.buildProtocol(None)
        self.server.makeConnection(self.transport)
        own = SSL.Context(SSL.TLS_CLIENT_METHOD)
        own.set_min_proto_version(version)
        own.set_max_proto_version(version)
        self.client = SSL.Connection(own, None)
        self.client.set_connect_state()
        while True:
            try:
                self.client.do_handshake()
            except SSL.WantReadError:
                self.deliver(self.take())
            else:
                break
            self.hear()

    def take(self) -> bytes:
        """What the client has for the server."""
        taken = b""
        with suppress(SSL.WantReadError):
            while True:
                taken += self.client.bio_read(LONGEST)
        return taken

    def deliver(self, wire: bytes) -> None:
        """Let the server have it, and the client what the server answers."""
        if wire:
            self.server.dataReceived(wire)
        self.hear()

    def hear(self) -> None:
        """Let the client have what the server has said."""
        if answer := self.transport.value():
            self.transport.clear()
            self.client.bio_write(answer)

    def read(self) -> bytes:
        """What the client is told."""
        told = b""
        with suppress(SSL.WantReadError):
            while True:
                told += self.client.recv(LONGEST)
        return told


@pytest.fixture(scope="module")
def context(tmp_path_factory: pytest.TempPathFactory) -> SSL.Context:
    files = make(tmp_path_factory.mktemp("certificate") / "certs", NOW)
    return load_certificate(files.key, files.certificate).context


def cut(wire: bytes, places: Sequence[float]) -> Iterator[bytes]:
    """``wire`` in pieces, none of them empty; a place is a share of it."""
    marks = [0, *sorted({round(place * len(wire)) for place in places}), len(wire)]
    return (wire[start:end] for start, end in pairwise(marks) if start < end)


@given(version=st.sampled_from(VERSIONS), sizes=MESSAGES, places=st.lists(st.floats(0, 1), max_size=6))
def test_cut_anywhere(context: SSL.Context, version: int, sizes: list[int], places: list[float]) -> None:
    conversation = Conversation(context, version)
    content = b"".join(bytes([number]) * size for number, size in enumerate(sizes))
    conversation.client.sendall(content)
    for piece in cut(conversation.take(), places):
        conversation.deliver(piece)
    assert conversation.echo.received == content
    assert conversation.read() == content


@pytest.mark.parametrize("version", VERSIONS)
def test_what_looks_like_a_record_and_is_none(context: SSL.Context, version: int) -> None:
    conversation = Conversation(context, version)
    conversation.deliver(conversation.take())
    for _ in range(1000):
        conversation.client.sendall(bytes(100))
    wire = conversation.take()
    size = len(wire) // 1000
    start, end = next(
        (start, end)
        for start in range(1, size)
        for end in [start + 5 + int.from_bytes(wire[start + 3 : start + 5])]
        if 2 * size <= end < len(wire)
    )
    conversation.deliver(wire[:start])
    conversation.deliver(wire[start:end])
    assert len(conversation.echo.received) == end // size * 100


@pytest.mark.parametrize("version", VERSIONS)
def test_one_after_the_other(context: SSL.Context, version: int) -> None:
    conversation = Conversation(context, version)
    conversation.deliver(conversation.take())
    for content in (b"a", b"b" * 2**14, b"c" * 40_000, b"d"):
        conversation.client.sendall(content)
        conversation.deliver(conversation.take())
        assert conversation.read() == content


@pytest.mark.parametrize("version", VERSIONS)
def test_a_forged_record_is_answered_with_an_alert(context: SSL.Context, version: int) -> None:
    conversation = Conversation(context, version)
    conversation.deliver(conversation.take())
    conversation.client.sendall(b"a")
    wire = conversation.take()
    conversation.deliver(wire)
    assert conversation.read() == b"a"
    conversation.deliver(wire)
    assert conversation.echo.received == b"a"
    assert conversation.transport.disconnecting
    with pytest.raises(SSL.Error, match="alert bad record mac"):
        conversation.client.recv(1)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_end_is_answered(context: SSL.Context, version: int) -> None:
    conversation = Conversation(context, version)
    conversation.deliver(conversation.take())
    conversation.client.sendall(b"a")
    conversation.deliver(conversation.take())
    assert conversation.read() == b"a"
    conversation.client.shutdown()
    conversation.deliver(conversation.take())
    assert conversation.transport.disconnecting
    with pytest.raises(SSL.ZeroReturnError):
        conversation.client.recv(1)
    conversation.server.connectionLost(Failure(connectionDone.value))
    assert conversation.echo.lost is not None
