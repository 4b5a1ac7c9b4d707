"""An application for tests of the running server: bodies and answers of any size, and one that takes its time."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Annotated

from attrs import frozen
from msgspec import Meta
from twisted.internet.task import deferLater

from cloudsvc.extend import (
    Application,
    Klein,
    Message,
    NoSettings,
    Request,
    Response,
    accepts_body,
    accepts_json,
    accepts_query,
    authorized,
    route,
)

NAME = "tests.support.trial_application:Trial"
"""What ``config.applications`` calls it."""

PIECE = bytes(range(256)) * 256
"""Downloads are made of these."""


@frozen(kw_only=True)
class Size:
    """How much to send."""

    pieces: Annotated[int, Meta(ge=0, le=100_000)] = 1


@frozen(kw_only=True)
class Pause:
    """How long to think."""

    seconds: Annotated[float, Meta(ge=0, le=60)] = 0.5


@frozen(kw_only=True)
class Thing:
    """Something to parse."""

    name: str


@frozen(kw_only=True)
class Digest(Message):
    """What has arrived."""

    received: int
    sha256: str


class Trial(Application[NoSettings]):
    """Routes that do the simplest thing with large, slow and broken input."""

    name = "trial"
    mounts = ("trial",)
    app = Klein()

    @route(app, "PUT", "/trial/upload")
    @authorized()
    @accepts_body(limit=1 << 30)
    async def upload(self, request: Request) -> Digest:
        """Digest a body of any size."""
        return await _digest(request)

    @route(app, "PUT", "/trial/public-upload")
    @accepts_body(limit=1 << 30)
    async def upload_publicly(self, request: Request) -> Digest:
        """Digest a body of anyone."""
        return await _digest(request)

    @route(app, "PUT", "/trial/late-upload")
    @accepts_body(limit=1 << 30)
    async def upload_late(self, request: Request) -> Digest:
        """Think first, and read then."""
        await deferLater(self.tools.clock, 1.5)
        return await _digest(request)

    @route(app, "POST", "/trial/things")
    @accepts_json(Thing)
    async def make(self, request: Request, body: Thing) -> Message:
        """Parse a thing."""
        return Message(message=body.name)

    @route(app, "GET", "/trial/download")
    @accepts_query(Size)
    async def download(self, request: Request, query: Size) -> Response:
        """Send pieces, each when the client has taken the last."""
        return Response(body=_repeat(query.pieces), length=query.pieces * len(PIECE))

    @route(app, "GET", "/trial/whole")
    @accepts_query(Size)
    async def send_whole(self, request: Request, query: Size) -> Response:
        """Send the same in one piece."""
        return Response(body=PIECE * query.pieces)

    @route(app, "GET", "/trial/wait")
    @accepts_query(Pause)
    async def wait(self, request: Request, query: Pause) -> Message:
        """Answer after a while."""
        await deferLater(self.tools.clock, query.seconds)
        return Message(message="at last")

    @route(app, "GET", "/trial/garbage")
    async def tell_garbage(self, request: Request) -> Message:
        """Say how many objects are made before the interpreter looks for garbage among them."""
        return Message(message=str(gc.get_threshold()[0]))

    @route(app, "GET", "/trial/echo/<path:name>")
    async def echo(self, request: Request, name: str) -> Response:
        """Reflect what came, in the head and in the content."""
        return Response(headers=((b"X-Echo", name.encode()),), body=name.encode())


async def _digest(request: Request) -> Digest:
    digest, received = sha256(), 0
    async for piece in request.body:
        digest.update(piece)
        received += len(piece)
    return Digest(message="received", received=received, sha256=digest.hexdigest())


async def _repeat(pieces: int) -> AsyncIterator[bytes]:
    for _ in range(pieces):
        yield PIECE
