"""One file: store it, send it, change it, delete it."""

from __future__ import annotations

from typing import Annotated, Final

from attrs import frozen
from msgspec import Meta

from cloudsvc.api.drive.conditions import spell_tag
from cloudsvc.api.drive.descriptions import (
    ANYTHING,
    CHANGED,
    DIGESTS,
    DRAWN,
    FAILED,
    LOCATION,
    NO_FILE,
    NO_ROOM,
    PICTURE,
    RANGES,
    READ_CONDITIONS,
    SAME_PATH,
    SENT,
    STORED,
    THROWN_AWAY,
    VALIDATORS,
    WRITE_CONDITIONS,
    OptionalPathText,
    PathText,
    TagText,
)
from cloudsvc.api.drive.digests import read_digest, spell_digest
from cloudsvc.api.drive.downloads import answer_download, answer_thumbnail
from cloudsvc.api.drive.fields import read_field
from cloudsvc.api.drive.forms import FIELD, MOST_AROUND, FormFile
from cloudsvc.api.drive.media import read_declared_type
from cloudsvc.api.drive.messages import DeletedMessage, StoredMessage, TagsMessage
from cloudsvc.api.drive.paths import locate, parse_named
from cloudsvc.api.drive.requests import NoQuery, Number
from cloudsvc.api.drive.routing import READ, WRITE, DriveHandlers, app
from cloudsvc.api.drive.uploads import check_plain, gather
from cloudsvc.drive.commands import StoredFile
from cloudsvc.drive.names import Path, parse_name
from cloudsvc.drive.nodes import File, VersionId
from cloudsvc.extend import (
    CloudError,
    Kind,
    Reply,
    Request,
    Response,
    accepts_body,
    accepts_json,
    accepts_no_body,
    accepts_query,
    authorized,
    route,
    throttled,
)

_UNBOUNDED: Final = 2**62
"""Bytes. How large a file may be is for the drive to say."""

_FORM: Final = {
    "type": "object",
    "properties": {FIELD: {"type": "string", "format": "binary"}},
    "required": [FIELD],
    "additionalProperties": False,
}
_SENT: Final = {206: "Parts of the file, as `Range` asks.", 304: "It is still what the client has."}
_NO_PLACE: Final = "A folder is in its place, or a file is where its folder should be."


@frozen(kw_only=True)
class DownloadQuery:
    """Which version to send; without it, the current one."""

    version: Number | None = None


@frozen(kw_only=True)
class FileChanges:
    """What to change of a file."""

    new_filepath: Annotated[OptionalPathText | None, Meta(description="Where it goes; without it, it stays.")] = None
    add_tags: Annotated[tuple[TagText, ...], Meta(max_length=1000)] = ()
    remove_tags: Annotated[tuple[str, ...], Meta(max_length=1000)] = ()


class FileRoutes(DriveHandlers):
    """``/files/{path}``."""

    @route(
        app,
        "PUT",
        "/files/<path:path>",
        status=201,
        headers={**WRITE_CONDITIONS, **DIGESTS},
        response_headers={201: {**LOCATION, **STORED}, 204: STORED},
        answers={204: "The file had been there, and has been replaced."},
        links=dict.fromkeys(
            ("get_file", "get_thumbnail", "patch_file", "delete_file", "list_versions", "restore_version"), SAME_PATH
        ),
        errors={
            409: _NO_PLACE,
            412: CHANGED,
            413: "The file is too large.",
            415: "It is coded.",
            503: FAILED,
            507: NO_ROOM,
        },
    )
    @authorized(WRITE)
    @throttled("transfer")
    @accepts_query(NoQuery)
    @accepts_body("*/*", limit=_UNBOUNDED)
    async def put_file(self, request: Request, path: PathText, query: NoQuery) -> Reply[StoredMessage] | Response:
        """
        Store a file, or replace it.

        The body is the file as it is; its Content-Type is kept, or else told by the name. `If-None-Match: *` keeps a
        file that is there, `If-Match` replaces only the version named. `Content-Digest` and `Repr-Digest` (SHA-256)
        are checked. When the answer comes, the file is safe; `ETag` and `Repr-Digest` say what is stored.
        """
        check_plain(request)
        place, digest = parse_named(path), read_digest(request)
        media_type = read_declared_type(read_field(request, "Content-Type"))
        condition = await self._read_condition(request, place)
        length, least = request.body.length, self.settings.upload_chunk_bytes
        async with self.drive.receive(request.actor, place, length=length, condition=condition) as incoming:
            async for piece in gather(request.body, least):
                await incoming.write(piece)
            stored = await incoming.finish(media_type=media_type, digest=digest)
        return _tell_stored(request, stored)

    @route(
        app,
        "POST",
        "/files/<path:path>",
        headers=WRITE_CONDITIONS,
        errors={
            409: "There is something already.",
            412: CHANGED,
            413: "The file is too large.",
            415: "It is no form.",
            503: FAILED,
            507: NO_ROOM,
        },
    )
    @authorized(WRITE)
    @throttled("transfer")
    @accepts_query(NoQuery)
    @accepts_body("multipart/form-data", limit=_UNBOUNDED, schema=_FORM)
    async def post_file(self, request: Request, path: PathText, query: NoQuery) -> StoredMessage:
        """
        Store a new file from a form.

        The form has one field, `file`. What is there already is never replaced.
        """
        check_plain(request)
        place, form = parse_named(path), FormFile.of(request)
        request.body.bound(self.settings.limits.file_bytes + MOST_AROUND)
        condition, least = await self._read_condition(request, place), form.least_size
        receive = self.drive.receive(request.actor, place, length=least, replace=False, condition=condition)
        async with receive as incoming:
            async for piece in gather(form, self.settings.upload_chunk_bytes):
                await incoming.write(piece)
            stored = await incoming.finish(media_type=read_declared_type(form.media_type))
        return StoredMessage.of("File stored.", stored.file)

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
        produces={"*/*": ANYTHING},
        answers=_SENT,
        errors={404: NO_FILE, 412: CHANGED, 416: "All ranges are beyond the end.", 503: FAILED},
    )
    @authorized(READ)
    @throttled("transfer")
    @accepts_query(DownloadQuery)
    async def get_file(self, request: Request, path: PathText, query: DownloadQuery) -> Response:
        """
        Send a file, or parts of it.

        `Range` may ask for several parts. Whatever the file is, a browser runs nothing of it: its policy is a sandbox.
        """
        return await self._send(request, parse_named(path), query)

    @route(
        app,
        "GET",
        "/files/<path:path>/thumbnail",
        headers={**RANGES, **READ_CONDITIONS},
        response_headers={200: DRAWN, 304: DRAWN},
        produces={"image/jpeg": PICTURE, "*/*": ANYTHING},
        answers=_SENT,
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
    @accepts_query(DownloadQuery)
    async def get_thumbnail(self, request: Request, path: PathText, query: DownloadQuery) -> Response:
        """
        Send a thumbnail of an image or a video.

        Where the path before it is none of a file, it may be that of a folder with a file called `thumbnail` in it,
        which is then sent. Only for that do ranges and dates count; a thumbnail is sent whole, and has an entity tag.
        """
        place = parse_named(path)
        node = await self._look(request.actor, place)
        if not isinstance(node, File):
            return await self._send(request, place / parse_name("thumbnail"), query)
        if query.version is not None:
            raise CloudError(Kind.INVALID, "no_thumbnail_of_version", "There are thumbnails of current versions only.")
        return answer_thumbnail(request, place, await self.thumbnails.get(request.actor, place))

    @route(
        app,
        "PATCH",
        "/files/<path:path>",
        headers=WRITE_CONDITIONS,
        errors={404: NO_FILE, 409: "There is something at the new path already.", 412: CHANGED, 503: FAILED},
    )
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_json(FileChanges)
    async def patch_file(self, request: Request, path: PathText, query: NoQuery, body: FileChanges) -> TagsMessage:
        """Rename or move a file, add and remove tags: all of it or nothing."""
        place = parse_named(path)
        file = await self.drive.edit_file(
            request.actor,
            place,
            destination=parse_named(body.new_filepath) if body.new_filepath else None,
            add=body.add_tags,
            remove=body.remove_tags,
            condition=await self._read_condition(request, place),
        )
        return TagsMessage(message="File changed.", filepath=str(file.path), tags=file.tags)

    @route(
        app,
        "DELETE",
        "/files/<path:path>",
        headers=WRITE_CONDITIONS,
        errors={404: NO_FILE, 412: CHANGED, 503: FAILED},
        links=THROWN_AWAY,
    )
    @authorized(WRITE)
    @throttled("api")
    @accepts_query(NoQuery)
    @accepts_no_body
    async def delete_file(self, request: Request, path: PathText, query: NoQuery) -> DeletedMessage:
        """Put a file into the trash."""
        place = parse_named(path)
        condition = await self._read_condition(request, place)
        entry = await self.drive.discard(request.actor, place, File, condition)
        return DeletedMessage(message="File put into the trash.", filepath=str(entry.node.path), trash_id=entry.id)

    async def _send(self, request: Request, place: Path, query: DownloadQuery) -> Response:
        version = None if query.version is None else VersionId(query.version)
        return await answer_download(request, await self.drive.open_file(request.actor, place, version))


def _tell_stored(request: Request, stored: StoredFile) -> Reply[StoredMessage] | Response:
    version = stored.file.version
    proof = ((b"ETag", spell_tag(version.validator).encode("ascii")), spell_digest(version.blob.digest))
    if not stored.created:
        return Response(status=204, headers=proof)
    headers = (locate(request, stored.file), *proof)
    return Reply(message=StoredMessage.of("File stored.", stored.file), status=201, headers=headers)
