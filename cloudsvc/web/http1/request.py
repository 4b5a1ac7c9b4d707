"""Request that starts when its headers are complete and answers in one place."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence, Set
from http import HTTPStatus
from typing import Any, Final, Protocol

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import parse_qs
from twisted.web.http_headers import Headers

from cloudsvc.access.clients import Client
from cloudsvc.core.actors import Actor, Principal
from cloudsvc.core.coroutines import start
from cloudsvc.web.errors import HTTPError, as_http_error
from cloudsvc.web.http1.exchange import SAFE_METHODS, Exchange, RequestChannel
from cloudsvc.web.responses import Response

CLIENT_CLOSED_REQUEST: Final = 499
"""What logs and metrics call a request whose client left before the answer (nginx's number; never sent)."""

UNMATCHED: Final = "unmatched"

_log = Logger("cloudsvc.web")


class RequestSite(Protocol):
    """
    What requests need of the site that they are for.

    :ivar on_request: called in turn when a head is complete; the first response ends the request.
    :ivar on_head: give lines to add to the head of an answer, which has fields of these names.
    :ivar on_done: called when an answer is complete, or its client gone.
    :ivar monotonic: seconds of the site's clock.
    """

    @property
    def on_request(self) -> Sequence[Callable[[Request], Response | None]]: ...

    @property
    def on_head(self) -> Sequence[Callable[[Request, Set[bytes]], bytes]]: ...

    @property
    def on_done(self) -> Sequence[Callable[[Request], None]]: ...

    @property
    def monotonic(self) -> Callable[[], float]: ...

    def handle(self, request: Request) -> None:
        """Find what answers ``request``, and let it."""
        ...

    def serialise(self, value: object, status: int) -> Response:
        """What a handler returned, a message with ``status``."""
        ...

    def report(self, request: Request, error: HTTPError) -> Response:
        """The answer that reports ``error``."""
        ...


class ErrorRenderer(Protocol):
    """
    The form that errors of an application have on the wire.

    :ivar produces: media types of what it renders, with their OpenAPI schemas.
    """

    @property
    def produces(self) -> Mapping[str, Mapping[str, Any]]: ...

    def render(self, request: Request, error: HTTPError) -> Response:
        """
        The answer that reports ``error``, with its status. Header fields of ``error`` that it lacks are added to it.

        :param request: has its id and its headers, but perhaps no principal.
        """
        ...


class Request(Exchange):
    """
    One request and its answer.

    :ivar id: names this request in answers and logs.
    :ivar sender: the client, as identified behind trusted proxies.
    :ivar pattern: the pattern of the matching route with its prefix, or ``unmatched``.
    :ivar principal: who acts; set by the guard of the route.
    :ivar target_id: the id of what it has made or changed, for the audit, set by its handler; empty where it has none.
    :ivar arrived_at: when the head was complete, on the site's monotonic clock.
    :ivar error_renderer: of the application that the request is for; without one, the site's.
    """

    __slots__ = (
        "_done",
        "arrived_at",
        "error_renderer",
        "id",
        "pattern",
        "principal",
        "segments",
        "sender",
        "target_id",
    )

    site: RequestSite  # type: ignore[assignment]  # all that is asked of it, which is not all of Twisted's
    id: str
    sender: Client
    arrived_at: float

    def __init__(self, channel: RequestChannel, queued: bool = False) -> None:  # noqa: FBT001, FBT002  # Twisted's signature
        super().__init__(channel, queued)
        self.principal: Principal | None = None
        self.pattern = UNMATCHED
        self.segments: tuple[str, ...] = ()
        self.target_id = ""
        self.error_renderer: ErrorRenderer | None = None
        self._done = False

    @property
    def actor(self) -> Actor:
        """On whose behalf this request acts. Only routes behind ``@authorized`` have one."""
        if self.principal is None:
            raise RuntimeError(f"the route {self.pattern} has no @authorized guard, so there is no actor")
        return self.principal.actor

    @property
    def status(self) -> int:
        """The status of the answer, or 499 where the client left before it was complete."""
        return self.code if self.finished else CLIENT_CLOSED_REQUEST

    @property
    def args(self) -> dict[bytes, list[bytes]]:  # type: ignore[override]  # Twisted has an attribute
        """The query as Twisted parses it, when it is asked for: thousands of parameters take milliseconds."""
        query = self.uri.partition(b"?")[2]
        found: dict[bytes, list[bytes]] = parse_qs(query, True)  # noqa: FBT003  # keep_blank_values
        return found

    def getCookie(self, key: bytes) -> bytes | None:
        """The value of a cookie (RFC 6265 section 5.4), which are read when one is asked for, for the same reason."""
        if not self.received_cookies:
            self.parseCookies()
        found: bytes | None = self.received_cookies.get(key)
        return found

    # -- handling ------------------------------------------------------------------------------------------------

    def process(self) -> None:
        """Pass the layers, and let the site find what answers."""
        try:
            response = self.begin()
            if response is not None:
                self.respond(response)
            elif self.channel.left and self.method in SAFE_METHODS:
                self.respond(Response(status=CLIENT_CLOSED_REQUEST))
            else:
                self.site.handle(self)
        except Exception as problem:  # noqa: BLE001  # the last resort: the client gets an answer, the log the traceback
            self.refuse(problem)

    def begin(self) -> Response | None:
        """Pass the layers."""
        self.begun = True
        site: RequestSite = self.channel.site
        self.site = site
        self.arrived_at = site.monotonic()
        for on_request in site.on_request:
            response = on_request(self)
            if response is not None:
                return response
        return None

    def run(self, work: Coroutine[Any, Any, Any], status: int) -> None:
        """Send what ``work`` returns, a message with ``status``; cancel it when the client leaves."""
        result = start(work)
        if type(result) is Deferred:  # isinstance asks the abstract base class behind it, in Python
            self._running = result
            result.addCallback(self._respond_with, status)
            result.addErrback(self._refuse_failure)
        else:
            self._respond_with(result, status)

    def _respond_with(self, value: object, status: int) -> None:
        self._running = None
        self.respond(self.site.serialise(value, status))

    # -- the answer ----------------------------------------------------------------------------------------------

    def refuse(self, problem: BaseException, failure: Failure | None = None) -> None:
        """Tell the client about ``problem``; of an unexpected one it learns the request id only."""
        if self._disconnected:
            if not isinstance(problem, (CancelledError, ConnectionError)):
                _log.failure("request {id} failed after its client had left", failure or Failure(problem), id=self.id)
            return
        error = as_http_error(problem)
        if error is None:
            _log.failure("request {id} failed", failure or Failure(problem), id=self.id)
            error = HTTPError(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "internal_error",
                "Something went wrong in the server. Its log says more under the request id.",
            )
        if self.startedWriting:
            # Half an answer cannot be taken back: a closed connection is the only truth left to tell.
            self.channel.abort()
            return
        # What a resource had prepared belongs to the answer that there is none of.
        self.responseHeaders = Headers()
        self.cookies = []
        self.etag = self.lastModified = None
        self.respond(self.site.report(self, error))

    def list_added_lines(self, names: Set[bytes]) -> Sequence[bytes]:
        """What the layers add to the head of the answer."""
        return [on_head(self, names) for on_head in self.site.on_head]

    def end_layers(self) -> None:
        """Tell the layers, once."""
        if self.begun and not self._done:
            self._done = True
            for on_done in self.site.on_done:
                on_done(self)
