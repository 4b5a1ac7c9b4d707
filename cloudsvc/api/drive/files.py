"""File routes: upload, download, change, delete."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

from attrs import frozen
from msgspec import Meta

from cloudsvc.api.drive.conditions import read_condition
from cloudsvc.api.drive.descriptions import (
    ACCEPTED,
    CHANGED,
    DIGESTS,
    FAILED,
    LOCATION,
    MODIFIED,
    NO_FILE,
    NO_RIGHT,
    NO_ROOM,
    NOT_CHANGED,
    PARTS,
    RANGES,
    READ_CONDITIONS,
    SAME_PATH,
    SENT,
    SHORTAGE,
    STORED,
    THROWN_AWAY,
    VALIDATORS,
    WRITE_CONDITIONS,
    OptionalPathText,
    PathText,
    TagText,
)
from cloudsvc.api.drive.digests import format_digest, read_digest
from cloudsvc.api.drive.downloads import DownloadQuery, send_file
from cloudsvc.api.drive.forms import FIELD, FormFile
from cloudsvc.api.drive.media import read_declared_type
from cloudsvc.api.drive.messages import DeletedMessage, StoredMessage, TagsMessage
from cloudsvc.api.drive.modification import format_accepted, read_modified_at
from cloudsvc.api.drive.paths import locate, parse_named
from cloudsvc.api.drive.requests import NoQuery
from cloudsvc.api.drive.routing import READ, WRITE, make_app
from cloudsvc.api.drive.uploads import check_plain
from cloudsvc.extend import (
    BINARY,
    Drive,
    File,
    Klein,
    Reply,
    Request,
    Response,
    accepts_body,
    accepts_json,
    accepts_no_body,
    accepts_query,
    authorized,
    format_tag,
    read_field,
    route,
    throttled,
)
from cloudsvc.extend.drive import StoredFile

_UNBOUNDED: Final = 2**62
"""Bytes. How large a file may be is for the drive to say."""

_FORM: Final = {
    "type": "object",
    "properties": {FIELD: dict(BINARY)},
    "required": [FIELD],
}
_NO_PLACE: Final = "A folder is in its place, or a file is where its folder should be."


@frozen(kw_only=True)
class FileChanges:
    """What to change of a file."""

    new_filepath: Annotated[OptionalPathText | None, Meta(description="Where it goes; without it, it stays.")] = None
    add_tags: Annotated[
        tuple[TagText, ...],
        Meta(max_length=1000, description="Those that are empty, or longer than a tag may be, are passed over."),
    ] = ()
    remove_tags: Annotated[
        tuple[str, ...], Meta(max_length=1000, description="Removed after the others have been added.")
    ] = ()

    def list_added(self, longest: int) -> tuple[str, ...]:
        """Those tags to add that remain in the end, where none may have more than ``longest`` characters."""
        removed = {*self.remove_tags}
        return tuple(tag for tag in self.add_tags if tag.strip() and len(tag) <= longest and tag not in removed)


@frozen(kw_only=True)
class FileRoutes:
    """``/files/{path}``."""

    app: ClassVar[Klein] = make_app()
    drive: Drive

    @route(
        app,
        "PUT",
        "/files/<path:path>",
        status=201,
        headers={**WRITE_CONDITIONS, **DIGESTS, **MODIFIED},
        response_headers={201: {**LOCATION, **STORED}, 204: STORED, 507: SHORTAGE},
        answers={204: "The file had been there, and has been replaced."},
        links=dict.fromkeys(
            ("get_file", "get_thumbnail", "patch_file", "delete_file", "list_versions", "restore_version"), SAME_PATH
        ),
        errors={
            403: NO_RIGHT,
            409: _NO_PLACE,
            412: CHANGED,
            413: "The file is too large.",
            415: "It is coded, or it is a form: `POST` that, or `PUT` the bytes of the file.",
            503: NOT_CHANGED,
            507: NO_ROOM,
        },
    )
    @authorized(WRITE)
    @throttled("transfer")
    @accepts_query(NoQuery)
    @accepts_body("application/octet-stream", limit=_UNBOUNDED)
    async def put_file(self, request: Request, path: PathText, query: NoQuery) -> Reply[StoredMessage] | Response:
        """
        Store a file, or replace it.

        The body is the file as it is, of whatever type: its Content-Type is kept, or else told by the name. It may be
        empty. `If-None-Match: *` keeps a file that is there, `If-Match` replaces only the version named.
        `Content-Digest` and `Repr-Digest` (SHA-256) are checked. When the answer comes, the file is safe; `ETag` and
        `Repr-Digest` say what is stored. `X-Modified-At` or `X-OC-Mtime` says when the content was last changed, and is
        kept.
        """
        check_plain(request)
        place, digest = parse_named(path), read_digest(request)
        media_type = read_declared_type(read_field(request, "Content-Type"))
        condition = read_condition(request)
        modified_at = read_modified_at(request)
        length = request.body.length
        async with self.drive.receive(request.actor, place, length=length, condition=condition) as upload:
            async for piece in request.body:
                await upload.write(piece)
            stored = await upload.finish(media_type=media_type, digest=digest, modified_at=modified_at)
        return _tell_stored(request, stored)

    @route(
        app,
        "POST",
        "/files/<path:path>",
        headers={**WRITE_CONDITIONS, **MODIFIED},
        response_headers={200: ACCEPTED, 507: SHORTAGE},
        errors={
            403: NO_RIGHT,
            409: "There is something already.",
            412: CHANGED,
            413: "The file is too large.",
            415: "It is no form, or the file in it is one.",
            503: NOT_CHANGED,
            507: NO_ROOM,
        },
    )
    @authorized(WRITE)
    @throttled("transfer")
    @accepts_query(NoQuery)
    @accepts_body("multipart/form-data", limit=_UNBOUNDED, schema=_FORM)
    async def post_file(self, request: Request, path: PathText, query: NoQuery) -> Reply[StoredMessage]:
        """
        Store a new file from a form.

        The file is in the field `file`; other fields are ignored. What is there already is never replaced.
        `X-Modified-At` or `X-OC-Mtime` says when the content was last changed, and is kept.
        """
        check_plain(request)
        place, form = parse_named(path), FormFile.of(request)
        modified_at = read_modified_at(request)
        condition, least = read_condition(request), form.least_size
        receive = self.drive.receive(request.actor, place, length=least, replace=False, condition=condition)
        async with receive as upload:
            async for piece in form:
                await upload.write(piece)
            stored = await upload.finish(media_type=form.media_type, modified_at=modified_at)
        request.target_id = str(stored.file.id)
        message = StoredMessage.of("File stored.", stored.file)
        return Reply(message=message, status=200, headers=format_accepted(request))

    @route(
        app,
        "GET",
        "/files/<path:path>",
        headers={**RANGES, **READ_CONDITIONS},
        response_headers={
            200: SENT,
            206: {**SENT, "Content-Range": "Which bytes they are, where they are one part."},
            304: VALIDATORS,
            416: {"Content-Range": "How many bytes the file has."},
        },
        produces={"application/octet-stream": BINARY},
        answers=PARTS,
        errors={404: NO_FILE, 412: CHANGED, 416: "All ranges are beyond the end.", 503: FAILED},
    )
    @authorized(READ)
    @throttled("transfer")
    @accepts_query(DownloadQuery, ignore_unknown=True)
    async def get_file(self, request: Request, path: PathText, query: DownloadQuery) -> Response:
        """
        Send a file, or parts of it.

        The Content-Type is that of the file. `Range` may ask for several parts. Whatever the file is, a browser runs
        nothing of it: its policy is a sandbox.
        """
        return await send_file(request, self.drive, parse_named(path), query)

    @route(
        app,
        "PATCH",
        "/files/<path:path>",
        headers=WRITE_CONDITIONS,
        response_headers={507: SHORTAGE},
        errors={
            403: NO_RIGHT,
            404: NO_FILE,
            409: "There is something at the new path already.",
            412: CHANGED,
            503: NOT_CHANGED,
            507: NO_ROOM,
        },
    )
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(FileChanges, any_type=True)
    async def patch_file(self, request: Request, path: PathText, query: NoQuery, body: FileChanges) -> TagsMessage:
        """
        Rename or move a file, add and remove tags: all of it or nothing.

        The body is read as JSON whatever its Content-Type. The path that the file has already is no new one.
        """
        place = parse_named(path)
        file = await self.drive.edit_file(
            request.actor,
            place,
            destination=parse_named(body.new_filepath) if body.new_filepath else None,
            add=body.list_added(self.drive.limits.tag_length),
            remove=body.remove_tags,
            condition=read_condition(request),
        )
        request.target_id = str(file.id)
        return TagsMessage(message="File changed.", filepath=str(file.path), tags=file.tags)

    @route(
        app,
        "DELETE",
        "/files/<path:path>",
        headers=WRITE_CONDITIONS,
        errors={403: NO_RIGHT, 404: NO_FILE, 412: CHANGED, 503: NOT_CHANGED},
        links=THROWN_AWAY,
    )
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_no_body
    async def delete_file(self, request: Request, path: PathText, query: NoQuery) -> DeletedMessage:
        """Put a file into the trash."""
        place = parse_named(path)
        condition = read_condition(request)
        entry = await self.drive.discard(request.actor, place, File, condition)
        request.target_id = str(entry.node.id)
        return DeletedMessage(message="File put into the trash.", filepath=str(entry.node.path), trash_id=entry.id)


def _tell_stored(request: Request, stored: StoredFile) -> Reply[StoredMessage] | Response:
    request.target_id = str(stored.file.id)
    version = stored.file.version
    proof = (
        (b"ETag", format_tag(version.validator).encode("ascii")),
        *format_digest(version.blob.digest),
        *format_accepted(request),
    )
    if not stored.created:
        return Response(status=204, headers=proof)
    headers = (locate(request, stored.file), *proof)
    return Reply(message=StoredMessage.of("File stored.", stored.file), status=201, headers=headers)
