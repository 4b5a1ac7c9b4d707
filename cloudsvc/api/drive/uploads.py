"""Take the content of a file from a request, piece by piece."""

from __future__ import annotations

from collections.abc import AsyncIterable, AsyncIterator

from cloudsvc.api.drive.fields import read_field
from cloudsvc.extend import HTTPError, Request


def check_plain(request: Request) -> None:
    """
    See that the content is the file itself, whole and as it is.

    :raises HTTPError: it is a part of a file (RFC 9110 section 14.5), or is coded (section 15.5.16).
    """
    if read_field(request, "Content-Range") is not None:
        raise HTTPError(400, "partial_upload", "Content-Range is not supported: send the whole file.")
    coding = read_field(request, "Content-Encoding")
    if coding is not None and coding.strip().lower() != "identity":
        accepted = ((b"Accept-Encoding", b"identity"),)
        raise HTTPError(
            415, "content_coding", "Content-Encoding is not supported: send the bytes as they are.", accepted
        )


async def gather(pieces: AsyncIterable[bytes], least: int) -> AsyncIterator[bytes]:
    """What ``pieces`` gives, in pieces of at least ``least`` bytes; only the last may be smaller."""
    gathered: list[bytes] = []
    size = 0
    async for piece in pieces:
        gathered.append(piece)
        size += len(piece)
        if size >= least:
            yield b"".join(gathered)
            gathered.clear()
            size = 0
    if gathered:
        yield b"".join(gathered)
