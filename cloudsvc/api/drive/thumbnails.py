"""Thumbnails of files over HTTP."""

from __future__ import annotations

from typing import ClassVar

from attrs import frozen

from cloudsvc.api.drive.descriptions import CHANGED, DRAWN, FAILED, NO_FILE, PARTS, RANGES, READ_CONDITIONS, PathText
from cloudsvc.api.drive.downloads import DownloadQuery, send_file, send_thumbnail
from cloudsvc.api.drive.paths import parse_named
from cloudsvc.api.drive.routing import READ, make_app
from cloudsvc.extend import (
    BINARY,
    CloudError,
    Drive,
    DrivePath,
    Kind,
    Klein,
    Request,
    Response,
    Thumbnails,
    accepts_query,
    authorized,
    route,
    throttled,
)
from cloudsvc.extend.drive import parse_name


@frozen(kw_only=True)
class ThumbnailRoutes:
    """``/files/{path}/thumbnail``."""

    app: ClassVar[Klein] = make_app()
    drive: Drive
    thumbnails: Thumbnails

    @route(
        app,
        "GET",
        "/files/<path:path>/thumbnail",
        headers={**RANGES, **READ_CONDITIONS},
        response_headers={200: DRAWN, 304: DRAWN},
        produces={"image/jpeg": BINARY, "application/octet-stream": BINARY},
        answers=PARTS,
        errors={
            404: NO_FILE,
            412: CHANGED,
            415: "There are no thumbnails of files of this type.",
            416: "All ranges are beyond the end.",
            422: "The file is damaged, or too large to be drawn.",
            503: FAILED,
        },
    )
    @authorized(READ)
    @throttled("transfer")
    @accepts_query(DownloadQuery, ignore_unknown=True)
    async def get_thumbnail(self, request: Request, path: PathText, query: DownloadQuery) -> Response:
        """
        Send a thumbnail of an image, a video, or an audio file with a cover.

        Where the path before it is none of a file, it may be that of a folder with a file called `thumbnail` in it,
        which is then sent. Only for that do ranges and dates count; a thumbnail is sent whole, and has an entity tag.
        """
        place = parse_named(path)
        try:
            return await self._send(request, place, query)
        except CloudError as problem:
            if problem.kind is not Kind.NOT_FOUND:
                raise
        return await send_file(request, self.drive, place / parse_name("thumbnail"), query)

    async def _send(self, request: Request, path: DrivePath, query: DownloadQuery) -> Response:
        if query.version is not None:
            await self.drive.find_file(request.actor, path)
            raise CloudError(Kind.INVALID, "no_thumbnail_of_version", "There are thumbnails of current versions only.")
        return await send_thumbnail(request, self.thumbnails, path)
