"""Visitor routes: what is shared is shown and sent, and files are received."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, ClassVar, Final
from urllib.parse import parse_qs

from attrs import evolve, frozen
from msgspec import Meta

from cloudsvc.api.drive.descriptions import FAILED, PARTS, RANGES, READ_CONDITIONS, PathText
from cloudsvc.api.drive.downloads import DownloadQuery, send_file
from cloudsvc.api.drive.forms import FormFile
from cloudsvc.api.drive.routing import AnyPath
from cloudsvc.api.drive.uploads import check_plain
from cloudsvc.api.identity.links.guards import LinkSource, name_cookie, visited, visitor_of
from cloudsvc.api.identity.links.messages import FileRequest, LinkRole, ReceivedMessage, SharedEntry, SharedFolder
from cloudsvc.api.identity.links.pages import PRIVATE, wants_page, write_folder, write_request
from cloudsvc.api.identity.links.receiving import receive_body, receive_form
from cloudsvc.extend import (
    BINARY,
    Drive,
    File,
    Klein,
    Message,
    Reply,
    Request,
    Response,
    Role,
    Secret,
    Selection,
    accepts_body,
    accepts_query,
    parse_path,
    read_field,
    route,
    throttled,
)
from cloudsvc.extend.drive import Version
from cloudsvc.extend.identity import COOKIE_ATTRIBUTES, UNLOCKED_SECONDS, Visits, link_locked, link_not_found

_MOST_FORM: Final = 4096
"""Bytes of a form with a password: whoever sends it is not let in yet."""

_UNBOUNDED: Final = 2**62
"""Bytes. How large a file may be is for the drive to say."""

_FORM: Final = "application/x-www-form-urlencoded"
_PAGE: Final = {"text/html": {"type": "string"}, "application/octet-stream": BINARY}
_NO_LINK: Final = "There is no such link, or it has ended, or there is nothing there."
_NOT_LET: Final = "The link has a password, or does not let do that."
_THROTTLED: Final = "There were too many wrong links, passwords, or requests."


def _make_app() -> Klein:
    app = Klein()
    app.url_map.converters["below"] = AnyPath
    return app


@frozen(kw_only=True)
class VisitQuery:
    """Which part of a folder to show."""

    limit: Annotated[int, Meta(ge=1, le=1000, description="How many entries at most.")] = 200
    cursor: Annotated[str | None, Meta(description="From the page before; without it, the first page.")] = None


@frozen(kw_only=True)
class VisitorRoutes:
    """``/s/{token}`` and what is below it: for whoever has the address."""

    app: ClassVar[Klein] = _make_app()
    drive: Drive
    visits: Visits

    @property
    def source(self) -> LinkSource:
        """What lets in."""
        return LinkSource(self.visits)

    @route(
        app,
        "GET",
        "/s/<token>",
        headers={**RANGES, **READ_CONDITIONS},
        produces=_PAGE,
        answers=PARTS,
        errors={
            403: _NOT_LET,
            404: _NO_LINK,
            412: "It has changed.",
            416: "All ranges are beyond the end.",
            503: FAILED,
        },
    )
    @visited()
    @throttled("transfer", by="client")
    @accepts_query(VisitQuery, ignore_unknown=True)
    async def visit(self, request: Request, query: VisitQuery) -> Reply[SharedFolder] | Reply[FileRequest] | Response:
        """
        Send the file that is shared, or list the folder.

        Browsers get a page. Of a link by which files are brought, it tells no more than that.
        """
        return await self._show(request, "", query)

    @route(
        app,
        "GET",
        "/s/<token>/<below:path>",
        headers={**RANGES, **READ_CONDITIONS},
        produces=_PAGE,
        answers=PARTS,
        errors={
            403: _NOT_LET,
            404: _NO_LINK,
            412: "It has changed.",
            416: "All ranges are beyond the end.",
            503: FAILED,
        },
    )
    @visited()
    @throttled("transfer", by="client")
    @accepts_query(VisitQuery, ignore_unknown=True)
    async def visit_below(
        self, request: Request, path: PathText, query: VisitQuery
    ) -> Reply[SharedFolder] | Reply[FileRequest] | Response:
        """Send a file in the folder that is shared, or list a folder in it."""
        return await self._show(request, path.removesuffix("/"), query)

    @route(
        app,
        "POST",
        "/s/<token>",
        response_headers={200: {"Set-Cookie": "Lets in for an hour whoever has shown the password."}},
        produces={"text/html": {"type": "string"}},
        answers={303: "The password is right, and the page can be opened."},
        errors={
            403: _NOT_LET,
            404: _NO_LINK,
            413: "It is too large.",
            415: "It is no form.",
            503: FAILED,
            507: "No room.",
        },
    )
    @visited(locked=True)
    @throttled("transfer", by="client")
    @accepts_query(VisitQuery, ignore_unknown=True)
    @accepts_body(_FORM, "multipart/form-data", limit=_UNBOUNDED)
    async def answer_form(
        self, request: Request, query: VisitQuery
    ) -> Reply[Message] | Reply[ReceivedMessage] | Response:
        """
        Show the password of a link, or bring a file by a form.

        The password is the field `password`, the file the field `file`.
        """
        declared = (read_field(request, "Content-Type") or "").partition(";")[0].strip().lower()
        if declared == _FORM:
            return await self._unlock(request)
        visitor = visitor_of(request)
        if visitor.is_locked:
            raise link_locked()
        received = await receive_form(request, self.drive, self.visits, FormFile.of(request))
        if wants_page(request):
            return write_request(request, visitor.visit.link.label or "Send files", [received.name])
        return Reply(message=received, status=200, headers=PRIVATE)

    @route(
        app,
        "PUT",
        "/s/<token>/<below:path>",
        status=201,
        errors={
            403: _NOT_LET,
            404: _NO_LINK,
            413: "It is too large.",
            415: "It is coded.",
            503: FAILED,
            507: "No room.",
        },
    )
    @visited()
    @throttled("transfer", by="client")
    @accepts_query(VisitQuery, ignore_unknown=True)
    @accepts_body("application/octet-stream", limit=_UNBOUNDED)
    async def bring_file(self, request: Request, path: PathText, query: VisitQuery) -> Reply[ReceivedMessage]:
        """
        Bring a file, where the link is for that.

        What is there is never replaced: where the name is taken, the file gets a number.
        """
        check_plain(request)
        received = await receive_body(request, self.drive, self.visits, path)
        return Reply(message=received, status=201, headers=PRIVATE)

    # --------------------------------------------------------------------------------------------------------------

    async def _show(
        self, request: Request, names: str, query: VisitQuery
    ) -> Reply[SharedFolder] | Reply[FileRequest] | Response:
        visit = visitor_of(request).visit
        link = visit.link
        if link.role is Role.UPLOADER:
            if names:
                raise link_not_found()
            return _tell_request(request, link.label)
        if request.method == b"HEAD" or read_field(request, "Range") is None:
            self.visits.check_usable(link)
        path = parse_path("/".join(filter(None, (visit.path, names))))
        node = await self.drive.find(request.actor, path)
        request.target_id = str(node.id)
        if isinstance(node, File):
            response = await send_file(request, self.drive, path, DownloadQuery(), admit=self._admit(request))
            return evolve(response, headers=(*response.headers, *PRIVATE))
        page = await self.drive.list_children(request.actor, path, query.limit, query.cursor)
        entries = tuple(map(SharedEntry.of, page.items))
        if wants_page(request):
            title = names.rpartition("/")[2] or link.label or (node.path.name.text if node.path else "Files")
            return write_folder(request, title=title, is_below=bool(names), entries=entries, cursor=page.cursor)
        folder = SharedFolder(
            message="Files listed.", label=link.label, path=names, entries=entries, cursor=page.cursor
        )
        return Reply(message=folder, status=200, headers=PRIVATE)

    def _admit(self, request: Request) -> Callable[[Version, Selection], Awaitable[None]]:
        """What counts a download before its first byte is sent."""
        visit = visitor_of(request).visit

        async def admit(version: Version, selection: Selection) -> None:
            await self.visits.count(
                visit.link, request.sender.bucket, version.validator, begins=selection.has_beginning
            )

        return admit

    async def _unlock(self, request: Request) -> Reply[Message] | Response:
        visitor = visitor_of(request)
        content = await request.body.read_whole(_MOST_FORM)
        fields = parse_qs(content.decode("latin-1"), keep_blank_values=True, errors="replace")
        shown = Secret("".join(fields.get("password", [])[:1]))
        link = visitor.visit.link
        opened = await self.visits.unlock(link, shown, request.sender.bucket)
        value = b"%b=%b; Max-Age=%d%b" % (
            name_cookie(link),
            opened.reveal().encode(),
            UNLOCKED_SECONDS,
            COOKIE_ATTRIBUTES,
        )
        headers = ((b"Set-Cookie", value), *PRIVATE)
        if wants_page(request):
            # To the same path: so the answer has not to write down the secret.
            return Response(status=303, headers=((b"Location", b"?"), *headers))
        return Reply(message=Message(message="Opened."), status=200, headers=headers)


def _tell_request(request: Request, label: str) -> Reply[FileRequest] | Response:
    if wants_page(request):
        return write_request(request, label or "Send files")
    message = FileRequest(message="Bring files by PUT of a name, or by a form.", label=label, role=LinkRole.UPLOADER)
    return Reply(message=message, status=200, headers=PRIVATE)
