"""Requests to servers of others that are not well-meant: to where they lead, and what they cost."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from ipaddress import ip_network
from pathlib import Path
from threading import current_thread
from typing import Any

import pytest
from attrs import define, field
from twisted.internet.address import IPv4Address, IPv6Address
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.interfaces import IHostnameResolver, IHostResolution
from twisted.internet.threads import deferToThread
from zope.interface import implementer

from cloudsvc.outbound.addresses import AddressPolicy
from cloudsvc.outbound.connecting import AddressRefused, AdmittingReactor
from cloudsvc.outbound.lookups import Lookups
from cloudsvc.outbound.posting import Answer, Poster, Trouble
from cloudsvc.outbound.trust import read_trust
from cloudsvc.tls.files import CertificateFiles
from tests.support.raw_receivers import Behaviour, await_end, behaving, take_request
from tests.support.reactors import in_reactor, run_threads
from tests.support.server import PATIENCE
from tests.support.tls.certificates import make
from tests.support.webhook_receivers import Answer as Says
from tests.support.webhook_receivers import receiving

LOOPBACK = AddressPolicy(allowed=[ip_network("127.0.0.1")])
SOON = 0.2
"""Seconds in which nobody answers who never does."""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


@implementer(IHostnameResolver)
@define(eq=False)
class Rebinding:
    """
    A resolver for which each look-up of any name leads to the next addresses.

    :ivar asked: the names, in their order.
    """

    answers: list[Sequence[str]]
    asked: list[str] = field(factory=list)

    def resolveHostName(
        self, receiver: Any, hostName: str, portNumber: int = 0, addressTypes: Any = None, transportSemantics: str = ""
    ) -> IHostResolution:
        self.asked.append(hostName)
        receiver.resolutionBegan(None)
        for each in self.answers.pop(0):
            kind = IPv6Address if ":" in each else IPv4Address
            receiver.addressResolved(kind("TCP", each, portNumber))
        receiver.resolutionComplete()
        return None  # type: ignore[return-value]  # nobody ends it


class Resolving:
    """The running reactor with another resolver."""

    def __init__(self, resolver: Rebinding) -> None:
        self.nameResolver = resolver

    def __getattr__(self, name: str) -> Any:
        return getattr(get_reactor(), name)


def get_reactor() -> Any:
    from twisted.internet import reactor  # noqa: PLC0415  # installed by then

    return reactor


def make_poster(policy: AddressPolicy = LOOPBACK, *, reactor: Any = None, seconds: float = PATIENCE) -> Poster:
    return Poster(reactor or get_reactor(), policy, seconds=seconds)


async def post(poster: Poster, url: str) -> Answer:
    return await poster.post(url, {"content-type": "application/json"}, b"{}")


async def post_to(behave: Behaviour, *, seconds: float = PATIENCE) -> Answer:
    """What comes of a request to a receiver that behaves so; nothing is left of the connection after it."""
    with behaving(behave) as receiver:
        answer = await post(make_poster(seconds=seconds), f"http://127.0.0.1:{receiver.port}/")
        await deferToThread(receiver.join)
    assert receiver.connections == 1
    return answer


@pytest.fixture
def certificate(tmp_path: Path) -> CertificateFiles:
    return make(tmp_path / "tls", time.time(), "localhost")


@in_reactor
async def test_an_answer_is_its_status() -> None:
    taken: list[bytes] = []

    def answer(connection: socket.socket) -> None:
        taken.append(take_request(connection))
        connection.sendall(b"HTTP/1.1 503 Later\r\nRetry-After: 120\r\nContent-Length: 0\r\n\r\n")

    assert await post_to(answer) == Answer(status=503, retry_after=120)
    head, _, content = taken[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST / HTTP/1.1\r\n")
    assert content == b"{}"
    assert b"\r\nContent-Type: application/json" in head


@pytest.mark.parametrize(
    "text", [b"-1", b"soon", b"9" * 4000, b"Wed, 31 Feb 2027 07:28:00 GMT", b"Wed, 21 Oct 2026 07:28:00 CET"]
)
@in_reactor
async def test_a_moment_to_come_again_that_is_none_is_passed_over(text: bytes) -> None:
    def answer(connection: socket.socket) -> None:
        take_request(connection)
        connection.sendall(b"HTTP/1.1 429 Later\r\nRetry-After: %b\r\nContent-Length: 0\r\n\r\n" % text)

    assert await post_to(answer) == Answer(status=429)


@pytest.mark.parametrize(
    ("text", "delay"),
    [
        (b"Wed, 21 Oct 2026 07:28:00 GMT", 60),
        (b"Wed, 21 Oct 2026 07:26:00 GMT", 0),
        (b"Thu, 21 Oct 2027 07:28:00 GMT", 24 * 60 * 60),
    ],
)
@in_reactor
async def test_a_moment_to_come_again_may_be_a_date(text: bytes, delay: int) -> None:
    now = int(datetime(2026, 10, 21, 7, 27, tzinfo=UTC).timestamp()) * 1_000_000

    def answer(connection: socket.socket) -> None:
        take_request(connection)
        connection.sendall(b"HTTP/1.1 429 Later\r\nRetry-After: %b\r\nContent-Length: 0\r\n\r\n" % text)

    with behaving(answer) as receiver:
        poster = Poster(get_reactor(), LOOPBACK, now=lambda: now)
        assert await post(poster, f"http://127.0.0.1:{receiver.port}/") == Answer(status=429, retry_after=delay)


@in_reactor
async def test_a_certificate_is_verified(certificate: CertificateFiles, tmp_path: Path) -> None:
    others = make(tmp_path / "other", time.time(), "other.example")
    for files, trusted, expected in (
        (certificate, certificate, Answer(status=200)),
        # By nobody who is trusted, and for another name.
        (certificate, others, Answer(trouble=Trouble.UNTRUSTED)),
        (certificate, None, Answer(trouble=Trouble.UNTRUSTED)),
        (others, others, Answer(trouble=Trouble.UNTRUSTED)),
    ):
        with receiving(files) as receiver:
            trust = read_trust(None if trusted is None else trusted.certificate)
            assert await post(Poster(get_reactor(), LOOPBACK, trust), receiver.url) == expected
            assert len(receiver.messages) == (expected.status == 200)


def test_what_is_no_certificate_is_told(tmp_path: Path) -> None:
    for pem in (b"", b"text", b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"):
        (tmp_path / "ca.pem").write_bytes(pem)
        with pytest.raises(ValueError, match="certificate"):
            read_trust(tmp_path / "ca.pem")


@in_reactor
async def test_plain_text_where_tls_is_asked_for() -> None:
    def answer(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(OK)
        await_end(connection)

    with behaving(answer) as receiver:
        answered = await post(make_poster(), f"https://127.0.0.1:{receiver.port}/")
    assert answered == Answer(trouble=Trouble.UNTRUSTED)


@in_reactor
async def test_a_redirect_is_not_followed(certificate: CertificateFiles) -> None:
    with behaving(lambda connection: connection.sendall(OK)) as inside, receiving(certificate) as receiver:
        for status in (301, 302, 303, 307, 308):
            receiver.answers.append(Says(status=status, headers={"Location": f"http://127.0.0.1:{inside.port}/"}))
            poster = Poster(get_reactor(), LOOPBACK, read_trust(certificate.certificate))
            assert await post(poster, receiver.url) == Answer(status=status)
    assert inside.connections == 0


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "localhost",
        "127.1",
        "2130706433",
        "0x7f.1",
        "0x7f000001",
        "0177.0.0.1",
        "0.0.0.0",  # noqa: S104  # nobody binds to it
        "0",
        "127.0.0.1.",
    ],
)
@in_reactor
async def test_nothing_is_connected_to_that_is_not_public(host: str) -> None:
    with behaving(lambda connection: connection.sendall(OK), "") as receiver:
        answer = await post(make_poster(AddressPolicy()), f"http://{host}:{receiver.port}/")
    assert answer == Answer(trouble=Trouble.UNREACHABLE)
    assert receiver.connections == 0


@pytest.mark.parametrize("host", ["[::1]", "[::ffff:127.0.0.1]", "[::]", "[::7f00:1]"])
@in_reactor
async def test_nor_by_the_other_protocol(host: str) -> None:
    with behaving(lambda connection: connection.sendall(OK), "") as receiver:
        answer = await post(make_poster(AddressPolicy()), f"http://{host}:{receiver.port}/")
    assert answer == Answer(trouble=Trouble.UNREACHABLE)
    assert receiver.connections == 0


@in_reactor
async def test_a_name_that_leads_inside_is_not_followed_there() -> None:
    inside = [["127.0.0.2"], ["::1"], ["::ffff:127.0.0.2"], ["169.254.169.254"], ["10.0.0.1", "192.168.0.1"], []]
    resolver = Rebinding([*inside])
    poster = make_poster(reactor=Resolving(resolver))
    with behaving(lambda connection: connection.sendall(OK), "") as receiver:
        for _ in inside:
            answer = await post(poster, f"http://public.example:{receiver.port}/")
            assert answer == Answer(trouble=Trouble.UNREACHABLE)
    assert receiver.connections == 0
    assert len(resolver.asked) == len(inside)


@in_reactor
async def test_it_is_looked_up_once_and_connected_to_is_what_was_found() -> None:
    resolver = Rebinding([["127.0.0.2", "127.0.0.1", "10.0.0.1"], ["127.0.0.2"]])

    def answer(connection: socket.socket) -> None:
        assert connection.getsockname()[0] == "127.0.0.1"
        assert b"\r\nHost: public.example:" in take_request(connection)
        connection.sendall(OK)

    with behaving(answer, "") as receiver:
        url = f"http://public.example:{receiver.port}/"
        assert await post(make_poster(reactor=Resolving(resolver)), url) == Answer(status=200)
        assert resolver.asked == ["public.example"]
        # At the next request it leads elsewhere: that is refused, whatever it was before.
        answered = await post(make_poster(reactor=Resolving(resolver)), url)
    assert answered == Answer(trouble=Trouble.UNREACHABLE)
    assert receiver.connections == 1


def test_whoever_asks_for_another_address_all_the_same_is_refused() -> None:
    with pytest.raises(AddressRefused):
        AdmittingReactor(get_reactor(), LOOPBACK).connectTCP("127.0.0.2", 80, None)


@in_reactor
async def test_names_are_looked_up_in_threads_of_their_own() -> None:
    used: list[str] = []

    def look_up(*asked: Any) -> Any:
        used.append(current_thread().name)
        return socket.getaddrinfo(*asked)

    with behaving(answer_all) as receiver, run_threads(1) as threads:
        lookups = Lookups(threads=threads, clock=get_reactor(), look_up=look_up)
        poster = Poster(Resolving(Rebinding([])), LOOPBACK, resolver=lookups)
        assert await post(poster, f"http://localhost:{receiver.port}/") == Answer(status=200)
        assert await post(poster, f"http://nobody.invalid:{receiver.port}/") == Answer(trouble=Trouble.UNREACHABLE)
        await deferToThread(receiver.join)
    assert used == ["test-0"] * 2


@in_reactor
async def test_a_name_of_many_addresses_is_tried_at_some() -> None:
    many = [f"127.0.1.{number}" for number in range(200)]
    resolver = Rebinding([many])
    policy = AddressPolicy(allowed=[ip_network("127.0.0.0/8")])
    tried: list[str] = []

    class Counting(Resolving):
        def connectTCP(self, host: str, *arguments: Any) -> Any:
            tried.append(host)
            return get_reactor().connectTCP(host, *arguments)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        answer = await post(make_poster(policy, reactor=Counting(resolver)), f"http://many.example:{port}/")
    assert answer == Answer(trouble=Trouble.UNREACHABLE)
    assert tried == many[:8]


def answer_all(connection: socket.socket) -> None:
    take_request(connection)
    connection.sendall(OK)


@in_reactor
async def test_no_proxy_of_the_environment_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    with behaving(lambda connection: connection.sendall(OK)) as proxy:
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")
        answer = await post_to(answer_all)
    assert answer == Answer(status=200)
    assert proxy.connections == 0


def drip(connection: socket.socket) -> None:
    """Send a head that has no end, a byte at a time, until nobody takes it."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while True:
        connection.sendall(b"a")
        time.sleep(0.01)


@pytest.mark.parametrize("behave", [await_end, drip], ids=["says nothing", "slow head"])
@in_reactor
async def test_who_does_not_answer_in_time_is_left(behave: Callable[[socket.socket], None]) -> None:
    assert await post_to(behave, seconds=SOON) == Answer(trouble=Trouble.SILENT)


@in_reactor
async def test_of_an_answer_that_has_come_the_rest_is_waited_for_no_longer() -> None:
    def answer(connection: socket.socket) -> None:
        take_request(connection)
        connection.sendall(b"HTTP/1.1 202 Accepted\r\nContent-Length: 9\r\n\r\n1")
        await_end(connection)

    assert await post_to(answer, seconds=SOON * 5) == Answer(status=202)


@pytest.mark.parametrize("length", [b"Content-Length: 999999999999\r\n", b"Transfer-Encoding: chunked\r\n", b""])
@in_reactor
async def test_content_without_an_end_is_cut(length: bytes) -> None:
    sent: list[int] = []

    def answer(connection: socket.socket) -> None:
        take_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n" + length + b"\r\n")
        piece = b"ffff\r\n" + b"a" * 0xFFFF + b"\r\n" if b"chunked" in length else b"a" * 65536
        while True:
            connection.sendall(piece)
            sent.append(len(piece))

    assert await post_to(answer) == Answer(status=200)
    # What fits into the buffers of both ends, and no more.
    assert sum(sent) < 64 * 2**20


@pytest.mark.parametrize(
    "line", [b"X: " + b"a" * 1000 + b"\r\n", b" folded" * 100 + b"\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"]
)
@in_reactor
async def test_a_head_without_an_end_is_cut(line: bytes) -> None:
    def answer(connection: socket.socket) -> None:
        take_request(connection)
        connection.sendall(b"" if line.startswith(b"HTTP") else b"HTTP/1.1 200 OK\r\n")
        while True:
            connection.sendall(line * 64)

    assert await post_to(answer) == Answer(trouble=Trouble.BROKEN)


@pytest.mark.parametrize(
    "said", [b"", b"HTTP/1.1 200 OK\r\nX: y\r\n", b"SSH-2.0-OpenSSH\r\n", b"\x00" * 100, b"HTTP/1.1 2x0 OK\r\n\r\n"]
)
@in_reactor
async def test_what_is_no_answer_is_none(said: bytes) -> None:
    def answer(connection: socket.socket) -> None:
        take_request(connection)
        connection.sendall(said)
        connection.shutdown(socket.SHUT_WR)
        await_end(connection)

    assert await post_to(answer) == Answer(trouble=Trouble.BROKEN)


@in_reactor
async def test_where_nobody_accepts() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    assert await post(make_poster(), f"http://127.0.0.1:{port}/") == Answer(trouble=Trouble.UNREACHABLE)


@in_reactor
async def test_whoever_waits_no_more_lets_go_of_the_connection() -> None:
    arrived: Deferred[None] = Deferred()

    def behave(connection: socket.socket) -> None:
        take_request(connection)
        get_reactor().callFromThread(arrived.callback, None)
        await_end(connection)

    with behaving(behave) as receiver:
        work = Deferred.fromCoroutine(post(make_poster(), f"http://127.0.0.1:{receiver.port}/"))
        await arrived
        work.cancel()
        with pytest.raises(CancelledError):
            await work
        await deferToThread(receiver.join)


@pytest.fixture(autouse=True)
def _no_resolver_is_left() -> Iterator[None]:
    """Each test brings its own."""
    before = get_reactor().nameResolver
    yield
    assert get_reactor().nameResolver is before
