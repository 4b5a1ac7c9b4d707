"""The factory of channels: what all requests of one server share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IReactorTime
from twisted.web import server

from cloudsvc.web.bounds import HeadBounds
from cloudsvc.web.channel import Channel
from cloudsvc.web.connections import Connections
from cloudsvc.web.layers import Layer
from cloudsvc.web.request import Request
from cloudsvc.web.resources import Tree
from cloudsvc.web.responses import Codec

if TYPE_CHECKING:
    from cloudsvc.web.guards import Gate


class Site(server.Site):
    """A resource tree with its layers, guards and bounds, served to any number of connections."""

    protocol = Channel  # type: ignore[assignment]  # Twisted annotates its HTTP/2 switch, which we do without
    noisy = False

    def __init__(
        self,
        tree: Tree,
        *,
        layers: Sequence[Layer],
        gate: Gate,
        codec: Codec,
        connections: Connections,
        head_bounds: HeadBounds,
        body_bytes: int,
        clock: IReactorTime,
    ) -> None:
        super().__init__(
            tree.others,
            requestFactory=Request,
            parsePOSTFormSubmission=False,
            timeout=None,  # our own deadlines rule
            reactor=clock,
        )
        self.tree = tree
        self.gate = gate
        self.codec = codec
        self.connections = connections
        self.head_bounds = head_bounds
        self.body_bytes = body_bytes
        self.monotonic = clock.seconds
        self.arrivals = _overridden(layers, "arrive")
        self.departures = _overridden(layers, "depart")
        self.conclusions = _overridden(layers, "conclude")

    def acceptableProtocols(self) -> list[bytes]:
        """HTTP/1.1 only: HTTP/2 and HTTP/3 belong to a proxy in front."""
        return [b"http/1.1"]

    def startFactory(self) -> None:
        """Nothing: stock Twisted would open an access log and start a clock for it."""

    def stopFactory(self) -> None:
        """Nothing, as above."""

    def log(self, request: object) -> None:
        """Nothing: a layer writes the one line per request."""


def _overridden(layers: Sequence[Layer], name: str) -> tuple[Callable[..., Any], ...]:
    return tuple(getattr(layer, name) for layer in layers if getattr(type(layer), name) is not getattr(Layer, name))
