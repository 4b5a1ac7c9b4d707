"""Version routes of a file: list, download, revert."""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen

from cloudsvc.api.drive.conditions import read_condition
from cloudsvc.api.drive.descriptions import (
    CHANGED,
    FAILED,
    NO_FILE,
    NO_RIGHT,
    NO_ROOM,
    NOT_CHANGED,
    SHORTAGE,
    WRITE_CONDITIONS,
    PathText,
)
from cloudsvc.api.drive.messages import StoredMessage, VersionEntry, VersionsPage
from cloudsvc.api.drive.paths import parse_named
from cloudsvc.api.drive.requests import NoQuery, Number, PageQuery
from cloudsvc.api.drive.routing import READ, WRITE, make_app
from cloudsvc.extend import Drive, Klein, Request, accepts_json, accepts_query, authorized, route, throttled
from cloudsvc.extend.drive import VersionId


@frozen(kw_only=True)
class VersionChoice:
    """Which version is to be the content of the file again."""

    restore: Number


@frozen(kw_only=True)
class VersionRoutes:
    """``/versions/{path}``."""

    app: ClassVar[Klein] = make_app()
    drive: Drive

    @route(app, "GET", "/versions/<path:path>", errors={404: NO_FILE, 503: FAILED})
    @authorized(READ)
    @throttled("api")
    @accepts_query(PageQuery)
    async def list_versions(self, request: Request, path: PathText, query: PageQuery) -> VersionsPage:
        """
        List the versions of a file, the newest first.

        `GET /api/files/{path}?version={id}` sends one of them.
        """
        place = parse_named(path)
        page = await self.drive.list_versions(request.actor, place, query.limit, query.cursor)
        versions = tuple(map(VersionEntry.of, page.items))
        return VersionsPage(message="Versions listed.", filepath=str(place), versions=versions, cursor=page.cursor)

    @route(
        app,
        "POST",
        "/versions/<path:path>",
        headers=WRITE_CONDITIONS,
        response_headers={507: SHORTAGE},
        errors={
            403: NO_RIGHT,
            404: "There is no such file, or no such version of it.",
            412: CHANGED,
            503: NOT_CHANGED,
            507: NO_ROOM,
        },
    )
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(VersionChoice)
    async def restore_version(
        self, request: Request, path: PathText, query: NoQuery, body: VersionChoice
    ) -> StoredMessage:
        """Make an earlier version the content of the file again, as a new version."""
        place = parse_named(path)
        condition = read_condition(request)
        file = await self.drive.restore_version(request.actor, place, VersionId(body.restore), condition)
        return StoredMessage.of("Version restored.", file)
