"""Events route: what changes, as Server-Sent Events (HTML, 9.2) for as long as the client stays."""

from __future__ import annotations

import random
from collections.abc import AsyncGenerator
from typing import Annotated, ClassVar, Final

import msgspec
from attrs import frozen
from msgspec import Meta

from cloudsvc.api.drive.changes import BUSY, EXPIRED, INVALID
from cloudsvc.api.drive.descriptions import PositionText
from cloudsvc.api.drive.routing import READ, make_app
from cloudsvc.api.drive.telling import ToldChange
from cloudsvc.extend import (
    Klein,
    Request,
    Response,
    Standings,
    accepts_query,
    authorized,
    read_field,
    route,
    throttled,
)
from cloudsvc.extend.drive import Feed, Follower, Position, parse_position

BEAT_SECONDS: Final = 20.0
"""After which something is sent where nothing happens: less than proxies and address translators wait."""

_BEAT: Final = b":\n"
"""A comment. No empty line follows, which some clients would take for an event without data."""

_RETRY_MILLISECONDS: Final = (1000, 4000)
"""After which a client comes again, drawn for each, so that not all of them come at the same moment."""

_HEADERS: Final = (
    (b"Content-Type", b"text/event-stream"),
    (b"Cache-Control", b"no-store"),
    (b"X-Accel-Buffering", b"no"),  # nginx would gather events otherwise
)


@frozen(kw_only=True)
class EventsQuery:
    """From where on; `Last-Event-ID` counts before it."""

    since: Annotated[
        PositionText | None,
        Meta(description="After which change to begin, where there is no `Last-Event-ID`; without both, now."),
    ] = None


@frozen(kw_only=True)
class EventRoutes:
    """``/events``."""

    app: ClassVar[Klein] = make_app()
    feed: Feed[ToldChange]
    standings: Standings

    @route(
        app,
        "GET",
        "/events",
        produces={"text/event-stream": {"type": "string"}},
        headers={"Last-Event-ID": "The `id` of the last event that the client has: it goes on after that."},
        errors={400: INVALID, 410: EXPIRED, 503: BUSY},
    )
    @authorized(READ)
    @throttled("api")
    @accepts_query(EventsQuery)
    async def stream_events(self, request: Request, query: EventsQuery) -> Response:
        """
        Send what changes, as it happens.

        Server-Sent Events: the first is `ready`, whose `id` is where the changes stand. Each other one is a change,
        with the data that `GET /api/changes` has of it. Comments keep the connection open. The stream ends when the
        server stops, when the key is revoked or gets other rights, and when the client is too slow; with
        `Last-Event-ID` nothing is missed and nothing comes twice.
        """
        told = read_field(request, "Last-Event-ID") or query.since
        follower = await self.feed.follow(request.actor, None if told is None else parse_position(told))
        return Response(headers=_HEADERS, body=self._write(request, follower), is_live=True)

    async def _write(self, request: Request, follower: Follower[ToldChange]) -> AsyncGenerator[bytes, None]:
        stop = self.standings.watch(request, follower.end)
        try:
            yield _begin(follower.position)
            while not follower.is_over:
                told = await follower.read(BEAT_SECONDS)
                piece = b"".join([each.event for each in told])
                del told  # it is larger than what is sent of it, and the client may be slow
                if piece or not follower.is_over:
                    yield piece or _BEAT
        finally:
            stop()
            follower.leave()


def _begin(position: Position) -> bytes:
    retry = random.randint(*_RETRY_MILLISECONDS)  # noqa: S311  # no secret
    data = msgspec.json.encode({"position": str(position)})
    return b"retry: %d\nid: %b\nevent: ready\ndata: %b\n\n" % (retry, str(position).encode("ascii"), data)
