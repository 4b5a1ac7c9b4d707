"""A request that starts when its headers are complete and answers in one place."""

from __future__ import annotations

from collections.abc import Coroutine
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web import server
from twisted.web.error import UnsupportedMethod
from twisted.web.http import NO_BODY_CODES, datetimeToString, parse_qs
from twisted.web.http_headers import Headers
from twisted.web.resource import IResource
from twisted.web.server import NOT_DONE_YET

from cloudsvc.access.clients import Client
from cloudsvc.core.actors import Actor, Principal
from cloudsvc.core.coroutines import start
from cloudsvc.web.body import NO_BODY, Body
from cloudsvc.web.errors import HTTPError, as_http_error, method_not_allowed
from cloudsvc.web.heads import spell_fields, spell_status
from cloudsvc.web.responses import ErrorMessage, HeaderList, Message, Reply, Response, StreamedMessage
from cloudsvc.web.streaming import LARGEST_PIECE, cut, stream
from cloudsvc.web.targets import decode_path

if TYPE_CHECKING:
    from cloudsvc.web.channel import Channel
    from cloudsvc.web.site import Site

CLIENT_CLOSED_REQUEST: Final = 499
"""What logs and metrics call a request whose client left before the answer (nginx's number; never sent)."""

UNMATCHED: Final = "unmatched"
_SMALL: Final = 48 * 1024
"""A body up to this size is thrown away after an early answer, so that its connection can be kept."""

_PHRASES: Final = {status.value: status.phrase.encode("ascii") for status in HTTPStatus}

_log = Logger("cloudsvc.web")


class Request(server.Request):
    """
    One request and its answer.

    :ivar id: names this request in answers and logs.
    :ivar sender: the client, as identified behind trusted proxies.
    :ivar pattern: the pattern of the matching route with its prefix, or ``unmatched``.
    :ivar principal: who acts; set by the guard of the route.
    :ivar body: the body as a stream.
    :ivar arrived_at: when the head was complete, on the site's monotonic clock.
    :ivar begun: whether handling has started.
    """

    # Beyond thirty attributes CPython gives up the compact layout of an instance, and Twisted's request comes close.
    __slots__ = (
        "_concluded",
        "_fields",
        "_length",
        "_running",
        "arrived_at",
        "begun",
        "body",
        "expects_continue",
        "id",
        "pattern",
        "principal",
        "segments",
        "sender",
    )

    defaultContentType = None
    channel: Channel
    site: Site
    id: str
    sender: Client
    body: Body
    arrived_at: float

    def __init__(self, channel: Channel, queued: bool = False) -> None:  # noqa: FBT001, FBT002  # Twisted's signature
        super().__init__(channel, queued)
        self.principal: Principal | None = None
        self.pattern = UNMATCHED
        self.segments: tuple[str, ...] = ()
        self.begun = False
        self.expects_continue = False
        self._running: Deferred[Any] | None = None
        self._fields: HeaderList = ()
        self._length: int | None = None
        self._concluded = False

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

    # -- from the channel ----------------------------------------------------------------------------------------

    def head_received(self, method: bytes, uri: bytes, version: bytes, length: int | None) -> None:
        """The head is complete. Without a body, :meth:`requestReceived` follows at once and starts the handling."""
        self._set_target(method, uri, version)
        self.body = NO_BODY if length == 0 else Body(length, self.channel)
        if length != 0:
            expect = self.requestHeaders.getRawHeaders(b"expect")
            if expect is not None and version == b"HTTP/1.1":
                if len(expect) == 1 and expect[0].lower() == b"100-continue":
                    self.expects_continue = True
                else:
                    self._begin()
                    self.refuse(HTTPError(417, "expectation_failed", "Only Expect: 100-continue is supported."))
                    return
            self.process()

    def handleContentChunk(self, data: bytes) -> None:
        """Pass a piece of the body to its stream."""
        self.expects_continue = False
        self.body.feed(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """The last byte of the request has arrived."""
        answered = self.finished
        if not self.body.complete:
            self.body.end()
        if answered:
            self._cleanup()
        elif not self.begun:
            self.process()

    def refuse_head(self, error: HTTPError, method: bytes, uri: bytes, version: bytes) -> None:
        """Answer bytes that never became a request."""
        self._set_target(method, uri, version)
        self.body = Body(None, self.channel)
        self.requestHeaders = Headers()
        self._begin()
        self.refuse(error)

    def connectionLost(self, reason: Failure) -> None:
        """The client left: whoever works on the answer is told."""
        super().connectionLost(reason)
        if self.begun:
            self.body.fail(ConnectionAbortedError("the client closed the connection before the end of its request"))
        if self._running is not None:
            self._running.cancel()
        self._conclude()

    def _set_target(self, method: bytes, uri: bytes, version: bytes) -> None:
        self.method, self.uri, self.clientproto = method, uri, version
        self.path, _, query = uri.partition(b"?")
        self.args = parse_qs(query, True) if query else {}  # noqa: FBT003  # keep_blank_values

    # -- handling ------------------------------------------------------------------------------------------------

    def process(self) -> None:
        """Pass the layers, find the resource and let it answer."""
        try:
            response = self._begin()
            if response is not None:
                self.respond(response)
                return
            self.segments = decode_path(self.path)
            self.render(self.site.tree.find(self.segments))
        except Exception as problem:  # noqa: BLE001  # the last resort: the client gets an answer, the log the traceback
            self.refuse(problem)

    def _begin(self) -> Response | None:
        self.begun = True
        self.site = self.channel.site
        self.arrived_at = self.site.monotonic()
        for arrive in self.site.arrivals:
            response: Response | None = arrive(self)
            if response is not None:
                return response
        return None

    def render(self, resrc: IResource) -> None:
        """Let a resource answer, ours or any other."""
        try:
            body = resrc.render(self)
        except UnsupportedMethod as problem:
            raise method_not_allowed(problem.allowedMethods) from problem
        if body is not NOT_DONE_YET:
            # An answer to HEAD has said the length of what it leaves out; a 304 has none (RFC 9110 section 8.6).
            if self.code not in NO_BODY_CODES and not self.responseHeaders.hasHeader(b"Content-Length"):
                self.setHeader(b"Content-Length", b"%d" % len(body))
            self.write(body)
            self.finish()

    def run(self, work: Coroutine[Any, Any, Any], status: int) -> None:
        """Send what ``work`` returns, a message with ``status``; cancel it when the client leaves."""
        result = start(work)
        if type(result) is Deferred:  # isinstance asks the abstract base class behind it, in Python
            self._running = result
            result.addCallback(self._answer, status)
            result.addErrback(self._refuse_failure)
        else:
            self._answer(result, status)

    def _answer(self, value: object, status: int) -> None:
        self._running = None
        if isinstance(value, Message):
            value = self.site.codec.render(value, status=status)
        elif isinstance(value, Reply):
            value = self.site.codec.render(value.message, status=value.status, headers=value.headers)
        elif isinstance(value, StreamedMessage):
            value = self.site.codec.stream(value, status=status)
        if not isinstance(value, Response):
            raise TypeError(f"the handler of {self.pattern} returned {type(value).__name__}, no Message or Response")
        self.respond(value)

    # -- the answer ----------------------------------------------------------------------------------------------

    def respond(self, response: Response) -> None:
        """Send ``response``."""
        if self._disconnected:
            return
        self.code, self.code_message = response.status, _PHRASES.get(response.status, b"")
        self._fields = response.headers
        body, length = response.body, response.length
        if isinstance(body, bytes):
            length = len(body)
        self._length = None if response.status in NO_BODY_CODES else length
        if isinstance(body, bytes) and len(body) <= LARGEST_PIECE:
            self.write(body)
            self.finish()
        else:
            if isinstance(body, bytes):
                body = cut(body)
            self._running = Deferred.fromCoroutine(stream(self, body, response.length))
            self._running.addErrback(self._refuse_failure)

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
        self.responseHeaders = Headers()
        self.cookies = []
        message = ErrorMessage(message=error.message, error=error.error, request_id=self.id)
        self.respond(self.site.codec.render(message, status=error.status, headers=error.headers))

    def _refuse_failure(self, failure: Failure) -> None:
        self.refuse(failure.value or RuntimeError("a failure without an exception"), failure)

    def write(self, data: bytes) -> None:
        """Write a piece of the content; the first one takes the head along, in one piece with it."""
        if self.finished:
            raise RuntimeError("the answer is complete already")
        if self._disconnected:
            return
        head = b""
        if not self.startedWriting:
            self.startedWriting = 1
            head = self._make_head()
        if not self._may_have_content():
            data = b""
        self.sentLength += len(data)
        if self.chunked and data:
            data = b"%x\r\n%b\r\n" % (len(data), data)
        if head or data:
            self.channel.transport.write(head + data)

    def _make_head(self) -> bytes:
        """The status line, the handler's fields, those of the content's framing, and the layers' lines."""
        names, lines = spell_fields(self._collect_fields())
        framing = b""
        if self._length is not None:
            framing = b"Content-Length: %d\r\n" % self._length
        elif self.clientproto == b"HTTP/1.1" and b"content-length" not in names and self._may_have_content():
            self.chunked = 1
            framing = b"Transfer-Encoding: chunked\r\n"
        if not (self.body.complete or self._keeps_connection()):
            self.channel.persistent = False
        if not self.channel.persistent and b"connection" not in names:
            framing += b"Connection: close\r\n"
        status = spell_status(self.clientproto, self.code, self.code_message)
        added = [depart(self, names) for depart in self.site.departures]
        return b"".join([status, lines, framing, *added, b"\r\n"])

    def _collect_fields(self) -> HeaderList:
        # Resources made for stock Twisted leave these three for the head.
        if self.lastModified is not None:
            self.setHeader(b"Last-Modified", datetimeToString(self.lastModified))
        if self.etag is not None:
            self.setHeader(b"ETag", self.etag)
        if self.cookies:
            self.responseHeaders.setRawHeaders(b"Set-Cookie", self.cookies)
        fields = self._fields
        for name, values in self.responseHeaders.getAllRawHeaders():
            fields += tuple((name, value) for value in values)
        return fields

    def _may_have_content(self) -> bool:
        return self.method != b"HEAD" and self.code not in NO_BODY_CODES

    def finish(self) -> None:
        """The answer is complete."""
        if self._disconnected or self.finished:
            return
        if not self.startedWriting:
            self.write(b"")
        if self.chunked:
            self.channel.write(b"0\r\n\r\n")
        self.finished = 1
        self._conclude()
        if self.body.complete:
            self._cleanup()
            return
        self.body.discard()
        if not self.channel.persistent:
            for notified in self.notifications:
                notified.callback(None)
            self.notifications = []
            self.channel.linger()

    def _keeps_connection(self) -> bool:
        """Whether the connection can carry another request although the answer ends before the request has."""
        body = self.body
        return body.length is not None and body.length - body.received <= _SMALL and not self.expects_continue

    def _conclude(self) -> None:
        if self.begun and not self._concluded:
            self._concluded = True
            for conclude in self.site.conclusions:
                conclude(self)
