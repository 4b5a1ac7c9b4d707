"""Lists of files, wherever they are: page by page, or all of them as a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from attrs import frozen
from msgspec import Meta
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from cloudsvc.api.drive.descriptions import FAILED, PrefixText
from cloudsvc.api.drive.fields import read_field
from cloudsvc.api.drive.messages import FileEntry, FilesMessage, FilesPage
from cloudsvc.api.drive.requests import NoQuery, PageQuery
from cloudsvc.api.drive.routing import READ, DriveHandlers, app
from cloudsvc.drive.media_types import essence_of
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import File
from cloudsvc.drive.pages import FileQuery, Order, Page
from cloudsvc.extend import (
    Actor,
    Request,
    Response,
    StreamedMessage,
    accepts_json,
    accepts_query,
    authorized,
    route,
    throttled,
)

_JSON: Final = "application/json"
_LINES: Final = "application/x-ndjson"

_STEP: Final = 500
"""Files that are read and written at a time: so few that other requests hardly notice."""


class Sort(StrEnum):
    """The order of a list; with a minus, from the greatest to the least."""

    PATH = "path"
    PATH_DOWN = "-path"
    NAME = "name"
    NAME_DOWN = "-name"
    CREATED = "created"
    CREATED_DOWN = "-created"
    UPDATED = "updated"
    UPDATED_DOWN = "-updated"
    SIZE = "size"
    SIZE_DOWN = "-size"


@frozen(kw_only=True)
class FilesQuery(PageQuery):
    """Which files to list."""

    prefix: Annotated[PrefixText, Meta(description="A folder: only files below it, at whatever depth.")] = ""
    tag: Annotated[str | None, Meta(description="Only files with this tag.")] = None
    type: Annotated[
        str | None,
        Meta(description="Only files of this type, whatever its parameters: `image/png`, or `image` for all."),
    ] = None
    q: Annotated[str | None, Meta(description="Only files whose name contains it, whatever its case.")] = None
    sort: Sort = Sort.CREATED_DOWN

    def to_query(self) -> FileQuery:
        """
        The same in the terms of the drive.

        :raises CloudError: the prefix is no path.
        """
        return FileQuery(
            folder=parse_path(self.prefix.removesuffix("/")),
            tag=self.tag,
            media_type=None if self.type is None else essence_of(self.type).lower().removesuffix("/*"),
            text=self.q,
            order=Order(self.sort.removeprefix("-")),
            descending=self.sort.startswith("-"),
        )


@frozen(kw_only=True)
class TagFilter:
    """Which files to list."""

    tag: Annotated[str | None, Meta(description="Only files with this tag.")] = None


class ListingRoutes(DriveHandlers):
    """``/files``."""

    @route(app, "GET", "/files", produces={_LINES: {"type": "string"}}, errors={503: FAILED})
    @authorized(READ)
    @throttled("api")
    @accepts_query(FilesQuery)
    async def list_files(self, request: Request, query: FilesQuery) -> FilesPage | Response:
        """
        List and search files, page by page.

        Whoever accepts `application/x-ndjson` rather than JSON gets all of them, one on each line, from the cursor on.
        """
        wanted = query.to_query()
        accepted = parse_accept_header(read_field(request, "Accept"), MIMEAccept)
        if accepted.best_match((_JSON, _LINES), default=_JSON) == _LINES:
            # What is wrong with the request has to be told before the answer begins, and to HEAD as well.
            page = await self.drive.list_files(request.actor, wanted, _STEP, query.cursor)
            lines = self._write_lines(request.actor, wanted, page)
            return Response(headers=((b"Content-Type", _LINES.encode()), (b"Cache-Control", b"no-store")), body=lines)
        page = await self.drive.list_files(request.actor, wanted, query.limit, query.cursor)
        files = tuple(map(FileEntry.of, page.items))
        return FilesPage(message="Files listed.", files=files, cursor=page.cursor)

    @route(app, "POST", "/files", errors={503: FAILED})
    @authorized(READ)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(TagFilter)
    async def list_all_files(self, request: Request, query: NoQuery, body: TagFilter) -> StreamedMessage[FilesMessage]:
        """List all files, or all with a tag, the newest first."""
        filtered = FileQuery(tag=body.tag)
        entries = self._follow(request.actor, filtered, await self.drive.list_files(request.actor, filtered, _STEP))
        return StreamedMessage(message=FilesMessage(message="Files listed.", files=()), parts=entries)

    async def _follow(
        self, actor: Actor, query: FileQuery, page: Page[File]
    ) -> AsyncGenerator[Sequence[FileEntry], None]:
        """The files on ``page`` and on all pages after it."""
        while True:
            if page.items:
                yield tuple(map(FileEntry.of, page.items))
            if page.cursor is None:
                return
            page = await self.drive.list_files(actor, query, _STEP, page.cursor)

    async def _write_lines(self, actor: Actor, query: FileQuery, page: Page[File]) -> AsyncGenerator[bytes, None]:
        async for entries in self._follow(actor, query, page):
            yield b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
