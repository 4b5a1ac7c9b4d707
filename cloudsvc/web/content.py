"""File content in responses, whole or in ranges."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Sequence
from secrets import token_hex
from typing import Protocol

from attrs import frozen
from twisted.internet.defer import Deferred

from cloudsvc.web.ranges import Span


class Reader(Protocol):
    """Something open for reading. Whoever asks for its bytes closes it."""

    def stream(self, start: int, stop: int, /) -> AsyncGenerator[bytes, None]:
        """
        The bytes from ``start`` to just before ``stop``, all of them, in pieces that suit the reader.

        :raises CloudError: they cannot be had.
        """
        ...

    async def close(self) -> None:
        """Let go of it."""
        ...


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


async def send(reader: Reader, items: Iterable[bytes | Span]) -> AsyncGenerator[bytes, None]:
    """
    Texts and spans of what ``reader`` reads, in its pieces: while one is taken, the next is read. Closes the reader.

    :raises CloudError: the store fails.
    """
    pieces = _list_pieces(reader, items)
    ahead = _fetch(pieces)
    try:
        while (piece := await ahead) is not None:
            ahead = _fetch(pieces)
            yield piece
    finally:
        # Whoever leaves in the middle does not wait for it.
        ahead.addErrback(lambda _: None)
        ahead.cancel()
        await reader.close()


async def gather(reader: Reader, items: Iterable[bytes | Span]) -> bytes:
    """
    As :func:`send`, all at once.

    :raises CloudError: the store fails.
    """
    try:
        return b"".join([piece async for piece in _list_pieces(reader, items)])
    finally:
        await reader.close()


async def _list_pieces(reader: Reader, items: Iterable[bytes | Span]) -> AsyncGenerator[bytes, None]:
    for item in items:
        if isinstance(item, bytes):
            yield item
            continue
        async for piece in reader.stream(item.start, item.stop):
            yield piece


def _fetch(pieces: AsyncGenerator[bytes, None]) -> Deferred[bytes | None]:
    """The next of ``pieces``, or ``None`` after the last."""

    async def fetch() -> bytes | None:
        return await anext(pieces, None)

    return Deferred.fromCoroutine(fetch())
