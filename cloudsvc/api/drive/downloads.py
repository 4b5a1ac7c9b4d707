"""Download responses: the status, the fields and the bytes of a requested file."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from http import HTTPStatus
from typing import Final, TypeAlias

from attrs import frozen

from cloudsvc.api.drive.conditions import validators_of
from cloudsvc.api.drive.digests import format_digest
from cloudsvc.api.drive.disposition import SANDBOX, format_disposition, format_policy
from cloudsvc.api.drive.media import format_content_type
from cloudsvc.api.drive.modification import format_modified_at
from cloudsvc.api.drive.requests import Number
from cloudsvc.extend import (
    MOST_RANGES,
    Drive,
    DrivePath,
    File,
    HTTPError,
    Preconditions,
    Representation,
    Request,
    Response,
    Selection,
    Thumbnails,
    Validators,
)
from cloudsvc.extend.drive import OpenFile, Version, VersionId, changed_meanwhile, storage_failed

_CACHING: Final = (b"Cache-Control", b"private, no-cache")
"""Whoever keeps it asks every time whether it is still so (RFC 9111 section 5.2.2)."""


Admission: TypeAlias = Callable[[Version, Selection], Awaitable[None]]
"""Sees that an answer may be sent; what it raises is the refusal."""


@frozen(kw_only=True)
class DownloadQuery:
    """Which version to send; without it, the current one."""

    version: Number | None = None


async def send_file(
    request: Request, drive: Drive, path: DrivePath, query: DownloadQuery, *, admit: Admission | None = None
) -> Response:
    """
    The answer to ``GET`` or ``HEAD`` of the file at ``path``.

    :param admit: is awaited before an answer with content.
    :raises CloudError: there is no such file, it has changed, or its bytes are damaged.
    :raises HTTPError: 416.
    """
    number = None if query.version is None else VersionId(query.version)
    conditions = Preconditions.of(request)
    if request.method == b"HEAD" or conditions.are_any:
        # Mostly the answer has no content then, and nothing is opened.
        file, version = await drive.find_version(request.actor, path, number)
        selection = _select(request, file, version, conditions)
        if request.method == b"HEAD" or not selection.has_content:
            return selection.answer_without_content()
    return await answer_download(request, await drive.open_file(request.actor, path, number), conditions, admit)


async def answer_download(
    request: Request,
    opened: OpenFile,
    conditions: Preconditions | None = None,
    admit: Admission | None = None,
) -> Response:
    """
    The answer to ``GET`` of ``opened``, whose reader is closed by now or once the content has been sent.

    :param admit: as :func:`send_file` has it.
    :raises CloudError: 412, or the stored bytes are damaged.
    :raises HTTPError: 416.
    """
    async with AsyncExitStack() as stack:
        stack.push_async_callback(opened.reader.close)
        selection = _select(request, opened.file, opened.version, conditions)
        if selection.has_content and opened.reader.size != opened.version.blob.size:
            raise storage_failed()
        if selection.has_content and admit is not None:
            await admit(opened.version, selection)
        stack.pop_all()
        return await selection.read(request, opened.reader)


async def send_thumbnail(request: Request, thumbnails: Thumbnails, path: DrivePath) -> Response:
    """
    The answer to ``GET`` or ``HEAD`` of the thumbnail of the file at ``path``.

    :raises CloudError: there is no such file, none can be made of it, or it has changed.
    """
    conditions = Preconditions.of(request)
    known = conditions.none_match
    if known is not None:
        # Whoever names the very tag had it from here: nothing is loaded, or made again, to be left out.
        validator = await thumbnails.find_validator(request.actor, path)
        if validator in known.all:
            return _select_thumbnail(request, path, validator, conditions).answer_without_content()
    thumbnail = await thumbnails.get(request.actor, path)
    selection = _select_thumbnail(request, path, thumbnail.validator, conditions, len(thumbnail.content))
    return selection.cut(thumbnail.content)


def _select_thumbnail(
    request: Request, path: DrivePath, validator: str, conditions: Preconditions, size: int = 0
) -> Selection:
    representation = Representation(
        content_type=b"image/jpeg",
        size=size,
        validators=Validators(tag=validator),
        kept=(SANDBOX, _CACHING),
        most_ranges=0,
    )
    with _named(path):
        return representation.select(request, conditions)


def _select(request: Request, file: File, version: Version, conditions: Preconditions | None) -> Selection:
    representation = Representation(
        content_type=format_content_type(version.media_type)[1],
        size=version.blob.size,
        validators=validators_of(file, version),
        described=(
            format_disposition(version.media_type, file.path.name.text),
            *format_digest(version.blob.digest),
            format_modified_at(version.modified_at),
        ),
        kept=(format_policy(version.media_type), _CACHING),
        most_ranges=MOST_RANGES,
    )
    with _named(file.path):
        return representation.select(request, conditions)


@contextmanager
def _named(path: DrivePath) -> Iterator[None]:
    """A condition that does not hold is told of with the path that it is about."""
    try:
        yield
    except HTTPError as problem:
        if problem.status == HTTPStatus.PRECONDITION_FAILED:
            raise changed_meanwhile(path) from None
        raise
