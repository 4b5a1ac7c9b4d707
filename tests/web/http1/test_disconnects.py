"""Requests whose client leaves: what has arrived whole and changes something is carried through."""

from __future__ import annotations

import pytest
from klein import Klein
from twisted.internet.defer import CancelledError, Deferred

from cloudsvc.web.http1.request import Request
from cloudsvc.web.responses import Message, Response
from cloudsvc.web.routes import accepts_body, route
from tests.support.bounds import make_bounds
from tests.support.site import TestSite

HOST = b"Host: localhost\r\n"


def ask(method: str, body: bytes = b"x", path: str = "/api/work") -> bytes:
    return f"{method} {path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n".encode() + body


class Work:
    """Something that takes a while, whatever is asked."""

    app = Klein()

    def __init__(self) -> None:
        self.events: list[str] = []
        self.pending: list[Deferred[None]] = []

    async def _work(self, request: Request) -> Message:
        gate: Deferred[None] = Deferred()
        self.pending.append(gate)
        try:
            await gate
            content = b"".join([piece async for piece in request.body])
        except (CancelledError, ConnectionError):
            self.events.append("dropped")
            raise
        self.events.append(f"{request.method.decode()} {len(content)}")
        return Message(message="done")

    @route(app, "GET", "/work")
    async def look(self, request: Request) -> Message:
        """Change nothing."""
        return await self._work(request)

    @route(app, "PUT", "/work")
    @accepts_body(limit=1 << 30)
    async def put(self, request: Request) -> Message:
        """Change something."""
        return await self._work(request)

    @route(app, "POST", "/work")
    @accepts_body(limit=1 << 30)
    async def post(self, request: Request) -> Message:
        """Change something."""
        return await self._work(request)

    @route(app, "PATCH", "/work")
    @accepts_body(limit=1 << 30)
    async def patch(self, request: Request) -> Message:
        """Change something."""
        return await self._work(request)

    @route(app, "DELETE", "/work", status=204)
    async def delete(self, request: Request) -> Response:
        """Change something, without a body."""
        await self._work(request)
        return Response(status=204)

    def go_on(self) -> None:
        while self.pending:
            self.pending.pop(0).callback(None)


@pytest.fixture
def work() -> Work:
    return Work()


@pytest.fixture
def site(work: Work) -> TestSite:
    return TestSite(application=work, bounds=make_bounds(per_client=1))


@pytest.mark.parametrize("method", ["PUT", "POST", "PATCH", "DELETE"])
def test_what_has_arrived_whole_and_changes_something_is_carried_through(
    site: TestSite, work: Work, method: str
) -> None:
    client = site.connect()
    client.send(ask(method, b"" if method == "DELETE" else b"ab"))
    client.leave()
    assert site.connect().transport.aborted  # it still counts among the connections of its client
    work.go_on()
    client.turn()
    assert work.events == [f"{method} {0 if method == 'DELETE' else 2}"]
    assert len(site.connections) == 0
    assert site.tally.lines[0]["status"] in {200, 204}
    assert not site.connect().transport.aborted


@pytest.mark.parametrize("body", [10, 200_000, 3_000_000])
@pytest.mark.parametrize("chunked", [False, True])
def test_whatever_the_body(site: TestSite, work: Work, body: int, *, chunked: bool) -> None:
    client, content = site.connect(), b"x" * body
    if chunked:
        content = b"%x\r\n%b\r\n0\r\n\r\n" % (body, content)
        client.send(b"PUT /api/work HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + content)
    else:
        client.send(ask("PUT", content))
    client.leave()
    work.go_on()
    assert work.events == [f"PUT {body}"]


@pytest.mark.parametrize("sent", [ask("GET", b""), ask("GET", b"x"), ask("PUT", b"abc")[:-1], ask("PUT")[:-5]])
def test_everything_else_is_dropped_with_its_client(site: TestSite, work: Work, sent: bytes) -> None:
    client = site.connect()
    client.send(sent)
    client.leave()
    assert work.events in (["dropped"], [])
    assert len(site.connections) == 0
    assert not any(line["status"] != 499 for line in site.tally.lines)


def test_requests_that_came_with_it_are_done_in_order_and_those_that_change_nothing_left_out(
    site: TestSite, work: Work
) -> None:
    client = site.connect()
    client.send(ask("GET", b"") + ask("PUT", b"ab") + ask("GET", b"") * 9 + ask("POST", b"abc") + ask("PUT")[:-1])
    client.leave()
    for _ in range(5):
        client.turn()
        work.go_on()
    client.turn()
    assert work.events == ["dropped", "PUT 2", "POST 3", "dropped"]
    assert len(site.connections) == 0


def test_requests_that_waited_for_their_turn_are_done(site: TestSite, work: Work) -> None:
    client = site.connect()
    client.transport.protocol.dataReceived(ask("GET", b"", "/api/nothing") * 3 + ask("PUT", b"ab"))
    client.leave()
    client.turn()
    work.go_on()
    client.turn()
    assert work.events == ["PUT 2"]
    assert len(site.connections) == 0


def test_requests_that_waited_for_the_client_to_take_something_are_done(site: TestSite, work: Work) -> None:
    client = site.connect()
    client.channel.pauseProducing()
    client.send(ask("PUT", b"ab"))
    client.leave()
    work.go_on()
    client.turn()
    assert work.events == ["PUT 2"]
    assert len(site.connections) == 0


def test_what_was_to_be_the_last_request_is_the_last(site: TestSite, work: Work) -> None:
    client = site.connect()
    client.send(b"DELETE /api/work HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n" + ask("PUT", b"ab"))
    client.leave()
    work.go_on()
    client.turn()
    assert work.events == ["DELETE 0"]
    assert len(site.connections) == 0


def test_the_end_of_the_server_waits_for_it_and_not_for_ever(site: TestSite, work: Work) -> None:
    client = site.connect()
    client.send(ask("PUT", b"ab"))
    client.leave()
    drained = Deferred.fromCoroutine(site.connections.drain(30))
    assert not drained.called
    site.clock.advance(30)
    assert drained.called
    assert work.events == ["dropped"]


def test_the_end_of_the_server_comes_as_soon_as_it_is_done(site: TestSite, work: Work) -> None:
    client = site.connect()
    client.send(ask("PUT", b"ab"))
    client.leave()
    drained = Deferred.fromCoroutine(site.connections.drain(30))
    work.go_on()
    client.turn()
    assert drained.called
    assert work.events == ["PUT 2"]


def test_who_is_cut_off_for_taking_nothing_has_its_last_request_done(site: TestSite, work: Work) -> None:
    client = site.connect()
    client.send(ask("PUT", b"ab"))
    client.channel.pauseProducing()
    for _ in range(65):
        site.clock.advance(1)
        site.connections.sweep()
    assert client.transport.aborted
    client.leave()
    work.go_on()
    assert work.events == ["PUT 2"]
