"""A front end beside the API: with a mount, and a form of errors, of its own, on the drive that both share."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from typing import Any, ClassVar

from attrs import frozen
from twisted.internet.defer import Deferred

from cloudsvc.extend import (
    Application,
    Draining,
    Drive,
    File,
    HTTPError,
    Klein,
    Message,
    NoSettings,
    Request,
    Response,
    Routes,
    authorized,
    parse_path,
    route,
)

NAME = "tests.support.front_application:Shelf"
"""What ``config.applications`` calls it."""

TEXT = (b"Content-Type", b"text/plain; charset=utf-8")


@frozen(kw_only=True)
class Size(Message):
    """How large something is."""

    size: int


@frozen(kw_only=True)
class ShelfRoutes:
    """Sizes of files of the drive."""

    app: ClassVar[Klein] = Klein()
    drive: Drive

    @route(app, "GET", "/s/<path:path>")
    @authorized("files:read")
    async def get_size(self, request: Request, path: str) -> Size:
        """Say how large a file is."""
        node = await self.drive.find(request.actor, parse_path(path))
        return Size(message="Measured.", size=node.version.blob.size if isinstance(node, File) else 0)


@frozen(kw_only=True)
class EventRoutes:
    """A stream that has no end."""

    app: ClassVar[Klein] = Klein()
    draining: Draining

    @route(app, "GET", "/shelf/events", produces={"text/event-stream": {"type": "string"}})
    async def follow(self, request: Request) -> Response:
        """Say hello, and nothing ever after."""
        return Response(headers=((b"Content-Type", b"text/event-stream"),), body=self.draining.until(_greet()))


async def _greet() -> AsyncGenerator[bytes, None]:
    yield b"data: hello\n\n"
    never: Deferred[None] = Deferred()
    await never


class PlainErrors:
    """Errors as text."""

    produces: Mapping[str, Mapping[str, Any]] = {"text/plain": {"type": "string"}}

    def render(self, request: Request, error: HTTPError) -> Response:
        """One line."""
        return Response(status=error.status, headers=(TEXT,), body=f"{error.status} {error.error}\n".encode())


class Shelf(Application[NoSettings]):
    """What is on the drive, for another kind of clients."""

    name = "shelf"
    mounts = ("/s", "shelf")
    needs = (Drive,)
    route_types = (ShelfRoutes, EventRoutes)
    error_renderer = PlainErrors()

    def make_routes(self) -> Sequence[Routes]:
        """Both, with what they need."""
        return (
            ShelfRoutes(drive=self.tools.services.get(Drive)),
            EventRoutes(draining=self.tools.draining),
        )
