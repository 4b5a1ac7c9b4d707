"""An answer never has more or fewer bytes than its Content-Length, whoever wrote it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import pytest
from attrs import define
from klein import Klein
from twisted.internet.interfaces import IPushProducer
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET
from zope.interface import implementer

from cloudsvc.web.http1.request import Request
from cloudsvc.web.resources import Tree
from cloudsvc.web.responses import Response
from cloudsvc.web.routes import route
from tests.support.site import Client, TestSite

NEXT = b"GET /api/next HTTP/1.1\r\nHost: a\r\n\r\n"


@define
class Stock(Resource):
    """A resource of Twisted's that says one thing and writes another."""

    said: int
    pieces: list[bytes]

    isLeaf = True

    def render_GET(self, request: Any) -> int:
        request.setHeader(b"content-length", b"%d" % self.said)
        for piece in self.pieces:
            request.write(piece)
        request.finish()
        return NOT_DONE_YET


class Answers:
    """Handlers that do the same."""

    app = Klein()

    @route(app, "GET", "/next")
    async def next(self, request: Request) -> Response:
        """Be the next answer."""
        return Response(body=b"next")

    @route(app, "GET", "/header")
    async def header(self, request: Request) -> Response:
        """Say the length a second time, and wrongly."""
        return Response(headers=((b"content-length", b"7"),), body=b"four")

    @route(app, "GET", "/pieces/<int:said>")
    async def pieces(self, request: Request, said: int) -> Response:
        """Have six bytes in pieces."""
        return Response(body=_six(), length=said)


async def _six() -> AsyncIterator[bytes]:
    for _ in range(3):
        yield b"ab"


def serve(resource: Resource) -> Client:
    site = TestSite(application=Answers())
    site.site.tree = Tree(mounts=site.site.tree.mounts, others=resource)
    return site.connect()


GET = b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n"


@pytest.mark.parametrize("pieces", [[b"abcdef"], [b"abc", b"def"], [b"ab"] * 3, [b"abcd", b"ef", b"gh"]])
def test_what_is_too_much_of_a_stock_resource_is_dropped_and_the_connection_ends(pieces: list[bytes]) -> None:
    client = serve(Stock(4, pieces))
    client.send(GET + NEXT)
    assert client.answer().body == b"".join(pieces)[:4]
    assert client.closed
    assert not client.transport.aborted


@pytest.mark.parametrize("pieces", [[], [b"abc"]])
def test_what_lacks_something_ends_at_once(pieces: list[bytes]) -> None:
    client = serve(Stock(4, pieces))
    client.send(GET + NEXT)
    assert client.transport.aborted
    assert b"next" not in client.received


def test_what_is_just_right_is_kept() -> None:
    client = serve(Stock(4, [b"ab", b"cd"]))
    client.send(GET + NEXT)
    assert [answer.body for answer in client.answers()] == [b"abcd", b"next"]


def test_head_lacks_nothing() -> None:
    client = serve(Stock(4, []))
    client.send(GET.replace(b"GET", b"HEAD"))
    assert client.received.startswith(b"HTTP/1.1 200")
    assert not client.transport.aborted


@pytest.mark.parametrize(("said", "body"), [(4, b"abab"), (5, b"ababa"), (6, b"ababab"), (7, None)])
def test_pieces_of_a_handler(said: int, body: bytes | None) -> None:
    client = TestSite(application=Answers()).connect()
    client.send(b"GET /api/pieces/%d HTTP/1.1\r\nHost: a\r\n\r\n" % said + NEXT)
    if body is None:
        assert client.transport.aborted
        assert b"next" not in client.received
    else:
        assert client.answers()[0].body == body
        assert (b"next" in client.received) is (said == 6)


def test_the_length_is_said_once() -> None:
    client = TestSite(application=Answers()).connect()
    client.send(b"GET /api/header HTTP/1.1\r\nHost: a\r\n\r\n" + NEXT)
    assert client.received.lower().count(b"content-length: ") == 2
    assert [answer.body for answer in client.answers()] == [b"four", b"next"]


@implementer(IPushProducer)
@define(eq=False)
class Endless:
    """Writes whenever it may, and never comes to an end."""

    request: Request
    stopped: bool = False

    def resumeProducing(self) -> None:
        self.request.write(b"abc")

    def pauseProducing(self) -> None:
        """Heed nothing."""

    def stopProducing(self) -> None:
        self.stopped = True


def test_a_producer_without_an_end_is_stopped() -> None:
    made: list[Endless] = []

    class Producing(Resource):
        isLeaf = True

        def render_GET(self, request: Any) -> int:
            request.setHeader(b"content-length", b"4")
            made.append(Endless(request))
            request.registerProducer(made[0], True)  # noqa: FBT003  # Twisted's "streaming"
            return NOT_DONE_YET

    client = serve(Producing())
    client.send(GET)
    for _ in range(3):
        made[0].resumeProducing()
    assert client.answer().body == b"abca"
    assert client.closed
    assert made[0].stopped
