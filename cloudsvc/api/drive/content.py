"""The bytes of a file on their way out."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncGenerator, Iterable, Iterator, Sequence
from secrets import token_hex
from typing import Final

from attrs import frozen
from twisted.internet.defer import Deferred, succeed

from cloudsvc.api.drive.ranges import Span
from cloudsvc.drive.blobs import BlobReader

PIECE: Final = 256 * 1024
"""Bytes that are read at once: few calls to TLS, each worth a trip to a thread."""


@frozen(kw_only=True)
class Parts:
    """
    Several ranges as one content (RFC 9110 section 14.6).

    :ivar content_type: with the boundary between them.
    :ivar items: spans of the file, and the text between them.
    """

    content_type: tuple[bytes, bytes]
    items: Sequence[bytes | Span]

    @classmethod
    def of(cls, spans: Sequence[Span], size: int, content_type: tuple[bytes, bytes]) -> Parts:
        """``spans`` of a file of ``size`` bytes and this type."""
        boundary = token_hex(16).encode("ascii")
        delimiter = b"\r\n--" + boundary
        items: list[bytes | Span] = []
        for span in spans:
            fields = (content_type, (b"Content-Range", span.describe(size)))
            head = b"".join(b"\r\n%b: %b" % field for field in fields)
            items += [delimiter + head + b"\r\n\r\n", span]
        items.append(delimiter + b"--\r\n")
        return cls(content_type=(b"Content-Type", b"multipart/byteranges; boundary=" + boundary), items=items)


async def send(reader: BlobReader, items: Iterable[bytes | Span]) -> AsyncGenerator[bytes, None]:
    """
    Texts and spans of what ``reader`` reads, in pieces: while one is taken, the next is read. Closes the reader.

    :raises CloudError: the store fails.
    """
    ahead: deque[Deferred[bytes]] = deque()
    try:
        for item in _cut(items):
            ahead.append(succeed(item) if isinstance(item, bytes) else _fetch(reader, item))
            if len(ahead) > 1:
                yield await ahead.popleft()
        while ahead:
            yield await ahead.popleft()
    finally:
        for fetched in ahead:
            fetched.addErrback(lambda _: None)
            fetched.cancel()
        await reader.close()


async def nothing() -> AsyncGenerator[bytes, None]:
    """No bytes: the content of an answer to ``HEAD``."""
    pieces: tuple[bytes, ...] = ()
    for piece in pieces:
        yield piece


def _cut(items: Iterable[bytes | Span]) -> Iterator[bytes | Span]:
    for item in items:
        if isinstance(item, bytes):
            yield item
            continue
        for start in range(item.start, item.stop, PIECE):
            yield Span(start, min(start + PIECE, item.stop))


def _fetch(reader: BlobReader, span: Span) -> Deferred[bytes]:
    return Deferred.fromCoroutine(reader.read(span.start, span.size))
