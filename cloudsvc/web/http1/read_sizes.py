"""Read sizes: how much one read of the socket may bring."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cloudsvc.web.http1.body import Body

USUAL: Final = 64 * 1024
"""Bytes that one read may bring: no more are decrypted of a request that is refused for its head."""

_GENEROUS: Final = 256 * 1024
"""Bytes of a body that is wanted."""

_MANY_CHUNKS: Final = 1024
"""Chunks in one read, beyond which the next one brings less: each of them takes as long as a kilobyte of others."""

_SPARING: Final = 8 * 1024
"""Bytes of a read after one with so many chunks."""


def choose_read_size(body: Body, chunks: int) -> int:
    """
    Bytes of the next read while ``body`` arrives: many of one of known length, as soon as somebody wants it, and
    nothing of what follows it.

    :param chunks: that have begun in the last read.
    """
    if body.length is not None and body.invited:
        return max(USUAL, min(_GENEROUS, body.length - body.received))
    return _SPARING if chunks > _MANY_CHUNKS else USUAL
