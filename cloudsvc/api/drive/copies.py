"""Copy routes of files and folders."""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen

from cloudsvc.api.drive.descriptions import LOCATION, NO_RIGHT, NO_ROOM, NOT_CHANGED, SHORTAGE, PathText
from cloudsvc.api.drive.messages import NodeMessage
from cloudsvc.api.drive.paths import locate, parse_named
from cloudsvc.api.drive.requests import NoQuery
from cloudsvc.api.drive.routing import WRITE, make_app
from cloudsvc.extend import Drive, Klein, Reply, Request, accepts_json, accepts_query, authorized, route, throttled


@frozen(kw_only=True)
class NewCopy:
    """What to copy, and where the copy goes."""

    source: PathText
    destination: PathText


@frozen(kw_only=True)
class CopyRoutes:
    """``/copies``."""

    app: ClassVar[Klein] = make_app()
    drive: Drive

    @route(
        app,
        "POST",
        "/copies",
        status=201,
        response_headers={201: LOCATION, 507: SHORTAGE},
        errors={
            403: NO_RIGHT,
            404: "There is nothing to copy.",
            409: "Something is there already, or the folder would be in itself.",
            413: "The folder holds more than one step can copy, or the body is too large.",
            503: NOT_CHANGED,
            507: NO_ROOM,
        },
    )
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(NewCopy)
    async def copy(self, request: Request, query: NoQuery, body: NewCopy) -> Reply[NodeMessage]:
        """Copy a file or a folder. No bytes are copied, so that size does not matter."""
        node = await self.drive.copy(request.actor, parse_named(body.source), parse_named(body.destination))
        request.target_id = str(node.id)
        return Reply(message=NodeMessage.of("Copied.", node), status=201, headers=(locate(request, node),))
