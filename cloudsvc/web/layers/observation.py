"""Observation layer: metrics and the access log of every request."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from cloudsvc.web.layers import Layer

if TYPE_CHECKING:
    from cloudsvc.web.http1.request import Request


class RequestMetrics(Protocol):
    """What is counted of each request."""

    def arrived(self) -> None:
        """A request's head is complete."""

    def departed(self, method: bytes, handler: str, status: int, seconds: float) -> None:
        """Its answer is."""


class RequestLog(Protocol):
    """Where one line of each request goes."""

    def record(
        self, *, method: bytes, path: bytes, client: str, status: int, seconds: float, sent: int, request_id: str
    ) -> None:
        """Write the line."""


class Observation(Layer):
    """
    Metrics and the access log.

    :param tell: a path as it may be told: some hold secrets.
    """

    def __init__(self, metrics: RequestMetrics, log: RequestLog, tell: Callable[[bytes], bytes]) -> None:
        self._metrics = metrics
        self._log = log
        self._tell = tell

    def on_request(self, request: Request) -> None:
        """One more in progress."""
        self._metrics.arrived()

    def on_done(self, request: Request) -> None:
        """One fewer; the line is written now, when status and duration are known."""
        seconds = request.site.monotonic() - request.arrived_at
        status = request.status
        self._metrics.departed(request.method, request.pattern, status, seconds)
        self._log.record(
            method=request.method,
            path=self._tell(request.path),
            client=request.sender.address,
            status=status,
            seconds=seconds,
            sent=request.content_sent,
            request_id=request.id,
        )
