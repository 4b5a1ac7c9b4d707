"""Form uploads (RFC 7578): one file, read while it arrives; other parts are passed over."""

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

from cloudsvc.api.drive.media import read_declared_type
from cloudsvc.extend import Body, CloudError, HTTPError, Kind, Request, read_field

FIELD: Final = "file"

_HEAD_BYTES: Final = 4096
"""Of one line of a part's head. There may be eight."""

MOST_AROUND: Final = 64 * 1024
"""Bytes that a form may have around its file: delimiters, the heads of parts, and other fields, which are ignored."""

_MOST_PARTS: Final = 100
"""In one form."""

_PLAIN: Final = frozenset({"", "7bit", "8bit", "binary"})
"""Values of ``Content-Transfer-Encoding`` that leave the bytes as they are (RFC 2045 section 6.2)."""

_LONGEST_BOUNDARY: Final = 70
"""Characters (RFC 2046 section 5.1.1)."""

_LONGEST_TYPE: Final = 1024
"""Characters of the form's type that are looked at."""


@define(eq=False)
class FormFile:
    """
    The file in a form.

    :ivar media_type: which the part declares of the file, if any; known when the first piece has been read.
    :ivar file_name: likewise the name that it gives to the file. Nothing here depends on it.
    """

    _body: Body
    _boundary: str
    media_type: str | None = None
    file_name: str | None = None
    _found: bool = False
    _within: bool = False
    _around: int = 0

    @classmethod
    def of(cls, request: Request) -> FormFile:
        """
        The file in the form that ``request`` carries, of which nothing is read yet.

        :raises HTTPError: 415, it is no form.
        """
        declared = (read_field(request, "Content-Type") or "").replace("\t", " ")
        kind, options = parse_options_header(declared[:_LONGEST_TYPE])
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
        The bytes of the file. The end is reached only if the form is complete.

        Nothing depends on the name that the part gives to its file, so whatever bytes that is written in are good.

        :raises CloudError: the form is malformed, has no field for the file, several, or too much besides.
        """
        parser = PushMultipartParser(
            self._boundary,
            max_header_size=_HEAD_BYTES,
            max_segment_count=_MOST_PARTS,
            header_charset="latin-1",
        )
        while data := await self._body.read():
            self._around += len(data)
            # The bytes are the caller's one by one, since whoever takes them may have to wait.
            for piece in self._parse(parser, data):
                self._around -= len(piece)
                yield piece
            if self._around > MOST_AROUND:
                raise _malformed(f"it has more than {MOST_AROUND} bytes besides the file")
        for _ in self._parse(parser, b""):
            pass
        if not self._found:
            raise _malformed(f"it has no field named {FIELD!r}")

    def _parse(self, parser: PushMultipartParser, data: bytes) -> Iterator[bytes]:
        try:
            for event in parser.parse(data):
                if isinstance(event, MultipartSegment):
                    self._begin(event)
                elif event and self._within:
                    yield bytes(event)
        except MultipartError as problem:
            raise _malformed(str(problem.args[0])) from problem

    def _begin(self, part: MultipartSegment) -> None:
        self._within = part.name == FIELD
        if not self._within:
            return
        if self._found:
            raise _malformed(f"it has several fields named {FIELD!r}, and takes one")
        self._found = True
        # RFC 7578 section 4.7: nobody should send it, and whoever does means other bytes than these.
        if part.header("Content-Transfer-Encoding", "").strip().lower() not in _PLAIN:
            raise _malformed("Content-Transfer-Encoding is not supported: send the bytes as they are")
        self.media_type = read_declared_type(part.header("Content-Type"))
        # Browsers write it in UTF-8 (the HTML standard, multipart form data).
        self.file_name = None if part.filename is None else part.filename.encode("latin-1").decode(errors="replace")


def _malformed(reason: str) -> CloudError:
    return CloudError(Kind.INVALID, "malformed_form", f"The form cannot be used: {reason}.")
