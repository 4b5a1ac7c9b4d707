"""Request body as an asynchronous stream, with a bound and back-pressure."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Final

from attrs import define, field
from twisted.internet.defer import Deferred

from cloudsvc.web.errors import HTTPError

HIGH_WATER: Final = 128 * 1024
"""Bytes kept for a slow reader before the transport is paused."""

UNWANTED: Final = 32 * 1024
"""Bytes kept as long as nobody has asked for any: those of whoever may yet be refused."""


def too_large(limit: int) -> HTTPError:
    """The refusal of a body beyond ``limit`` bytes (RFC 9110 section 15.5.14)."""
    return HTTPError(413, "body_too_large", f"The request body is larger than the {limit} bytes allowed here.")


class BodyFlow:
    """How a body steers its connection. The channel implements it; a test may too."""

    def invite(self) -> None:
        """The reader wants the body: say ``100 Continue`` if the client waits for it."""

    def pause(self) -> None:
        """Take no more bytes from the client for now."""

    def resume(self) -> None:
        """Take bytes from the client again."""


@define(eq=False)
class Body:
    """
    A request body, read piece by piece while it arrives.

    :ivar length: what ``Content-Length`` says in bytes, or ``None`` for a chunked body.
    :ivar received: bytes that have arrived so far.
    :ivar complete: whether the last byte has arrived.
    :ivar invited: whether somebody has begun to read it.
    """

    length: int | None
    _flow: BodyFlow
    received: int = 0
    complete: bool = False
    paused: bool = False
    invited: bool = False
    _limit: int | None = None
    _pieces: list[bytes] = field(factory=list)
    _buffered: int = 0
    _problem: BaseException | None = None
    _waiting: Deferred[None] | None = None
    _discarding: bool = False

    def bound(self, limit: int) -> None:
        """
        Refuse to carry more than ``limit`` bytes: at once where the length is known, otherwise on the way.

        :raises HTTPError: 413.
        """
        self._limit = limit
        if (self.length if self.length is not None else self.received) > limit:
            raise too_large(limit)

    async def read(self) -> bytes:
        """
        The next piece, of whatever size has arrived; ``b""`` at the end.

        :raises HTTPError: 413 beyond the bound, 408 when the client is slower than the minimum rate.
        :raises ConnectionError: the client left before the end.
        """
        if not self.invited:
            self.invited = True
            if not self.complete:
                self._flow.invite()
        while not self._pieces:
            if self._problem is not None:
                raise self._problem
            if self.complete:
                return b""
            self._waiting = Deferred()
            try:
                await self._waiting
            finally:
                self._waiting = None
        data = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        self._pieces.clear()
        self._buffered = 0
        self._go_on()
        return data

    async def __aiter__(self) -> AsyncIterator[bytes]:
        while data := await self.read():
            yield data

    async def read_whole(self, limit: int) -> bytes:
        """
        All of it, for bodies that are small by nature.

        :raises HTTPError: 413 when there are more than ``limit`` bytes, and as :meth:`read`.
        """
        self.bound(limit)
        return b"".join([piece async for piece in self])

    def discard(self) -> None:
        """Drop what is buffered and whatever is still to come."""
        self._discarding = True
        self._pieces.clear()
        self._buffered = 0
        self._go_on()

    def feed(self, data: bytes) -> None:
        """Take bytes that have arrived."""
        self.received += len(data)
        if self._discarding or self._problem is not None:
            return
        if self._limit is not None and self.received > self._limit:
            self.fail(too_large(self._limit))
            return
        self._pieces.append(data)
        self._buffered += len(data)
        most = HIGH_WATER if self.invited else UNWANTED
        if self._buffered > most and not self.paused and self.received != self.length:
            self.paused = True
            self._flow.pause()
        self._wake()

    def end(self) -> None:
        """The last byte has arrived."""
        self.complete = True
        self._wake()

    @property
    def failed(self) -> bool:
        """Whether the body ended before its last byte."""
        return self._problem is not None

    def fail(self, problem: BaseException) -> None:
        """No more will come: whoever reads is told why, after what had arrived is dropped."""
        if not self.complete and self._problem is None:
            self._problem = problem
            self._pieces.clear()
            self._wake()

    def _go_on(self) -> None:
        if self.paused:
            self.paused = False
            self._flow.resume()

    def _wake(self) -> None:
        if self._waiting is not None and not self._waiting.called:
            self._waiting.callback(None)


NO_BODY: Final = Body(0, BodyFlow(), complete=True)
"""The body of every request that has none."""
