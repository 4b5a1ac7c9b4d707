"""File lists, wherever the files are: page by page, or all of them as a stream."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from enum import StrEnum
from typing import Annotated, ClassVar, Final, TypeAlias, TypeVar

import msgspec
from attrs import frozen
from msgspec import Meta

from cloudsvc.api.drive.descriptions import FAILED, PrefixText
from cloudsvc.api.drive.messages import DatedFileEntry, FileEntry, FilesMessage, FilesPage
from cloudsvc.api.drive.requests import LARGEST_NUMBER, NoQuery, PageQuery
from cloudsvc.api.drive.routing import READ, make_app
from cloudsvc.extend import (
    Drive,
    File,
    Klein,
    Request,
    Response,
    StreamedMessage,
    accepts_json,
    accepts_query,
    authorized,
    choose_type,
    parse_path,
    read_field,
    route,
    throttled,
)
from cloudsvc.extend.drive import FileQuery, Order, Page, essence_of

_JSON: Final = "application/json"
_LINES: Final = "application/x-ndjson"

_STEP: Final = 200
"""Files that are read and written at a time: so few that other requests hardly notice, and who stalls holds little."""


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


E = TypeVar("E")

_Count: TypeAlias = Annotated[int, Meta(ge=0, le=LARGEST_NUMBER)]


@frozen(kw_only=True)
class ListRequest:
    """Which files to list, as clients of python-cloud-server ask for it."""

    tag: Annotated[str | None, Meta(description="Only files with this tag.")] = None
    offset: Annotated[_Count | None, Meta(description="How many files to pass over, from the newest on.")] = None
    limit: Annotated[_Count | None, Meta(description="How many files to list at most; without it, all.")] = None


@frozen(kw_only=True)
class ListingRoutes:
    """``/files``."""

    app: ClassVar[Klein] = make_app()
    drive: Drive

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
        if choose_type(read_field(request, "Accept"), (_JSON, _LINES)) == _LINES:
            # What is wrong with the request has to be told before the answer begins, and to HEAD as well.
            page = await self._find(request, wanted, _STEP, query.cursor)
            lines = self._write_lines(request, wanted, page)
            return Response(headers=((b"Content-Type", _LINES.encode()), (b"Cache-Control", b"no-store")), body=lines)
        page = await self._find(request, wanted, query.limit, query.cursor)
        files = tuple(map(DatedFileEntry.of, page.items))
        return FilesPage(message="Files listed.", files=files, cursor=page.cursor)

    @route(app, "POST", "/files", errors={503: FAILED})
    @authorized(READ)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(ListRequest, any_type=True)
    async def list_all_files(
        self, request: Request, query: NoQuery, body: ListRequest
    ) -> StreamedMessage[FilesMessage]:
        """
        List all files, or all with a tag, the newest first.

        The body is read as JSON whatever its Content-Type. `GET /api/files` gives the same and more in pages, each of
        which costs the same; an offset has to be counted off.
        """
        filtered = FileQuery(tag=body.tag)
        everything = self._follow(request, FileEntry.of, filtered, await self._find(request, filtered, _STEP))
        start = body.offset or 0
        entries = cut_parts(everything, start, None if body.limit is None else start + body.limit)
        return StreamedMessage(message=FilesMessage(message="Files listed.", files=()), parts=entries)

    async def _find(
        self, request: Request, query: FileQuery, limit: int, cursor: str | None = None, *, goes_on: bool = False
    ) -> Page[File]:
        client = request.sender.bucket
        return await self.drive.list_files(request.actor, query, limit, cursor, client=client, goes_on=goes_on)

    async def _follow(
        self, request: Request, describe: Callable[[File], E], query: FileQuery, page: Page[File]
    ) -> AsyncGenerator[Sequence[E], None]:
        """
        The files on ``page`` and on all pages after it.

        What has been handed on is not kept: whoever reads slowly, or not at all, is waited for in the ``yield``.
        """
        while True:
            items, cursor = [page.items], page.cursor
            del page
            if items[0]:
                yield tuple(map(describe, items.pop()))
            if cursor is None:
                return
            page = await self._find(request, query, _STEP, cursor, goes_on=True)

    async def _write_lines(self, request: Request, query: FileQuery, page: Page[File]) -> AsyncGenerator[bytes, None]:
        async for entries in self._follow(request, DatedFileEntry.of, query, page):
            lines = b"".join(msgspec.json.encode(entry) + b"\n" for entry in entries)
            del entries  # some hundreds of objects, which are larger than their lines
            yield lines


async def cut_parts(
    parts: AsyncGenerator[Sequence[E], None], start: int, stop: int | None
) -> AsyncGenerator[Sequence[E], None]:
    """Of all that is in ``parts`` what lies from ``start`` on and before ``stop``; no more is asked for than that."""
    async with aclosing(parts):
        begin = 0
        while stop is None or begin < stop:
            part = await anext(parts, None)
            if part is None:
                return
            wanted = part[max(0, start - begin) : None if stop is None else stop - begin]
            begin += len(part)
            del part
            if wanted:
                yield wanted
