"""Trash routes: list, restore, purge."""

from __future__ import annotations

from typing import Annotated, ClassVar

from attrs import frozen
from msgspec import Meta

from cloudsvc.api.drive.descriptions import FAILED, NO_RIGHT, NO_ROOM, NOT_CHANGED, SHORTAGE, TOO_MUCH_TO_MOVE, PathText
from cloudsvc.api.drive.messages import NodeMessage, PurgedMessage, TrashEntry, TrashPage
from cloudsvc.api.drive.paths import parse_named
from cloudsvc.api.drive.requests import LARGEST_NUMBER, NoQuery, PageQuery
from cloudsvc.api.drive.routing import READ, WRITE, make_app
from cloudsvc.extend import Drive, Klein, Request, accepts_no_body, accepts_query, authorized, route, throttled
from cloudsvc.extend.drive import TrashId, trash_entry_not_found

_NO_ENTRY = "There is no such entry."


@frozen(kw_only=True)
class RestoreQuery:
    """Where it goes."""

    destination: Annotated[PathText | None, Meta(description="A path; without it, where it was.")] = None


@frozen(kw_only=True)
class TrashRoutes:
    """``/trash`` and ``/trash/{id}``."""

    app: ClassVar[Klein] = make_app()
    drive: Drive

    @route(app, "GET", "/trash", errors={503: FAILED})
    @authorized(READ)
    @throttled("api")
    @accepts_query(PageQuery)
    async def list_trash(self, request: Request, query: PageQuery) -> TrashPage:
        """List what is in the trash, the last deleted first."""
        page = await self.drive.list_trash(request.actor, query.limit, query.cursor)
        return TrashPage(message="Trash listed.", entries=tuple(map(TrashEntry.of, page.items)), cursor=page.cursor)

    @route(
        app,
        "POST",
        "/trash/<int:number>/restore",
        response_headers={507: SHORTAGE},
        errors={
            403: NO_RIGHT,
            404: _NO_ENTRY,
            409: "Something is where it should go.",
            413: TOO_MUCH_TO_MOVE,
            503: NOT_CHANGED,
            507: NO_ROOM,
        },
    )
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(RestoreQuery)
    @accepts_no_body
    async def restore(self, request: Request, number: int, query: RestoreQuery) -> NodeMessage:
        """Take something out of the trash."""
        destination = None if query.destination is None else parse_named(query.destination)
        node = await self.drive.restore(request.actor, _parse_entry(number), destination)
        request.target_id = str(node.id)
        return NodeMessage.of("Restored.", node)

    @route(app, "DELETE", "/trash/<int:number>", errors={403: NO_RIGHT, 404: _NO_ENTRY, 503: NOT_CHANGED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_no_body
    async def purge(self, request: Request, number: int, query: NoQuery) -> PurgedMessage:
        """Remove something from the trash for good."""
        purged = await self.drive.purge(request.actor, _parse_entry(number))
        return PurgedMessage(message="Removed for good.", purged=purged)

    @route(app, "DELETE", "/trash", errors={503: NOT_CHANGED})
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_no_body
    async def empty_trash(self, request: Request, query: NoQuery) -> PurgedMessage:
        """Remove everything in the trash for good."""
        return PurgedMessage(message="Trash emptied.", purged=await self.drive.purge(request.actor, None))


def _parse_entry(number: int) -> TrashId:
    if number > LARGEST_NUMBER:
        raise trash_entry_not_found()
    return TrashId(number)
