"""Back-pressure: neither side makes the other one keep more than a bounded amount for it."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Callable

import pytest
from twisted.internet.interfaces import IHalfCloseableProtocol

from cloudsvc.web.errors import HTTPError
from cloudsvc.web.http1.bounds import Phase
from tests.support.site import Client, TestSite
from tests.support.web_routes import Demo

HOST = b"Host: localhost\r\n"
GET = b"GET /api/demo/plain HTTP/1.1\r\n" + HOST + b"\r\n"
WAIT = b"GET /api/demo/wait HTTP/1.1\r\n" + HOST + b"\r\n"


def slow_upload(length: int) -> bytes:
    return b"PUT /api/demo/slow-upload HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % length


@pytest.fixture
def client(site: TestSite) -> Client:
    return site.connect()


def test_requests_wait_while_answers_are_not_taken(site: TestSite, client: Client) -> None:
    client.send(GET)
    client.channel.pauseProducing()
    client.send(GET * 50)
    assert len(client.answers()) == 1
    before = client.transport.paused
    client.channel.resumeProducing()
    assert len(client.answers()) == 51
    assert (before, client.transport.paused) == (True, False)


def test_requests_wait_as_soon_as_an_answer_is_not_taken(client: Client, demo: Demo) -> None:
    client.send(WAIT + GET * 50)
    client.channel.pauseProducing()
    demo.pending.pop().callback("at last")
    assert len(client.answers()) == 1
    client.channel.resumeProducing()
    assert len(client.answers()) == 51


def test_an_idle_connection_stays_idle_when_its_answer_is_taken(site: TestSite, client: Client) -> None:
    client.send(GET)
    client.channel.pauseProducing()
    client.channel.resumeProducing()
    assert client.channel.phase is Phase.IDLE


def test_a_body_that_nobody_reads_stays_outside_while_the_answer_is_taken(client: Client) -> None:
    client.send(slow_upload(10_000_000) + b"x" * 200_000)
    client.channel.pauseProducing()
    client.channel.resumeProducing()
    assert client.transport.paused


def test_a_body_waits_for_an_answer_that_is_not_taken(client: Client, demo: Demo) -> None:
    client.send(slow_upload(400_000) + b"x" * 200_000)
    client.channel.pauseProducing()
    demo.pending.pop().callback(None)
    before = client.transport.paused
    client.channel.resumeProducing()
    assert (before, client.transport.paused) == (True, False)


def test_requests_queued_behind_a_slow_one_stay_outside_while_its_answer_is_taken(client: Client) -> None:
    client.send(WAIT + GET * 1000)
    client.channel.pauseProducing()
    client.channel.resumeProducing()
    assert client.transport.paused


def test_what_is_left_of_an_unread_body_is_taken_after_the_answer(client: Client, demo: Demo) -> None:
    client.send(slow_upload(210_000) + b"x" * 200_000)
    before = client.transport.paused
    demo.pending.pop().errback(HTTPError(409, "no", "No."))
    assert (before, client.transport.paused) == (True, False)
    client.send(b"x" * 10_000 + GET)
    assert [answer.status for answer in client.answers()] == [409, 200]


def test_the_next_body_is_not_held_back_by_the_last(client: Client, demo: Demo) -> None:
    client.send(slow_upload(200_000) + b"x" * 200_000)
    demo.pending.pop().errback(HTTPError(409, "no", "No."))
    client.send(slow_upload(2))
    client.channel.pauseProducing()
    client.channel.resumeProducing()
    assert not client.transport.paused


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_what_makes_an_answer_is_closed_as_soon_as_its_client_has_left(
    client: Client, demo: Demo, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    async def hold() -> AsyncIterator[bytes]:
        try:
            client.channel.pauseProducing()
            while True:
                yield b"piece"
        finally:
            demo.events.append("closed")

    monkeypatch.setattr(demo, "_pieces", hold)
    gc.disable()
    try:
        client.send(f"{method} /api/demo/stream HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        client.leave()
    finally:
        gc.enable()
    assert demo.events == (["closed"] if method == "GET" else [])


class TestDeadlines:
    def advance(self, site: TestSite, seconds: float) -> None:
        site.clock.advance(seconds)
        site.connections.sweep()

    def test_the_last_answer_may_be_taken_slowly(self, site: TestSite, client: Client) -> None:
        client.transport.dataBuffer = bytes(1_000_000)
        client.send(b"GET /api/demo/plain HTTP/1.0\r\n\r\n")
        for _ in range(59):
            self.advance(site, 1)
        assert not client.transport.aborted
        for _ in range(4):
            self.advance(site, 1)
        assert client.transport.aborted

    def test_a_request_that_waits_for_its_client_is_not_slow(self, site: TestSite, client: Client) -> None:
        client.send(GET)
        client.channel.pauseProducing()
        client.send(GET)
        self.advance(site, 50)
        client.channel.resumeProducing()
        assert [answer.status for answer in client.answers()] == [200, 200]

    def test_whoever_neither_sends_a_body_nor_takes_the_answer_is_cut(self, site: TestSite, client: Client) -> None:
        client.send(slow_upload(400_000))
        client.channel.pauseProducing()
        for _ in range(5):
            self.advance(site, 10)
            assert not client.transport.aborted
        self.advance(site, 10)
        assert client.transport.aborted

    @pytest.mark.parametrize("before", [b"", GET, GET + b"GET /api/demo/plain"])
    def test_no_request_begins_on_a_connection_that_is_being_closed(
        self, site: TestSite, client: Client, before: bytes
    ) -> None:
        """Over TLS bytes go on arriving until the client has agreed to the end."""
        client.send(before)
        self.advance(site, 75)
        assert client.closed
        seen = site.tally.arrivals
        client.send(b" HTTP/1.1\r\n" + HOST + b"\r\n" + GET)
        assert site.tally.arrivals == seen


class TestHalfClosed:
    """A client that ends its side after its request still gets the answer (RFC 9112 section 9.6)."""

    def end(self, client: Client) -> None:
        IHalfCloseableProtocol(client.channel).readConnectionLost()

    def test_a_whole_request_is_answered(self, site: TestSite, client: Client, demo: Demo) -> None:
        client.send(WAIT)
        self.end(client)
        assert not client.closed
        demo.pending.pop().callback("at last")
        assert client.answer().json["message"] == "at last"
        self.end(client)  # reading begins again after an answer, and finds the same end
        assert client.closed

    def test_requests_behind_it_are_answered_too(self, client: Client, demo: Demo) -> None:
        client.send(WAIT + GET)
        self.end(client)
        demo.pending.pop().callback("at last")
        assert [answer.status for answer in client.answers()] == [200, 200]

    @pytest.mark.parametrize("sent", [b"", b"GET /api", GET, slow_upload(3) + b"ab"])
    def test_otherwise_the_connection_ends(self, client: Client, sent: bytes) -> None:
        client.send(sent)
        self.end(client)
        assert client.closed


def test_one_connection_that_cannot_be_judged_does_not_spare_the_others(
    make_site: Callable[..., TestSite], monkeypatch: pytest.MonkeyPatch
) -> None:
    site = make_site()
    odd, even = site.connect(), site.connect()
    monkeypatch.setattr(odd.transport, "unregisterProducer", lambda: 1 / 0)
    site.clock.advance(10)
    site.connections.sweep()
    assert odd.transport.aborted
    assert even.closed
