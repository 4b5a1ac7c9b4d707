"""Bytes that are no acceptable request, and connections that take too long (RFC 9112)."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from twisted.internet.defer import Deferred

from cloudsvc.web.http1.bounds import Phase
from cloudsvc.web.http1.channel import Channel
from tests.support.bounds import make_bounds, make_head_bounds
from tests.support.site import TOKEN, Client, TestSite
from tests.support.web_routes import Demo

KEY = b"X-API-Key: " + TOKEN.encode() + b"\r\n"
HOST = b"Host: localhost\r\n"
GET = b"GET /api/demo/plain HTTP/1.1\r\n" + HOST
SECURITY_HEADERS = (
    "Strict-Transport-Security",
    "X-Content-Type-Options",
    "X-Frame-Options",
    "Content-Security-Policy",
    "Referrer-Policy",
    "Cross-Origin-Opener-Policy",
    "Cross-Origin-Resource-Policy",
    "Permissions-Policy",
)

BAD_REQUESTS = {
    "request line too long": (b"GET /" + b"a" * 17_000 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    "request line without end": (b"GET /" + b"a" * 20000, 414),
    "query too long": (b"GET /api/demo/plain?" + b"a" * 300 + b" HTTP/1.1\r\n" + HOST + b"\r\n", 414),
    "header line too long": (GET + b"X: " + b"a" * 17_000 + b"\r\n\r\n", 431),
    "header line without end": (GET + b"X: " + b"a" * 20000, 431),
    "headers too large": (GET + b"".join(b"X-%d: %s\r\n" % (n, b"a" * 7000) for n in range(6)) + b"\r\n", 431),
    "too many headers": (GET + b"".join(b"X-%d: a\r\n" % n for n in range(150)) + b"\r\n", 431),
    "missing Host": (b"GET /api/demo/plain HTTP/1.1\r\n\r\n", 400),
    "two Hosts": (GET + HOST + b"\r\n", 400),
    "two lengths": (GET + b"Content-Length: 1\r\nContent-Length: 1\r\n\r\nx", 400),
    "length and chunked": (GET + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "chunked and length": (GET + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n", 400),
    "chunked twice": (GET + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    "identity coding": (GET + b"Transfer-Encoding: identity\r\n\r\n", 400),
    "unknown coding": (GET + b"Transfer-Encoding: gzip, chunked\r\n\r\n", 400),
    "negative length": (GET + b"Content-Length: -1\r\n\r\n", 400),
    "length with sign": (GET + b"Content-Length: +1\r\n\r\n", 400),
    "absurd length": (GET + b"Content-Length: " + b"9" * 5000 + b"\r\n\r\n", 400),
    "no colon": (GET + b"nonsense\r\n\r\n", 400),
    "space before colon": (GET + b"X-A : b\r\n\r\n", 400),
    "space at start": (b"GET /api/demo/plain HTTP/1.1\r\n X: y\r\n" + HOST + b"\r\n", 400),
    "NUL in a header": (GET + b"X: a\x00b\r\n\r\n", 400),
    "no version": (b"GET /api/demo/plain\r\n\r\n", 400),
    "version of the future": (b"GET /api/demo/plain HTTP/3.0\r\n\r\n", 505),
    "version of the past": (b"GET /api/demo/plain HTTP/0.9\r\n\r\n", 400),
    "name of a header too long": (GET + b"X" * 257 + b": a\r\n\r\n", 431),
    "not HTTP at all": (b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 \r\n\r\n", 400),
    "raw bytes in the target": (b"GET /api/\xff\xfe HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "not UTF-8 in the path": (b"GET /api/demo/paths/%ff HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "NUL in the path": (b"GET /api/demo/paths/a%00b HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "target without slash": (b"GET api/demo/plain HTTP/1.1\r\n" + HOST + b"\r\n", 400),
    "bad chunk": (
        b"PUT /api/demo/upload HTTP/1.1\r\n" + HOST + KEY + b"Transfer-Encoding: chunked\r\n\r\nnonsense\r\n",
        400,
    ),
    "expectation of the unknown": (
        b"PUT /api/demo/upload HTTP/1.1\r\n" + HOST + KEY + b"Expect: wonders\r\nContent-Length: 5\r\n\r\n",
        417,
    ),
}


@pytest.mark.parametrize("name", BAD_REQUESTS)
def test_bad_request_gets_json_and_security_headers_once(make_site: Callable[..., TestSite], name: str) -> None:
    data, status = BAD_REQUESTS[name]
    site = make_site(head_bounds=make_head_bounds(query_bytes=256))
    client = site.connect()
    client.send(data)
    answer = client.answer()
    assert answer.status == status
    assert answer.json["code"] == status
    assert set(answer.json) == {"code", "message", "timestamp", "error", "request_id"}
    assert answer.headers["X-Request-ID"] == answer.json["request_id"]
    for header in SECURITY_HEADERS:
        assert header in answer.headers
    assert "Server" not in answer.headers
    ((_, handler, counted),) = site.tally.departures
    assert (handler, counted) in {("unmatched", status), ("/api/demo/upload", status)}
    assert len(site.tally.lines) == 1


@pytest.mark.parametrize("name", BAD_REQUESTS)
@pytest.mark.parametrize("size", [1, 7])
def test_bad_request_in_small_pieces_is_the_same(make_site: Callable[..., TestSite], name: str, size: int) -> None:
    data, status = BAD_REQUESTS[name]
    client = make_site(head_bounds=make_head_bounds(query_bytes=256)).connect()
    for start in range(0, len(data), size):
        client.send(data[start : start + size])
    assert client.answer().status == status


@pytest.mark.parametrize("field", [b"X-Plain: yes", b"X-Odd: \xff"], ids=["plain", "by Twisted"])
def test_a_query_may_be_as_long_as_its_bound(make_site: Callable[..., TestSite], field: bytes) -> None:
    """Whichever parser reads the head; the question mark does not count."""
    site = make_site(head_bounds=make_head_bounds(query_bytes=256))
    for length, status in ((255, 200), (256, 200), (257, 414)):
        request = b"GET /api/demo/plain?" + b"a" * length + b" HTTP/1.1\r\n" + HOST + field + b"\r\n\r\n"
        assert site.ask(request).status == status, length


def test_framing_faults_close_the_connection(site: TestSite) -> None:
    client = site.connect()
    client.send(
        GET + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nGET /api/demo/plain HTTP/1.1\r\n" + HOST + b"\r\n"
    )
    assert client.answer().headers["Connection"] == "close"
    assert client.closed


class TestLingering:
    """What a client still sends after its last answer is dropped, for a bounded time (RFC 9112 section 9.6)."""

    def wait(self, site: TestSite, client: Client, seconds: int, *, sends: bool) -> None:
        for _ in range(seconds):
            if sends:
                client.send(b"x" * 16_000)
            site.clock.advance(1)
            site.connections.sweep()

    def test_who_sends_on_is_let_go_after_half_a_minute(self, site: TestSite) -> None:
        client = site.connect()
        client.send(b"nonsense\r\n\r\n")
        self.wait(site, client, 30, sends=True)
        assert not client.transport.disconnecting
        self.wait(site, client, 5, sends=True)
        assert client.transport.disconnecting
        assert not client.transport.aborted  # of the answer, the system may still have something to deliver

    def test_who_says_nothing_more_is_let_go_after_some_seconds(self, site: TestSite) -> None:
        client = site.connect()
        client.send(b"nonsense\r\n\r\n")
        self.wait(site, client, 6, sends=False)
        assert not client.transport.disconnecting
        self.wait(site, client, 3, sends=False)
        assert client.transport.disconnecting

    def test_who_ends_its_side_is_let_go_at_once(self, site: TestSite) -> None:
        client = site.connect()
        client.send(b"nonsense\r\n\r\n")
        client.transport.protocol.readConnectionLost()
        assert client.transport.disconnecting

    def test_who_still_takes_its_answer_has_all_the_time_for_it(self, site: TestSite) -> None:
        client = site.connect()
        client.transport.dataBuffer = bytes(10_000_000)
        client.send(b"nonsense\r\n\r\n")
        for _ in range(100):
            client.transport.offset += 5_000
            self.wait(site, client, 1, sends=False)
        assert not client.transport.disconnecting
        self.wait(site, client, 65, sends=True)
        assert client.transport.aborted

    def test_it_counts_among_its_clients_connections(self, make_site: Callable[..., TestSite]) -> None:
        site = make_site(bounds=make_bounds(per_client=1))
        client = site.connect()
        client.send(GET + b"Connection: close\r\n\r\n")
        assert site.connect().transport.aborted
        client.leave()
        assert not site.connect().transport.aborted

    def test_what_is_pipelined_behind_the_last_request_is_dropped(self, site: TestSite) -> None:
        client = site.connect()
        client.send(b"GET /api/demo/plain HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + GET + b"\r\n")
        client.send(GET + b"\r\n")
        assert client.answer().status == 200
        assert site.tally.arrivals == 1


def test_bad_chunk_after_an_early_answer_adds_nothing(site: TestSite) -> None:
    client = site.connect()
    client.send(b"PUT /api/demo/upload HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n")
    assert client.answer().status == 401
    client.send(b"nonsense\r\n" * 10)
    assert client.answer().status == 401


def test_requests_without_host_are_fine_in_http_1_0(site: TestSite) -> None:
    answer = site.ask(b"GET /api/demo/plain HTTP/1.0\r\n\r\n")
    assert (answer.status, answer.headers["Connection"]) == (200, "close")


def test_the_absolute_form_of_the_target_is_accepted(site: TestSite) -> None:
    assert site.ask(b"GET https://localhost/api/demo/plain HTTP/1.1\r\n" + HOST + b"\r\n").status == 200


def test_pipelined_requests_are_answered_in_order(site: TestSite) -> None:
    client = site.connect()
    requests = [b"GET /api/demo/paths/%d HTTP/1.1\r\n" % n + HOST + b"\r\n" for n in range(50)]
    client.send(b"".join(requests))
    assert [answer.json["message"] for answer in client.answers()] == [str(n) for n in range(50)]


@pytest.mark.slow
@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=300), st.integers(1, 40))
def test_no_bytes_at_all_break_the_channel(data: bytes, size: int) -> None:
    site = TestSite(application=Demo())
    client = site.connect()
    for start in range(0, len(data), size):
        client.send(data[start : start + size])
    for answer in client.answers():
        assert answer.status in {400, 404, 405, 414, 431}


FRAGMENTS = [
    b"GET",
    b"PUT",
    b" ",
    b"/api/demo/plain",
    b"HTTP/1.1",
    b"\r\n",
    b"\n",
    b"Host: a",
    b"Host:",
    b"Content-Length: 3",
    b"Transfer-Encoding: chunked",
    b"0",
    b"3",
    b"abc",
    b"\r\n\r\n",
    b"Expect: 100-continue",
]


@pytest.mark.slow
@settings(max_examples=200, deadline=None)
@given(st.lists(st.sampled_from(FRAGMENTS), max_size=25))
def test_almost_http_never_breaks_the_channel(pieces: list[bytes]) -> None:
    client = TestSite(application=Demo()).connect()
    for piece in pieces:
        client.send(piece)
    for answer in client.answers():
        assert 200 <= answer.status < 500


class TestDeadlines:
    def advance(self, site: TestSite, seconds: float) -> None:
        site.clock.advance(seconds)
        site.connections.sweep()

    def test_a_silent_new_connection_is_closed(self, site: TestSite) -> None:
        client = site.connect()
        self.advance(site, 9.9)
        assert not client.closed
        self.advance(site, 0.1)
        assert client.closed
        assert client.received == b""

    def test_headers_that_dribble_get_408(self, site: TestSite) -> None:
        client = site.connect()
        for byte in GET[:9]:
            client.send(bytes([byte]))
            self.advance(site, 1)
        assert not client.closed
        client.send(b"x")
        self.advance(site, 1)
        assert client.answer().status == 408
        assert client.closed

    def test_an_idle_connection_is_kept_and_then_closed(self, site: TestSite) -> None:
        client = site.connect()
        client.send(GET + b"\r\n")
        self.advance(site, 74)
        client.send(GET + b"\r\n")
        self.advance(site, 74)
        assert not client.closed
        self.advance(site, 1)
        assert client.closed
        assert len(client.answers()) == 2

    def test_a_closing_connection_that_does_not_end_is_aborted(self, site: TestSite) -> None:
        client = site.connect()
        self.advance(site, 10)
        assert not client.transport.aborted
        self.advance(site, 2)
        assert client.transport.aborted

    def test_a_body_below_the_minimum_rate_gets_408(self, site: TestSite) -> None:
        client = site.connect()
        client.send(b"PUT /api/demo/upload HTTP/1.1\r\n" + HOST + KEY + b"Content-Length: 100000\r\n\r\n")
        client.send(b"x" * 20_000)
        self.advance(site, 10)
        assert client.received == b""
        client.send(b"x" * 100)
        self.advance(site, 10)
        assert client.answer().status == 408

    def test_a_slow_body_that_nobody_reads_is_cut(self, site: TestSite, demo: Demo) -> None:
        client = site.connect()
        client.send(b"PUT /api/demo/slow-upload HTTP/1.1\r\n" + HOST + b"Content-Length: 100000\r\n\r\n")
        self.advance(site, 10)
        self.advance(site, 10)
        assert client.transport.aborted

    def test_a_client_that_we_keep_waiting_is_not_slow(self, site: TestSite, demo: Demo) -> None:
        client = site.connect()
        client.send(b"PUT /api/demo/slow-upload HTTP/1.1\r\n" + HOST + b"Content-Length: 400000\r\n\r\n")
        client.send(b"x" * 200_000)
        assert client.transport.paused
        for _ in range(10):
            self.advance(site, 10)
        demo.pending.pop().callback(None)
        assert not client.transport.paused
        client.send(b"x" * 200_000)
        assert client.answer().json["message"] == "400000"

    def test_a_handler_may_take_its_time(self, site: TestSite, demo: Demo) -> None:
        client = site.connect()
        client.send(b"GET /api/demo/wait HTTP/1.1\r\n" + HOST + b"\r\n")
        self.advance(site, 10_000)
        demo.pending.pop().callback("at last")
        assert client.answer().json["message"] == "at last"

    def test_a_client_that_takes_nothing_is_cut(self, site: TestSite, demo: Demo) -> None:
        client = site.connect()
        client.send(b"GET /api/demo/wait HTTP/1.1\r\n" + HOST + b"\r\n")
        client.channel.pauseProducing()
        self.advance(site, 59)
        client.channel.resumeProducing()
        self.advance(site, 59)
        assert not client.transport.aborted
        client.channel.pauseProducing()
        self.advance(site, 60)
        assert client.transport.aborted

    def test_a_client_that_takes_little_by_little_is_cut_only_below_the_minimum_rate(
        self, site: TestSite, demo: Demo
    ) -> None:
        client = site.connect()
        client.send(b"GET /api/demo/wait HTTP/1.1\r\n" + HOST + b"\r\n")
        least = 1024 * 60
        client.transport.dataBuffer = bytes(3 * least)
        client.channel.pauseProducing()
        for client.transport.offset in (least, 2 * least):
            self.advance(site, 60)
            assert not client.transport.aborted
        client.transport.offset += least - 1
        self.advance(site, 60)
        assert client.transport.aborted

    def test_what_was_taken_before_is_no_excuse(self, make_site: Callable[..., TestSite], demo: Demo) -> None:
        site = make_site(bounds=make_bounds(body_bytes_per_second=0))
        client = site.connect()
        client.send(b"GET /api/demo/wait HTTP/1.1\r\n" + HOST + b"\r\n")
        client.transport.dataBuffer = b"much"
        client.channel.pauseProducing()
        client.transport.dataBuffer = b""
        client.channel.resumeProducing()
        client.transport.dataBuffer = b"more"
        client.channel.pauseProducing()
        client.transport.offset = 1
        self.advance(site, 60)
        assert not client.transport.aborted
        self.advance(site, 60)
        assert client.transport.aborted


class TestBounds:
    """At a bound, who waits for an answer stays, and who has asked for nothing makes way."""

    def ask(self, site: TestSite, host: str, name: bytes = b"wait") -> Client:
        """A connection with a whole head, which waits for its answer."""
        client = site.connect(host)
        client.send(b"GET /api/demo/" + name + b" HTTP/1.1\r\n" + HOST + b"\r\n")
        return client

    def test_connections_in_all(self, make_site: Callable[..., TestSite]) -> None:
        site = make_site(bounds=make_bounds(total=2))
        first, second = (self.ask(site, f"192.0.2.{n}") for n in range(2))
        third = site.connect("192.0.2.3")
        assert [client.transport.aborted for client in (first, second, third)] == [False, False, True]
        third.leave()
        first.leave()
        assert not site.connect().transport.aborted
        assert site.connections.refused == {"total": 1}

    def test_connections_per_client(self, make_site: Callable[..., TestSite]) -> None:
        site = make_site(bounds=make_bounds(per_client=1), trusted=("198.51.100.0/24",))
        self.ask(site, "192.0.2.1")
        assert site.connect("192.0.2.1").transport.aborted
        assert not site.connect("192.0.2.2").transport.aborted
        assert not any(site.connect("198.51.100.7").transport.aborted for _ in range(3))

    def test_one_ipv6_network_is_one_client(self, make_site: Callable[..., TestSite]) -> None:
        site = make_site(bounds=make_bounds(per_client=1))
        self.ask(site, "2001:db8::1")
        assert site.connect("2001:db8::2").transport.aborted
        assert not site.connect("2001:db8:0:1::1").transport.aborted

    @pytest.mark.parametrize("bounds", [{"total": 4}, {"per_client": 4}])
    def test_the_oldest_that_has_said_nothing_gives_way(
        self, make_site: Callable[..., TestSite], bounds: dict[str, int]
    ) -> None:
        site = make_site(bounds=make_bounds(**bounds))
        clients = [site.connect(), self.ask(site, "192.0.2.1"), site.connect(), site.connect()]
        clients[2].send(b"GET / HTTP/1.1\r\nHost: a\r\nX-Unfinished")
        for gone in (0, 2, 3, 4, 5):
            clients.append(site.connect())
            aborted = [number for number, client in enumerate(clients) if client.transport.aborted]
            assert aborted == sorted({*aborted, gone})
            clients[gone].leave()
        assert len(site.connections) == 4
        assert site.connections.refused == {next(iter(bounds)): 5}
        for client in clients:
            client.leave()
        assert len(site.connections) == 0

    def test_of_those_who_have_had_their_answer_whoever_is_idle_for_longest_gives_way(
        self, make_site: Callable[..., TestSite], demo: Demo
    ) -> None:
        site = make_site(bounds=make_bounds(total=4))
        clients = [self.ask(site, "192.0.2.1"), self.ask(site, "192.0.2.2", b"hello")]
        site.clock.advance(1)
        clients.append(site.connect("192.0.2.3"))
        clients[2].send(b"GET /api/demo/hello HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
        for sent in (b"x", b"xx", b"xxx", b"xxxx"):
            site.clock.advance(1)
            site.connections.sweep()
            clients[2].send(sent)
        clients.append(self.ask(site, "192.0.2.4", b"hello"))
        site.clock.advance(1)
        for gone in (1, 2, 3, 4, 5):
            clients.append(self.ask(site, f"198.51.100.{gone}", b"hello"))
            aborted = [number for number, client in enumerate(clients) if client.transport.aborted]
            assert aborted == list(range(1, gone + 1))
            clients[gone].leave()
            site.clock.advance(1)
            site.connections.sweep()
        demo.pending.pop().callback("done")
        assert clients[0].answer().status == 200

    def test_one_that_asks_again_is_not_idle(self, make_site: Callable[..., TestSite]) -> None:
        site = make_site(bounds=make_bounds(total=3))
        clients = [self.ask(site, f"192.0.2.{number}", b"hello") for number in range(3)]
        site.connect("192.0.2.4").leave()
        assert clients[0].transport.aborted
        clients[1].send(b"GET /api/demo/wait HTTP/1.1\r\n" + HOST + b"\r\n")
        clients += [self.ask(site, f"192.0.2.{number}") for number in (5, 6)]
        assert [client.transport.aborted for client in clients] == [True, False, True, False, False]
        assert site.connect("192.0.2.7").transport.aborted

    def test_one_that_only_begins_to_ask_again_is_idle(self, make_site: Callable[..., TestSite]) -> None:
        site = make_site(bounds=make_bounds(total=1))
        client = self.ask(site, "192.0.2.1", b"hello")
        client.send(b"GET / HTTP/1.1\r\nX-Unfinished")
        assert not site.connect("192.0.2.2").transport.aborted
        assert client.transport.aborted

    def test_one_client_makes_way_for_itself_only(self, make_site: Callable[..., TestSite]) -> None:
        site = make_site(bounds=make_bounds(per_client=1))
        other = site.connect("192.0.2.2")
        first, second = site.connect(), site.connect()
        assert [client.transport.aborted for client in (other, first, second)] == [False, True, False]


class TestDrain:
    def test_idle_connections_are_closed_and_busy_ones_answered(self, site: TestSite, demo: Demo) -> None:
        idle, busy, fresh = site.connect(), site.connect(), site.connect()
        idle.send(GET + b"\r\n")
        busy.send(b"GET /api/demo/wait HTTP/1.1\r\n" + HOST + b"\r\n")
        drained = Deferred.fromCoroutine(site.connections.drain(30))
        assert (idle.closed, busy.closed, fresh.closed) == (True, False, True)
        demo.pending.pop().callback("done")
        assert busy.answer().headers["Connection"] == "close"
        assert busy.closed
        for client in (idle, busy, fresh):
            assert not drained.called
            client.leave()
        assert drained.called
        assert not site.clock.getDelayedCalls()

    def test_after_the_deadline_everything_is_closed(self, site: TestSite) -> None:
        client = site.connect()
        client.send(b"GET /api/demo/wait HTTP/1.1\r\n" + HOST + b"\r\n")
        drained = Deferred.fromCoroutine(site.connections.drain(30))
        site.clock.advance(30)
        assert client.transport.aborted
        client.leave()
        assert drained.called

    def test_without_connections_there_is_nothing_to_wait_for(self, site: TestSite) -> None:
        assert Deferred.fromCoroutine(site.connections.drain(30)).called


def test_a_request_passes_through_its_phases(site: TestSite, demo: Demo) -> None:
    client = site.connect()
    channel: Channel = client.channel
    assert channel.phase is Phase.CONNECTED
    client.send(b"PUT /api/demo/slow-upload HTTP/1.1\r\n")
    assert channel.phase is Phase.HEADERS
    client.send(HOST + b"Content-Length: 2\r\n\r\n")
    assert channel.phase is Phase.BODY
    client.send(b"ab")
    assert channel.phase is Phase.HANDLING
    demo.pending.pop().callback(None)
    assert channel.phase is Phase.IDLE
