"""Routes for the tests of the web room."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated, Any

from attrs import frozen
from klein import Klein
from msgspec import Meta
from twisted.internet.defer import CancelledError, Deferred

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.web.errors import HTTPError
from cloudsvc.web.guards import authorized, throttled
from cloudsvc.web.http1.request import Request
from cloudsvc.web.responses import NO_CONTENT, Message, Reply, Response
from cloudsvc.web.routes import accepts_body, accepts_json, accepts_query, route


@frozen(kw_only=True)
class Thing:
    """What is put."""

    name: Annotated[str, Meta(min_length=1, max_length=10)]
    count: Annotated[int, Meta(ge=0)] = 0


@frozen(kw_only=True)
class Page:
    """Which part of a listing."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 10
    tag: tuple[str, ...] = ()
    deep: bool = False


@frozen(kw_only=True)
class ThingMessage(Message):
    """A thing."""

    name: str
    count: int


class Demo:
    """One route for each thing that a route can do."""

    app = Klein()

    def __init__(self) -> None:
        self.events: list[str] = []
        self.pending: list[Deferred[Any]] = []

    @route(app, "GET", "/demo/plain")
    async def plain(self, request: Request) -> Message:
        """Answer at once."""
        return Message(message="plain")

    @route(app, "GET", "/demo/key")
    @authorized()
    @throttled("api")
    async def key(self, request: Request) -> Message:
        """Need a key."""
        return Message(message=f"hello {request.actor.name}")

    @route(app, "GET", "/demo/by-principal")
    @authorized()
    @throttled("api", by="principal")
    async def by_principal(self, request: Request) -> Message:
        """Count requests by their principal."""
        return Message(message="counted")

    @route(app, "GET", "/demo/by-client")
    @throttled("api")
    async def by_client(self, request: Request) -> Message:
        """Count requests that have no principal."""
        return Message(message="counted")

    @route(app, "GET", "/demo/scope")
    @authorized("rare")
    async def scope(self, request: Request) -> Message:
        """Need a scope."""
        return Message(message="rare")

    @route(app, "POST", "/demo/things", status=201)
    @authorized()
    @accepts_json(Thing)
    async def make(self, request: Request, body: Thing) -> ThingMessage:
        """Make a thing.

        It is not kept.
        """
        return ThingMessage(message="made", name=body.name, count=body.count)

    @route(app, "GET", "/demo/things")
    @accepts_query(Page)
    async def list_things(self, request: Request, query: Page) -> Reply[ThingMessage]:
        """List things."""
        message = ThingMessage(message="listed", name=",".join(query.tag), count=query.limit)
        return Reply(message=message, status=203 if query.deep else 200, headers=((b"X-Extra", b"yes"),))

    @route(app, "GET", "/demo/paths/<path:name>")
    async def path(self, request: Request, name: str) -> Message:
        """Echo a path."""
        return Message(message=name)

    @route(app, "GET", "/demo/folder/")
    async def folder(self, request: Request) -> Message:
        """End in a slash."""
        return Message(message="folder")

    @route(app, "PUT", "/demo/upload")
    @authorized()
    @accepts_body(limit=200_000)
    async def upload(self, request: Request) -> Message:
        """Count the bytes of the body."""
        total = 0
        async for piece in request.body:
            self.events.append(f"read {len(piece)}")
            total += len(piece)
        return Message(message=str(total))

    @route(app, "PUT", "/demo/slow-upload")
    @accepts_body(limit=10_000_000)
    async def slow_upload(self, request: Request) -> Message:
        """Read only when the test says so."""
        gate: Deferred[None] = Deferred()
        self.pending.append(gate)
        await gate
        total = 0
        async for piece in request.body:
            total += len(piece)
        return Message(message=str(total))

    @route(app, "GET", "/demo/wait")
    async def wait(self, request: Request) -> Message:
        """Answer when the test says so."""
        gate: Deferred[str] = Deferred()
        self.pending.append(gate)
        try:
            return Message(message=await gate)
        except CancelledError:
            self.events.append("cancelled")
            raise

    @route(app, "GET", "/demo/stream")
    async def stream(self, request: Request) -> Response:
        """Answer in pieces of unknown length."""
        return Response(headers=((b"Content-Type", b"text/plain"),), body=self._pieces())

    @route(app, "GET", "/demo/measured")
    async def measured(self, request: Request) -> Response:
        """Answer in pieces of known length."""
        return Response(body=self._pieces(), length=9)

    @route(app, "GET", "/demo/liar")
    async def liar(self, request: Request) -> Response:
        """Announce more than there is."""
        return Response(body=self._pieces(), length=10)

    @route(app, "GET", "/demo/torn")
    async def torn(self, request: Request) -> Response:
        """Fail in the middle of the answer."""
        return Response(body=self._torn())

    @route(app, "DELETE", "/demo/nothing", status=204)
    async def nothing(self, request: Request) -> Response:
        """Answer without content."""
        return NO_CONTENT

    @route(app, "GET", "/demo/conflict", errors={409: "Always."})
    async def conflict(self, request: Request) -> Message:
        """Refuse."""
        raise CloudError(Kind.CONFLICT, "always_taken", "It is taken.")

    @route(app, "GET", "/demo/crash")
    async def crash(self, request: Request) -> Message:
        """Fail in a way nobody foresaw."""
        raise ZeroDivisionError("the secret of the universe")

    @route(app, "GET", "/demo/broken/<int:number>")
    async def broken(self, request: Request, number: int) -> Response:
        """Put a line break into a header value."""
        breaks = (b"a\r\nX-Evil: 1", b"a\nX-Evil: 1", b"a\rX-Evil: 1", b"a\r\n\r\nX-Evil: 1", b"\nX-Evil: 1\n")
        return Response(headers=((b"X-Value", breaks[number]),), body=b"content")

    @route(app, "GET", "/demo/half-way/<int:number>")
    async def half_way(self, request: Request, number: int) -> Message:
        """Prepare an answer as a resource of Twisted's does, and fail."""
        request.setHeader(b"X-Secret", b"of the answer")
        request.setHeader(b"Content-Encoding", b"gzip")
        request.addCookie(b"session", b"secret")
        request.setLastModified(1_700_000_000)
        request.setETag(b'"of the answer"')
        request.setResponseCode(201)
        raise (ZeroDivisionError, HTTPError(409, "taken", "It is taken."))[number]

    @route(app, "GET", "/demo/none")
    async def none(self, request: Request) -> Any:
        """Forget to answer."""

    @route(app, "GET", "/demo/own-policy")
    async def own_policy(self, request: Request) -> Response:
        """Have a policy of its own."""
        return Response(headers=((b"Content-Security-Policy", b"sandbox"),), body=b"x")

    async def _pieces(self) -> AsyncIterator[bytes]:
        for piece in (b"one", b"two", b"six"):
            self.events.append(piece.decode())
            yield piece

    async def _torn(self) -> AsyncIterator[bytes]:
        yield b"first"
        raise ZeroDivisionError
