"""Send an answer piece by piece, no faster than the client takes it."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from typing import TYPE_CHECKING, Final

from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

if TYPE_CHECKING:
    from cloudsvc.web.request import Request


LARGEST_PIECE: Final = 64 * 1024
"""Bytes that are written at once."""


@implementer(IPushProducer)
@define(eq=False)
class _Valve:
    """Open while the transport has room."""

    _opening: Deferred[None] | None = None

    def pauseProducing(self) -> None:
        if self._opening is None:
            self._opening = Deferred()

    def resumeProducing(self) -> None:
        if self._opening is not None:
            opening, self._opening = self._opening, None
            if not opening.called:
                opening.callback(None)

    def stopProducing(self) -> None:
        """The connection is gone: the request is cancelled, and with it whoever waits here."""

    async def passage(self) -> None:
        """Wait until the transport has room."""
        if self._opening is not None:
            await self._opening


async def cut(content: bytes) -> AsyncIterator[bytes]:
    """``content`` in pieces, so that whoever takes it slowly is seen to take it."""
    for start in range(0, len(content), LARGEST_PIECE):
        yield content[start : start + LARGEST_PIECE]


async def stream(request: Request, pieces: AsyncIterable[bytes], length: int | None) -> None:
    """
    Write ``pieces`` as the content of the answer and finish it.

    :raises ValueError: there were more or fewer bytes than ``length``, so that the answer would be a lie.
    """
    valve = _Valve()
    request.registerProducer(valve, True)  # noqa: FBT003  # Twisted's "streaming"
    sent = 0
    try:
        if request.method != b"HEAD":
            async for piece in pieces:
                sent += len(piece)
                if length is not None and sent > length:
                    raise ValueError(f"the content has more than the {length} bytes announced")
                request.write(piece)
                await valve.passage()
            if length is not None and sent != length:
                raise ValueError(f"the content has {sent} of the {length} bytes announced")
    finally:
        if request.producer is not None and request.channel is not None:
            request.unregisterProducer()
        if isinstance(pieces, AsyncGenerator):
            # Now, and not when the collector comes: it may hold files open.
            await pieces.aclose()
    request.finish()
