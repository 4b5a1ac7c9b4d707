"""Streamed responses, sent no faster than the client takes them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from typing import Any, Final, Protocol

from attrs import define
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from zope.interface import implementer

LARGEST_PIECE: Final = 64 * 1024
"""Bytes that are written at once."""

_LARGEST_WRITE: Final = 256 * 1024
"""Bytes of a piece that are written before the client has to take them, whoever made it and however large."""


class Sink(Protocol):
    """
    What streaming needs of the request that it answers.

    :ivar finished: whether the answer is complete.
    :ivar producer: what is told to wait for the client, where something is registered.
    :ivar channel: ``None`` once the connection is gone.
    """

    method: bytes
    finished: Any
    producer: Any
    channel: Any

    def registerProducer(self, producer: IPushProducer, streaming: bool) -> None: ...  # noqa: FBT001  # Twisted's signature

    def unregisterProducer(self) -> None: ...

    def write(self, data: bytes) -> None: ...

    def finish(self) -> None: ...


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


async def stream(request: Sink, pieces: AsyncIterable[bytes]) -> None:
    """Write ``pieces`` as the content of the answer, each in parts that the client has to take, and finish it."""
    valve = _Valve()
    request.registerProducer(valve, True)  # noqa: FBT003  # Twisted's "streaming"
    try:
        if request.method != b"HEAD":
            async for piece in pieces:
                for start in range(0, len(piece), _LARGEST_WRITE):
                    request.write(piece[start : start + _LARGEST_WRITE])
                    if request.finished:
                        return  # there was more than announced
                    await valve.passage()
    finally:
        if request.producer is not None and request.channel is not None:
            request.unregisterProducer()
        if isinstance(pieces, AsyncGenerator):
            # Now, and not when the collector comes: it may hold files open.
            await pieces.aclose()
    request.finish()
