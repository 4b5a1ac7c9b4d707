"""Intake of request bodies: how a body steers the reading of its connection, and whether it comes fast enough."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any, Protocol

from attrs import define

from cloudsvc.web.http1.body import Body, BodyFlow
from cloudsvc.web.http1.descriptors import limit_reads
from cloudsvc.web.http1.pace import Pace
from cloudsvc.web.http1.read_sizes import USUAL, choose_read_size


class IncomingRequest(Protocol):
    """What a body's intake needs of the request."""

    body: Body
    expects_continue: bool
    startedWriting: int


@define(eq=False)
class Intake(BodyFlow):
    """
    The bodies of one connection, one after the other.

    :ivar paused: whether a body wants no more bytes for now.
    :ivar until: the end of the window in which the pace of the body under way is evaluated; infinite without one.
    """

    _pace: Pace
    _pause_reading: Callable[[], None]
    _resume_reading: Callable[[], None]
    _write: Callable[[bytes], None]
    paused: bool = False
    until: float = inf
    _request: IncomingRequest | None = None

    def begin(self, request: IncomingRequest) -> None:
        """The head of ``request`` is here, and its body follows."""
        self._request = request
        self._pace.begin_body()

    def end(self) -> bool:
        """The request is answered. Says whether its body kept the client waiting until now."""
        was_paused, self.paused, self._request = self.paused, False, None
        return was_paused

    def invite(self) -> None:
        """Say ``100 Continue`` to a client that waits for it (RFC 9110 section 10.1.1)."""
        request = self._request
        if request is not None and request.expects_continue and not request.startedWriting:
            request.expects_continue = False
            self._write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def pause(self) -> None:
        """Take no more bytes of the body for now."""
        self.paused = True
        self._pace.hold()
        self._pause_reading()

    def resume(self) -> None:
        """Take bytes of the body again."""
        self.paused = False
        self._resume_reading()

    def adapt_reads(self, transport: Any, *, chunks: int, reading: bool) -> None:
        """
        Let one read of ``transport`` bring what suits the body.

        :param chunks: that have come of it, where it is chunked.
        :param reading: whether the body is still arriving.
        """
        most = choose_read_size(self._request.body, chunks) if reading and self._request is not None else USUAL
        limit_reads(transport, most)

    def comes_fast_enough(self, received: int, *, held: bool) -> bool:
        """
        Whether the body came fast enough in the window that ends now; the next one begins.

        :param received: bytes of it so far.
        :param held: whether something else than the body keeps the client waiting.
        """
        return self._pace.end_window(received, held=held or self.paused)
