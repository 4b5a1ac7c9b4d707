"""Requests to identity providers over real sockets: whatever one answers, its connection ends."""

from __future__ import annotations

import socket
import time
from pathlib import Path
from threading import current_thread
from typing import Any

import pytest
from OpenSSL import SSL
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import SSL4ServerEndpoint
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import DefaultOpenSSLContextFactory
from twisted.python.failure import Failure

from cloudsvc.access.openid import fetching
from cloudsvc.access.openid.fetching import HTTPSFetcher
from cloudsvc.outbound.lookups import Lookups
from cloudsvc.outbound.trust import read_trust
from cloudsvc.tls.files import CertificateFiles
from tests.support.opened_drives import refusal
from tests.support.reactors import in_reactor, run_threads
from tests.support.tls.certificates import make

WHOLE = b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"whole": 1}'
HALF = b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"half'
SILENT = b"HTTP/1.1 200 OK\r\n"
UNBOUNDED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"1000\r\n" + b"x" * 4096


class Provider(Protocol):
    """Answers the first bytes of each request, and never ends a connection."""

    answer = b""
    lost: Deferred[None]

    def dataReceived(self, data: bytes) -> None:
        answer, self.answer = self.answer, b""
        assert self.transport is not None
        self.transport.write(answer)

    def connectionLost(self, reason: Failure | None = None) -> None:
        self.lost.callback(None)


async def listen(files: CertificateFiles, answer: bytes, lost: Deferred[None]) -> Any:
    """The port of a provider that answers so, and says when its connection has ended."""
    from twisted.internet import reactor  # noqa: PLC0415  # installed by then

    factory = Factory.forProtocol(type("Answering", (Provider,), {"answer": answer, "lost": lost}))
    options = DefaultOpenSSLContextFactory(str(files.key), str(files.certificate), sslmethod=SSL.TLS_METHOD)
    return await SSL4ServerEndpoint(reactor, 0, options, interface="127.0.0.1").listen(factory)


@pytest.mark.parametrize("answer", [WHOLE, HALF, SILENT, UNBOUNDED], ids=["whole", "half", "silent", "unbounded"])
@in_reactor
async def test_no_connection_outlives_its_exchange(
    answer: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from twisted.internet import reactor  # noqa: PLC0415  # installed by then

    monkeypatch.setattr(fetching, "MOST_SECONDS", 0.5)
    files = make(tmp_path, time.time(), "localhost")
    lost: Deferred[None] = Deferred()
    port = await listen(files, answer, lost)
    fetcher = HTTPSFetcher(reactor=reactor, name="home", trust=read_trust(files.certificate))  # type: ignore[arg-type]  # the module stands for it
    asked = fetcher.get(f"https://localhost:{port.getHost().port}/")
    if answer == WHOLE:
        assert (await asked).content == {"whole": 1}
    else:
        assert await refusal(asked) == "provider_unavailable"
    await lost
    await port.stopListening()


@in_reactor
async def test_names_are_looked_up_in_threads_of_their_own(tmp_path: Path) -> None:
    from twisted.internet import reactor  # noqa: PLC0415  # installed by then

    used: list[str] = []

    def look_up(*asked: Any) -> Any:
        used.append(current_thread().name)
        return socket.getaddrinfo(*asked)

    files = make(tmp_path, time.time(), "localhost")
    lost: Deferred[None] = Deferred()
    port = await listen(files, WHOLE, lost)
    with run_threads(1) as threads:
        clock: Any = reactor
        lookups = Lookups(threads=threads, clock=clock, look_up=look_up)
        fetcher = HTTPSFetcher(reactor=clock, name="home", trust=read_trust(files.certificate), resolver=lookups)
        assert (await fetcher.get(f"https://localhost:{port.getHost().port}/")).status == 200
        await lost
    await port.stopListening()
    assert used == ["test-0"]
