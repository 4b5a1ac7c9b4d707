"""Files in forms, as browsers upload them (RFC 7578): one part, read while it arrives."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Final

from attrs import define
from multipart import (  # type: ignore[import-untyped]  # has no types
    MultipartError,
    MultipartSegment,
    PushMultipartParser,
    parse_options_header,
)

from cloudsvc.api.drive.fields import read_field
from cloudsvc.extend import Body, CloudError, HTTPError, Kind, Request

FIELD: Final = "file"

_HEAD_BYTES: Final = 4096
"""Of one line of a part's head. There may be eight."""

MOST_AROUND: Final = 8 * _HEAD_BYTES + 1024
"""Bytes that an honest form with nothing but a file has around it, at most."""

_LONGEST_BOUNDARY: Final = 70
"""Characters (RFC 2046 section 5.1.1)."""


@define(eq=False)
class FormFile:
    """
    The file in a form.

    :ivar media_type: what the part declares itself to be; known when the first piece has been read.
    """

    _body: Body
    _boundary: str
    media_type: str | None = None
    _found: bool = False

    @classmethod
    def of(cls, request: Request) -> FormFile:
        """
        The file in the form that ``request`` carries, of which nothing is read yet.

        :raises HTTPError: 415, it is no form.
        """
        kind, options = parse_options_header(read_field(request, "Content-Type") or "")
        boundary = options.get("boundary", "")
        if kind != "multipart/form-data" or not 0 < len(boundary) <= _LONGEST_BOUNDARY:
            message = f"Send multipart/form-data with a boundary and a field named {FIELD!r}, or use PUT."
            raise HTTPError(415, "not_a_form", message)
        return cls(request.body, boundary)

    @property
    def least_size(self) -> int | None:
        """How many bytes the file of an honest form has at least; ``None`` where the form does not say its length."""
        return None if self._body.length is None else max(0, self._body.length - MOST_AROUND)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """
        The bytes of the file. The end is reached only if the form is complete, and has nothing else in it.

        :raises CloudError: the form is malformed, has no field for the file, or has another.
        """
        parser = PushMultipartParser(self._boundary, max_header_size=_HEAD_BYTES)
        while data := await self._body.read():
            # The bytes are the caller's one by one, since whoever takes them may have to wait.
            for piece in self._parse(parser, data):
                yield piece
        for _ in self._parse(parser, b""):
            pass
        if not self._found:
            raise _malformed(f"it has no field named {FIELD!r}")

    def _parse(self, parser: PushMultipartParser, data: bytes) -> Iterator[bytes]:
        try:
            for event in parser.parse(data):
                if isinstance(event, MultipartSegment):
                    self._begin(event)
                elif event:
                    yield bytes(event)
        except MultipartError as problem:
            raise _malformed(str(problem)) from problem

    def _begin(self, part: MultipartSegment) -> None:
        if part.name != FIELD or self._found:
            raise _malformed(f"it takes one field named {FIELD!r} and nothing else")
        self._found = True
        self.media_type = part.header("Content-Type")


def _malformed(reason: str) -> CloudError:
    return CloudError(Kind.INVALID, "malformed_form", f"The form cannot be used: {reason}.")
