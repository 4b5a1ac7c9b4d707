"""Channel factory: what all requests of one server share."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IReactorTime
from twisted.logger import Logger
from twisted.web import server
from twisted.web.error import UnsupportedMethod
from twisted.web.http import NO_BODY_CODES
from twisted.web.server import NOT_DONE_YET

from cloudsvc.web.error_rendering import JSONErrors, complete
from cloudsvc.web.errors import HTTPError, method_not_allowed
from cloudsvc.web.http1.bounds import HeadBounds
from cloudsvc.web.http1.channel import Channel
from cloudsvc.web.http1.connections import Connections
from cloudsvc.web.http1.request import Request
from cloudsvc.web.http1.targets import decode_path
from cloudsvc.web.layers import Layer
from cloudsvc.web.options import METHODS, answer_options
from cloudsvc.web.resources import Tree
from cloudsvc.web.responses import Codec, Message, Reply, Response, StreamedMessage

if TYPE_CHECKING:
    from cloudsvc.web.authentication import Authenticator
    from cloudsvc.web.rate_limits import RateLimits
    from cloudsvc.web.recording import Recorder


_log = Logger("cloudsvc.web")


class Site(server.Site):
    """A resource tree with its layers, guards and bounds, served to any number of connections."""

    protocol = Channel  # type: ignore[assignment]  # Twisted annotates its HTTP/2 switch, which we do without
    noisy = False

    def __init__(
        self,
        tree: Tree,
        *,
        layers: Sequence[Layer],
        authenticator: Authenticator,
        rate_limits: RateLimits,
        codec: Codec,
        connections: Connections,
        head_bounds: HeadBounds,
        body_bytes: int,
        clock: IReactorTime,
        recorder: Recorder | None = None,
    ) -> None:
        super().__init__(
            tree.others,
            requestFactory=Request,
            parsePOSTFormSubmission=False,
            timeout=None,  # our own deadlines rule
            reactor=clock,
        )
        self.tree = tree
        self.authenticator = authenticator
        self.rate_limits = rate_limits
        self.codec = codec
        self._errors = JSONErrors(codec)
        self.connections = connections
        self.head_bounds = head_bounds
        self.body_bytes = body_bytes
        self.recorder = recorder
        self.monotonic = clock.seconds
        self.on_request = _overridden(layers, "on_request")
        self.on_head = _overridden(layers, "on_head")
        self.on_done = _overridden(layers, "on_done")

    def handle(self, request: Request) -> None:
        """
        Find what answers ``request``, and let it.

        :raises HTTPError: nothing does, or not with this method.
        """
        if request.path == b"*" and request.method == b"OPTIONS":
            request.respond(answer_options(METHODS))
            return
        tree = self.tree
        request.segments = tree.known.get(request.path) or decode_path(request.path)
        try:
            body = tree.find(request.segments).render(request)
        except UnsupportedMethod as problem:
            if request.method == b"OPTIONS":
                request.respond(answer_options(problem.allowedMethods))
                return
            raise method_not_allowed(problem.allowedMethods) from problem
        if body is not NOT_DONE_YET:
            _finish_stock(request, body)

    def serialise(self, value: object, status: int) -> Response:
        """What a handler returned as a response, a message with ``status``."""
        if isinstance(value, Response):
            return value
        if isinstance(value, Message):
            return self.codec.render(value, status=status)
        if isinstance(value, Reply):
            return self.codec.render(value.message, status=value.status, headers=value.headers)
        if isinstance(value, StreamedMessage):
            return self.codec.stream(value, status=status)
        raise TypeError(f"a handler returned {type(value).__name__}, no Message or Response")

    def report(self, request: Request, error: HTTPError) -> Response:
        """The answer that reports ``error``, as the application of ``request`` renders it, or else as we do."""
        if request.error_renderer is not None:
            try:
                return complete(request.error_renderer.render(request, error), error)
            except Exception:  # noqa: BLE001  # it is an application's: the client is told all the same
                _log.failure("request {id}: an error could not be rendered", id=request.id)
        return complete(self._errors.render(request, error), error)

    def acceptableProtocols(self) -> list[bytes]:
        """HTTP/1.1 only: HTTP/2 and HTTP/3 belong to a proxy in front."""
        return [b"http/1.1"]

    def startFactory(self) -> None:
        """Nothing: stock Twisted would open an access log and start a clock for it."""

    def stopFactory(self) -> None:
        """Nothing, as above."""

    def log(self, request: object) -> None:
        """Nothing: a layer writes the one line per request."""


def _finish_stock(request: Request, body: bytes) -> None:
    """Answer with what a resource made for stock Twisted has returned."""
    # An answer to HEAD has said the length of what it leaves out; a 304 has none (RFC 9110 section 8.6).
    if request.code not in NO_BODY_CODES and not request.responseHeaders.hasHeader(b"Content-Length"):
        request.setHeader(b"Content-Length", b"%d" % len(body))
    request.write(body)
    request.finish()


def _overridden(layers: Sequence[Layer], name: str) -> tuple[Callable[..., Any], ...]:
    return tuple(getattr(layer, name) for layer in layers if getattr(type(layer), name) is not getattr(Layer, name))
