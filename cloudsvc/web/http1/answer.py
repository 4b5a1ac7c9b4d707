"""Answer to a request: its head, the framing of its content, and how much of that has been written."""

from __future__ import annotations

from typing import Final

from attrs import define
from twisted.web.http import NO_BODY_CODES

from cloudsvc.web.http1.response_heads import format_fields, format_status
from cloudsvc.web.responses import HeaderList

LAST_CHUNK: Final = b"0\r\n\r\n"
"""Ends content without a length (RFC 9112 section 7.1)."""


@define(eq=False)
class Answer:
    """
    An answer from its status to its last byte.

    What is beyond the announced length is dropped: on the wire it would be where the next answer belongs.

    :ivar length: bytes of the content, as far as they are known before it is written.
    :ivar has_content: whether it may have any: not to HEAD, and not with some statuses (RFC 9110 section 6.4.1).
    :ivar due: bytes of content that the head has announced; ``None`` where it has announced none.
    :ivar written: bytes of content that have been written.
    :ivar is_live: whether each piece is to be sent at once.
    :ivar overran: whether somebody has written more than is due.
    """

    status: int
    reason: bytes
    length: int | None
    has_content: bool
    due: int | None = None
    written: int = 0
    chunked: bool = False
    overran: bool = False
    is_live: bool = False

    @classmethod
    def of(cls, status: int, reason: bytes, length: int | None, *, is_head: bool) -> Answer:
        """The answer with this status and content of this length, to a request that is HEAD or not."""
        if status in NO_BODY_CODES:
            return cls(status, reason, None, has_content=False)
        return cls(status, reason, length, not is_head)

    def begin(self, fields: HeaderList, version: bytes, *, persistent: bool) -> tuple[bytes, frozenset[bytes], bool]:
        """
        Make the head, but for what layers add to it and the empty line at its end.

        :param fields: of the handler, or of a resource. A ``Content-Length`` among them says the length where nothing
            else does.
        :param persistent: whether the connection could carry another request.
        :return: the head's lines, the names of its fields in lower case, and whether the connection still can.
        """
        names, lines = format_fields(fields)
        if b"content-length" in names:
            if self.length is None:
                self.length = _read_length(fields)
            names, lines = format_fields(tuple(each for each in fields if each[0].lower() != b"content-length"))
        if self.has_content:
            self.due = self.length
        framing = b""
        if self.length is not None:
            framing = b"Content-Length: %d\r\n" % self.length
        elif self.has_content:
            if version == b"HTTP/1.1":
                self.chunked = True
                framing = b"Transfer-Encoding: chunked\r\n"
            else:
                persistent = False  # it ends with the connection (RFC 9112 section 6.3)
        if not persistent and b"connection" not in names:
            framing += b"Connection: close\r\n"
        elif version == b"HTTP/1.0":
            # Such a client keeps the connection only where it is told so (RFC 9112 section 9.3).
            framing += b"Connection: keep-alive\r\n"
        return format_status(version, self.status, self.reason) + lines + framing, names, persistent

    def frame(self, data: bytes) -> bytes:
        """What to write of the content ``data``, as it is on the wire."""
        if not self.has_content:
            return b""
        if self.due is not None and self.written + len(data) > self.due:
            self.overran = True
            data = data[: self.due - self.written]
        self.written += len(data)
        return b"%x\r\n%b\r\n" % (len(data), data) if self.chunked and data else data

    @property
    def missing(self) -> int:
        """Bytes of the announced content that have not been written."""
        return 0 if self.due is None else self.due - self.written


def _read_length(fields: HeaderList) -> int | None:
    """What a handler, or a resource of Twisted's, says of its content; ``None`` where that is no number."""
    values = {value for name, value in fields if name.lower() == b"content-length"}
    return int(values.pop()) if len(values) == 1 and all(map(bytes.isdigit, values)) else None
