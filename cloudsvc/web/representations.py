"""Answers to ``GET`` and ``HEAD`` of what has validators: the status, the fields, the bytes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from attrs import evolve, frozen

from cloudsvc.web.codings import GZIPPED
from cloudsvc.web.conditions import Evaluation, Preconditions, Validators, precondition_failed
from cloudsvc.web.content import Parts, Reader, gather, send
from cloudsvc.web.fields import read_field
from cloudsvc.web.ranges import Span, parse_ranges
from cloudsvc.web.responses import HeaderList, Response

if TYPE_CHECKING:
    from cloudsvc.web.http1.request import Request

_NOT_MODIFIED: Final = 304
_SMALL: Final = 64 * 1024
"""Bytes up to which an answer is sent at once."""


@frozen(kw_only=True)
class Selection:
    """
    What to answer.

    :ivar items: spans of the content, and text between them.
    """

    status: int
    headers: HeaderList
    items: Sequence[bytes | Span] = ()

    @property
    def length(self) -> int:
        """Of the content of the answer, in bytes."""
        return sum(item.size if isinstance(item, Span) else len(item) for item in self.items)

    @property
    def has_content(self) -> bool:
        """Whether an answer to ``GET`` has any of the content."""
        return self.status != _NOT_MODIFIED

    @property
    def has_beginning(self) -> bool:
        """Whether the beginning of the content is among what is sent to ``GET``."""
        return any(isinstance(item, Span) and not item.start for item in self.items)

    async def read(self, request: Request, reader: Reader) -> Response:
        """
        The answer to ``request`` with its bytes from ``reader``, which is closed by now or once they have been sent.

        :raises CloudError: they cannot be had.
        """
        if not self.has_content or request.method == b"HEAD":
            await reader.close()
            return self.answer_without_content()
        if self.length > _SMALL:
            pieces = send(reader, self.items)
            return Response(status=self.status, headers=self.headers, body=pieces, length=self.length)
        return Response(status=self.status, headers=self.headers, body=await gather(reader, self.items))

    def answer_without_content(self) -> Response:
        """The answer to ``HEAD``, or to whoever has the content already: nothing is opened for it."""
        return Response(status=self.status, headers=self.headers, length=self.length)

    def cut(self, content: bytes) -> Response:
        """The answer with its bytes out of ``content``, which is at hand as a whole."""
        pieces = [content[item.start : item.stop] if isinstance(item, Span) else item for item in self.items]
        body = pieces[0] if len(pieces) == 1 else b"".join(pieces)
        return Response(status=self.status, headers=self.headers, body=body)


@frozen(kw_only=True)
class Representation:
    """
    The state of a resource that a request is about, but for its bytes.

    :ivar size: of the content, in bytes.
    :ivar described: further fields of answers with content.
    :ivar kept: fields of every answer, also of a 304, where they take the place of those that a cache has kept: how it
        may be kept, and what it may do (RFC 9111 section 3.2).
    :ivar most_ranges: so many may be asked for at once; whoever asks for more gets the whole.
    """

    content_type: bytes
    size: int
    validators: Validators
    described: HeaderList = ()
    kept: HeaderList = ()
    most_ranges: int = 1

    def gzipped(self, size: int) -> Representation:
        """
        The same in gzip, which takes ``size`` bytes. Another representation has another tag, or else a cache would take
        one for the other.
        """
        validators = evolve(self.validators, tag=f"{self.validators.tag}-gzip")
        return evolve(self, size=size, validators=validators, described=self.described + GZIPPED)

    def select(self, request: Request, conditions: Preconditions | None = None) -> Selection:
        """
        What to answer to ``request``, a ``GET`` or ``HEAD``: by its conditions (RFC 9110 section 13), and then by the
        ranges that it asks for (section 14), which mean something to ``GET`` only.

        :param conditions: those of ``request``, where they have been read already.
        :raises HTTPError: 412, 416; 431 for conditions that are too long.
        """
        conditions = conditions or Preconditions.of(request)
        outcome = conditions.evaluate(self.validators)
        if outcome is Evaluation.FAILED:
            raise precondition_failed()
        kept = self.validators.fields + self.kept
        if outcome is Evaluation.NOT_MODIFIED:
            return Selection(status=_NOT_MODIFIED, headers=kept)
        content_type: tuple[bytes, bytes] = (b"Content-Type", self.content_type)
        headers = (*self.described, *kept)
        if self.most_ranges:
            headers += ((b"Accept-Ranges", b"bytes"),)
        spans = None
        if request.method == b"GET" and self.most_ranges and conditions.allows_ranges(self.validators):
            spans = parse_ranges(read_field(request, "Range"), self.size, self.most_ranges)
        if spans is None:
            return Selection(status=200, headers=(content_type, *headers), items=[Span(0, self.size)])
        if len(spans) == 1:
            content_range = (b"Content-Range", spans[0].describe(self.size))
            return Selection(status=206, headers=(content_type, content_range, *headers), items=spans)
        parts = Parts.of(spans, self.size, content_type)
        return Selection(status=206, headers=(parts.content_type, *headers), items=parts.items)
