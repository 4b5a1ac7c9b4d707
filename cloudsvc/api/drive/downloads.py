"""The answer to a request for a file: which status, which fields, which bytes."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Final

from attrs import frozen

from cloudsvc.api.drive.conditions import Preconditions, Verdict, allows_ranges, spell_moment, spell_tag
from cloudsvc.api.drive.content import Parts, nothing, send
from cloudsvc.api.drive.digests import spell_digest
from cloudsvc.api.drive.disposition import SANDBOX, spell_disposition
from cloudsvc.api.drive.fields import read_field
from cloudsvc.api.drive.media import spell_content_type
from cloudsvc.api.drive.ranges import Span, parse_ranges
from cloudsvc.drive.drive import OpenFile
from cloudsvc.drive.errors import changed_meanwhile, storage_failed
from cloudsvc.drive.names import Path
from cloudsvc.drive.nodes import Instant
from cloudsvc.extend import Request, Response

if TYPE_CHECKING:
    from cloudsvc.drive.thumbnails import Thumbnail

Fields = tuple[tuple[bytes, bytes], ...]

_CACHING: Final = (b"Cache-Control", b"private, no-cache")
"""Whoever keeps it asks every time whether it is still so (RFC 9111 section 5.2.2)."""

_NOT_MODIFIED: Final = 304
_SMALL: Final = 64 * 1024
"""Bytes up to which an answer is sent at once."""


@frozen(kw_only=True)
class _Plan:
    """
    What to answer.

    :ivar items: spans of the file, and text between them.
    """

    status: int
    headers: Fields
    items: Sequence[bytes | Span] = ()

    @property
    def length(self) -> int:
        return sum(item.size if isinstance(item, Span) else len(item) for item in self.items)


async def answer_download(request: Request, opened: OpenFile) -> Response:
    """
    The answer to ``GET`` or ``HEAD`` of ``opened``, whose reader is closed by now or once the content has been sent.

    :raises CloudError: 412, or the stored bytes are damaged.
    :raises HTTPError: 416.
    """
    async with AsyncExitStack() as stack:
        stack.push_async_callback(opened.reader.close)
        plan = _make_plan(request, opened)
        if plan.status == _NOT_MODIFIED:
            return Response(status=plan.status, headers=plan.headers)
        if request.method == b"HEAD":
            return Response(status=plan.status, headers=plan.headers, body=nothing(), length=plan.length)
        if opened.reader.size != opened.version.blob.size:
            raise storage_failed()
        pieces = send(opened.reader, plan.items)
        if plan.length <= _SMALL:
            content = b"".join([piece async for piece in pieces])
            return Response(status=plan.status, headers=plan.headers, body=content)
        stack.pop_all()
        return Response(status=plan.status, headers=plan.headers, body=pieces, length=plan.length)


def answer_thumbnail(request: Request, path: Path, thumbnail: Thumbnail) -> Response:
    """
    The answer to ``GET`` or ``HEAD`` of the thumbnail of the file at ``path``.

    :raises CloudError: 412.
    """
    validators: Fields = ((b"ETag", spell_tag(thumbnail.validator).encode("ascii")), SANDBOX, _CACHING)
    verdict = Preconditions.of(request).judge_reading(thumbnail.validator)
    if verdict is Verdict.FAILED:
        raise changed_meanwhile(path)
    if verdict is Verdict.NOT_MODIFIED:
        return Response(status=_NOT_MODIFIED, headers=validators)
    return Response(headers=((b"Content-Type", b"image/jpeg"), *validators), body=thumbnail.content)


def _make_plan(request: Request, opened: OpenFile) -> _Plan:
    version, size = opened.version, opened.version.blob.size
    is_current = version.id == opened.file.version.id
    changed_at = opened.file.updated_at if is_current else version.created_at
    validators = _spell_validators(version.validator, changed_at)
    verdict = Preconditions.of(request).judge_reading(version.validator, changed_at)
    if verdict is Verdict.FAILED:
        raise changed_meanwhile(opened.file.path)
    if verdict is Verdict.NOT_MODIFIED:
        return _Plan(status=_NOT_MODIFIED, headers=validators)
    content_type = spell_content_type(version.media_type)
    headers: Fields = (
        spell_disposition(version.media_type, opened.file.path.name.text),
        *validators,
        (b"Accept-Ranges", b"bytes"),
        spell_digest(version.blob.digest),
    )
    spans = _find_spans(request, version.validator, size)
    if spans is None:
        return _Plan(status=200, headers=(content_type, *headers), items=[Span(0, size)])
    if len(spans) == 1:
        content_range = (b"Content-Range", spans[0].describe(size))
        return _Plan(status=206, headers=(content_type, content_range, *headers), items=spans)
    parts = Parts.of(spans, size, content_type)
    return _Plan(status=206, headers=(parts.content_type, *headers), items=parts.items)


def _find_spans(request: Request, validator: str, size: int) -> Sequence[Span] | None:
    """The ranges that are wanted. They mean something to ``GET`` only (RFC 9110 section 14.2)."""
    if request.method != b"GET" or not allows_ranges(read_field(request, "If-Range"), validator):
        return None
    return parse_ranges(read_field(request, "Range"), size)


def _spell_validators(validator: str, changed_at: Instant) -> Fields:
    """With the policy: the one of a 304 takes the place of the one that a cache has kept (RFC 9111 section 3.2)."""
    tag = (b"ETag", spell_tag(validator).encode("ascii"))
    return tag, (b"Last-Modified", spell_moment(changed_at)), SANDBOX, _CACHING
