"""Receiving of files by links: a name that is taken is never replaced, and nobody is told that it is."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable

from cloudsvc.api.drive.forms import FormFile
from cloudsvc.api.drive.media import read_declared_type
from cloudsvc.api.identity.links.guards import visitor_of
from cloudsvc.api.identity.links.messages import ReceivedMessage
from cloudsvc.extend import CloudError, Drive, DrivePath, Kind, Request, Role, parse_path, read_field
from cloudsvc.extend.drive import parse_name
from cloudsvc.extend.identity import ResolvedLink, Visits


async def receive_body(request: Request, drive: Drive, visits: Visits, name: str) -> ReceivedMessage:
    """
    The file that is the body of a request.

    :raises CloudError: the link is not for that, or it cannot be stored.
    """
    visit = _expect_uploader(request)
    path = _place(visit, name)
    media_type = read_declared_type(read_field(request, "Content-Type"))
    pieces = aiter(request.body)
    return await _store(request, drive, visits, path, pieces, length=request.body.length, declared=lambda: media_type)


async def receive_form(request: Request, drive: Drive, visits: Visits, form: FormFile) -> ReceivedMessage:
    """
    The file in a form, by the name that the form gives it.

    :raises CloudError: the link is not for that, the form is malformed, or it cannot be stored.
    """
    visit = _expect_uploader(request)
    pieces = aiter(form)
    # Which name it has is known with its first piece, or at the end of the form.
    first = await anext(pieces, b"")
    path = _place(visit, _find_name(form))
    rest = _put_before(first, pieces)
    return await _store(request, drive, visits, path, rest, length=form.least_size, declared=lambda: form.media_type)


def _expect_uploader(request: Request) -> ResolvedLink:
    visit = visitor_of(request).visit
    if visit.link.role is not Role.UPLOADER:
        raise CloudError(Kind.FORBIDDEN, "forbidden", "This link does not let you bring files.")
    return visit


def _place(visit: ResolvedLink, name: str) -> DrivePath:
    """Where a file goes: right into the folder that the link is for."""
    return parse_path(visit.path) / parse_name(name)


def _find_name(form: FormFile) -> str:
    """The name without the directories that some browsers put before it."""
    name = (form.file_name or "").replace("\\", "/").rpartition("/")[2]
    if not name:
        raise CloudError(Kind.INVALID, "malformed_form", "The form cannot be used: its file has no name.")
    return name


async def _put_before(first: bytes, rest: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    if first:
        yield first
    async for piece in rest:
        yield piece


async def _store(
    request: Request,
    drive: Drive,
    visits: Visits,
    path: DrivePath,
    pieces: AsyncIterator[bytes],
    *,
    length: int | None,
    declared: Callable[[], str | None],
) -> ReceivedMessage:
    link = visitor_of(request).visit.link
    visits.check_usable(link)
    async with drive.receive(request.actor, path, length=length, replace=False) as upload:
        async for piece in pieces:
            await upload.write(piece)
        await visits.count(link, request.sender.bucket, "", begins=True)
        size = upload.size
        stored = await upload.finish(media_type=declared())
    request.target_id = str(stored.file.id)
    return ReceivedMessage(message="File received.", name=path.name.text, size=size)
