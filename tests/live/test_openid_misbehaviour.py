"""Requests to providers that misbehave: whatever they answer, it ends, and takes little room."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import define, field
from twisted.internet import ssl
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.interfaces import IListeningPort
from twisted.internet.protocol import Factory, Protocol

from cloudsvc.access.openid import fetching
from cloudsvc.access.openid.fetching import MOST_AT_A_TIME, MOST_BYTES, HTTPSFetcher
from cloudsvc.access.openid.metadata import check_url
from cloudsvc.core.errors import CloudError
from cloudsvc.outbound.trust import read_trust
from tests.support.reactors import in_reactor, wait_for
from tests.support.tls.certificates import make

_ENDLESS: Final = b"x" * 65_536


@define(eq=False)
class Answering(Protocol):
    """Answers each connection in one way, and notes what comes."""

    provider: Provider

    def connectionMade(self) -> None:
        self.provider.connections.append(self)

    def dataReceived(self, data: bytes) -> None:
        self.provider.received += data
        if self.provider.received.endswith(b"\r\n\r\n") or b"\r\n\r\n" in data:
            self.provider.answer(self)

    def connectionLost(self, reason: Any = None) -> None:
        self.provider.connections.remove(self)
        if not self.provider.connections:
            for each in self.provider.waiting:
                each.callback(None)
            self.provider.waiting.clear()


@define(eq=False)
class Provider(Factory):
    """A server on the loopback address that answers as a test says."""

    answer: Callable[[Answering], object] = lambda _: None
    received: bytes = b""
    connections: list[Answering] = field(factory=list)
    waiting: list[Deferred[None]] = field(factory=list)
    port: IListeningPort | None = None

    def buildProtocol(self, address: Any) -> Answering:
        return Answering(self)

    @property
    def url(self) -> str:
        assert self.port is not None
        host: Any = self.port.getHost()
        return f"https://127.0.0.1:{host.port}/keys?secret=1"

    async def wait_until_alone(self) -> None:
        """Until nobody is connected any more."""
        if self.connections:
            waiting: Deferred[None] = Deferred()
            self.waiting.append(waiting)
            await waiting


@pytest.fixture
def provider(tmp_path: Path) -> Iterator[Provider]:
    with serving(tmp_path) as provider:
        yield provider


@contextmanager
def serving(directory: Path) -> Iterator[Provider]:
    from twisted.internet import reactor  # noqa: PLC0415  # installed by then

    files = make(directory, time.time())
    provider = Provider()
    context = ssl.DefaultOpenSSLContextFactory(str(files.key), str(files.certificate))
    provider.port = reactor.listenSSL(0, provider, context, interface="127.0.0.1")  # type: ignore[attr-defined]  # is one

    async def stop() -> None:
        for each in [*provider.connections]:
            each.transport.abortConnection()  # type: ignore[union-attr]  # it is TLS
        await provider.wait_until_alone()
        assert provider.port is not None
        await provider.port.stopListening()  # type: ignore[misc]  # it is a Deferred

    try:
        yield provider
    finally:
        wait_for(stop())


def make_fetcher(trust: Path | None) -> HTTPSFetcher:
    from twisted.internet import reactor  # noqa: PLC0415  # installed by then

    return HTTPSFetcher(reactor=reactor, name="home", trust=read_trust(trust))  # type: ignore[arg-type]  # the module stands for it


def say(*pieces: bytes, closes: bool = False) -> Callable[[Answering], None]:
    def answer(connection: Answering) -> None:
        assert connection.transport is not None
        for piece in pieces:
            connection.transport.write(piece)
        if closes:
            connection.transport.loseConnection()

    return answer


def flood(head: bytes) -> Callable[[Answering], None]:
    """More than anybody has room for, for as long as somebody takes it."""

    def answer(connection: Answering) -> None:
        transport: Any = connection.transport
        transport.write(head)

        class Source:
            def resumeProducing(self) -> None:
                transport.write(_ENDLESS)

            def stopProducing(self) -> None:
                pass

        transport.registerProducer(Source(), streaming=False)

    return answer


async def refuse(fetcher: HTTPSFetcher, url: str) -> str:
    with pytest.raises(CloudError) as caught:
        await fetcher.get(url)
    return caught.value.code


@in_reactor
async def test_an_answer_comes_back(provider: Provider, tmp_path: Path) -> None:
    fetcher = make_fetcher(tmp_path / "cert.pem")
    provider.answer = say(b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"a": 1}\n')
    found = await fetcher.post(provider.url, {"code": "a&b"}, headers={"Authorization": "Basic x"})
    assert (found.status, found.content) == (200, {"a": 1})
    head, _, body = provider.received.partition(b"\r\n\r\n")
    assert body == b"code=a%26b"
    lines = head.lower().split(b"\r\n")
    assert {b"content-type: application/x-www-form-urlencoded", b"authorization: basic x"} <= {*lines}


@pytest.mark.parametrize("body", [b"[1]", b"{", b"\xff", b"[" * 100_000, b'"text"'])
@in_reactor
async def test_what_is_no_object_is_an_empty_one(provider: Provider, tmp_path: Path, body: bytes) -> None:
    provider.answer = say(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    assert (await make_fetcher(tmp_path / "cert.pem").get(provider.url)).content == {}


@in_reactor
async def test_nobody_is_sent_elsewhere(provider: Provider, tmp_path: Path) -> None:
    target = provider.url.encode()
    provider.answer = say(b"HTTP/1.1 302 Found\r\nLocation: %b\r\nContent-Length: 2\r\n\r\n{}" % target)
    found = await make_fetcher(tmp_path / "cert.pem").get(provider.url)
    assert found.status == 302
    assert provider.received.count(b"GET ") == 1


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n10000000\r\n",
        b"HTTP/1.1 200 OK\r\nX: ",
        b"",
    ],
    ids=["long", "without an end", "one chunk", "one field", "no head"],
)
@in_reactor
async def test_a_flood_ends(provider: Provider, tmp_path: Path, head: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "MOST_SECONDS", 2.0)
    provider.answer = flood(head)
    # By its bytes, or by its time where Twisted's client lets go of it and the other side does not.
    assert await refuse(make_fetcher(tmp_path / "cert.pem"), provider.url) == "provider_unavailable"


@in_reactor
async def test_many_fields_end(provider: Provider, tmp_path: Path) -> None:
    """Twisted's client keeps all fields of a head, however many there are."""
    line = b"X-Field: " + b"y" * 1000 + b"\r\n"
    provider.answer = say(b"HTTP/1.1 200 OK\r\n", *[line] * (MOST_BYTES // len(line) + 1))
    assert await refuse(make_fetcher(tmp_path / "cert.pem"), provider.url) == "provider_unavailable"
    await provider.wait_until_alone()


@pytest.mark.parametrize(
    "answer",
    [
        say(),
        say(b"HTTP/1.1 200 OK\r\n"),
        say(b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"a":'),
    ],
    ids=["nothing", "half a head", "half a body"],
)
@in_reactor
async def test_one_that_hangs_is_let_go(
    provider: Provider, tmp_path: Path, answer: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fetching, "MOST_SECONDS", 0.2)
    provider.answer = answer
    fetcher = make_fetcher(tmp_path / "cert.pem")
    assert await refuse(fetcher, provider.url) == "provider_unavailable"
    await provider.wait_until_alone()


@pytest.mark.parametrize(
    "answer",
    [
        say(closes=True),
        say(b"what?\r\n\r\n", closes=True),
        say(b"HTTP/1.1 abc\r\n\r\n", closes=True),
        say(b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"a":', closes=True),
        say(b"HTTP/1.1 200 OK\r\nContent-Length: a\r\n\r\n{}", closes=True),
    ],
)
@in_reactor
async def test_garbage_is_no_answer(provider: Provider, tmp_path: Path, answer: Any) -> None:
    provider.answer = answer
    assert await refuse(make_fetcher(tmp_path / "cert.pem"), provider.url) == "provider_unavailable"


@in_reactor
async def test_who_cannot_prove_who_it_is_is_asked_nothing(provider: Provider, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    other = make(tmp_path / "other", time.time())
    for trust in (None, other.certificate):
        assert await refuse(make_fetcher(trust), provider.url) == "provider_unavailable"
    assert provider.received == b""


@in_reactor
async def test_there_are_so_many_at_a_time(provider: Provider, tmp_path: Path) -> None:
    fetcher = make_fetcher(tmp_path / "cert.pem")
    running = [Deferred.fromCoroutine(refuse(fetcher, provider.url)) for _ in range(MOST_AT_A_TIME)]
    assert await refuse(fetcher, provider.url) == "provider_busy"
    for each in running:
        each.addErrback(lambda _: None)
        each.cancel()
    await gatherResults(running)
    await provider.wait_until_alone()
    provider.answer = say(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
    assert (await fetcher.get(provider.url)).status == 200


@in_reactor
async def test_nobody_is_asked_without_encryption(provider: Provider, tmp_path: Path) -> None:
    url = provider.url.replace("https:", "http:")
    assert await refuse(make_fetcher(tmp_path / "cert.pem"), url) == "provider_unavailable"
    assert provider.received == b""


@pytest.mark.parametrize(
    "url",
    ["http://a.example/", "https:///a", "https://a@b.example/", "https://a.example/#b", "https://a.example:x/", 5],
)
def test_what_is_no_address_of_a_provider(url: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        check_url(url)
