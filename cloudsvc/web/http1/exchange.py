"""Exchange of one request and its answer with the channel: what arrives of the one, what is written of the other."""

from __future__ import annotations

from collections.abc import Callable, Sequence, Set
from http import HTTPStatus
from typing import Any, Final, Protocol

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import datetimeToString
from twisted.web.http_headers import Headers

from cloudsvc.core.private_names import Request as TwistedRequest
from cloudsvc.core.transports import send_promptly
from cloudsvc.web.errors import HTTPError
from cloudsvc.web.http1.answer import LAST_CHUNK, Answer
from cloudsvc.web.http1.body import NO_BODY, Body, BodyFlow
from cloudsvc.web.http1.streaming import LARGEST_PIECE, cut, stream
from cloudsvc.web.responses import HeaderList, Response

SAFE_METHODS: Final = frozenset({b"GET", b"HEAD", b"OPTIONS", b"TRACE"})
"""What changes nothing (RFC 9110 section 9.2.1), so that nobody is worse off when it is dropped with its client."""

_SMALL: Final = 48 * 1024
"""A body up to this size is thrown away after an early answer, so that its connection can be kept."""

_PHRASES: Final = {status.value: status.phrase.encode("ascii") for status in HTTPStatus}

_log = Logger("cloudsvc.web")


class RequestChannel(Protocol):
    """
    What a request needs of its channel.

    :ivar left: whether the client has.
    :ivar persistent: whether the connection goes on after this request.
    :ivar intake: steers the reading of the body.
    :ivar accepted_key: digest of the last credential shown on the connection, where that was accepted.
    """

    transport: Any
    left: bool
    persistent: bool
    accepted_key: int | None

    @property
    def site(self) -> Any: ...

    @property
    def intake(self) -> BodyFlow: ...

    def abort(self) -> None: ...

    def linger(self) -> None: ...

    def call_soon(self, function: Callable[[], Any]) -> None: ...


class Exchange(TwistedRequest):
    """
    A request as its channel knows it. What is done with it, its subclass decides.

    :ivar body: the body as a stream.
    :ivar begun: whether handling has started.
    :ivar expects_continue: whether the client waits to be asked for the body.
    """

    # Beyond thirty attributes CPython gives up the compact layout of an instance, and Twisted's request comes close.
    __slots__ = ("_answer", "_fields", "_running", "begun", "body", "expects_continue")

    defaultContentType = None
    channel: RequestChannel  # type: ignore[assignment]  # all that is asked of it, which is not all of Twisted's
    id: str
    body: Body

    def __init__(self, channel: RequestChannel, queued: bool = False) -> None:  # noqa: FBT001, FBT002  # Twisted's signature
        super().__init__(channel, queued)
        self.begun = False
        self.expects_continue = False
        self._running: Deferred[Any] | None = None
        self._fields: HeaderList = ()
        self._answer: Answer | None = None

    def begin(self) -> Response | None:
        """Begin to handle the request; a response is its answer already."""
        raise NotImplementedError

    def process(self) -> None:
        """Handle the request, whose head is complete."""
        raise NotImplementedError

    def refuse(self, problem: BaseException, failure: Failure | None = None) -> None:
        """Tell the client about ``problem``."""
        raise NotImplementedError

    def list_added_lines(self, names: Set[bytes]) -> Sequence[bytes]:
        """Lines to add to the head of the answer, which has fields of these names."""
        raise NotImplementedError

    def end_layers(self) -> None:
        """The answer is complete, or the client gone."""
        raise NotImplementedError

    @property
    def content_sent(self) -> int:
        """Bytes of the answer's content that have been written."""
        return 0 if self._answer is None else self._answer.written

    # -- from the channel ----------------------------------------------------------------------------------------

    def head_received(self, method: bytes, uri: bytes, version: bytes, length: int | None) -> None:
        """The head is complete. Without a body, :meth:`requestReceived` follows at once and starts the handling."""
        self._set_target(method, uri, version)
        self.body = NO_BODY if length == 0 else Body(length, self.channel.intake)
        if length != 0:
            expect = self.requestHeaders.getRawHeaders(b"expect")
            if expect is not None and version == b"HTTP/1.1":
                if len(expect) == 1 and expect[0].lower() == b"100-continue":
                    self.expects_continue = True
                else:
                    self.begin()
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
        self.body = Body(None, self.channel.intake)
        # Nothing of such a head is believed but in which form its client can read why it is refused.
        accept = self.requestHeaders.getRawHeaders(b"accept", ())
        self.requestHeaders = Headers({b"accept": accept})
        self.begin()
        self.refuse(error)

    def connectionLost(self, reason: Failure) -> None:
        """The client left: whoever works on the answer is told."""
        super().connectionLost(reason)
        if self.begun:
            self.body.fail(ConnectionAbortedError("the client closed the connection before the end of its request"))
        if self._running is not None:
            self._running.cancel()
        self.end_layers()

    @property
    def must_finish(self) -> bool:
        """
        Whether the handler goes on although its client has left.

        That is so while it may change something (RFC 9110 section 9.2.1) and has all that it needs for it: half of what
        was asked for would be done otherwise, by chance, or all of it, and nobody could say which.
        """
        return (
            self._running is not None
            and self._answer is None
            and self.body.complete
            and self.method not in SAFE_METHODS
        )

    def _set_target(self, method: bytes, uri: bytes, version: bytes) -> None:
        self.method, self.uri, self.clientproto = method, uri, version
        self.path = uri.partition(b"?")[0]

    # -- the answer ----------------------------------------------------------------------------------------------

    def respond(self, response: Response) -> None:
        """Send ``response``."""
        if self._disconnected:
            return
        self.code, self.code_message = response.status, _PHRASES.get(response.status, b"")
        self._fields = response.headers
        body, length = response.body, response.length
        if self.channel.left:
            body = b""
        if isinstance(body, bytes) and length is None:
            length = len(body)
        self._answer = Answer.of(self.code, self.code_message, length, is_head=self.method == b"HEAD")
        self._answer.is_live = response.is_live
        if isinstance(body, bytes) and len(body) <= LARGEST_PIECE:
            self.write(body)
            self.finish()
        else:
            if isinstance(body, bytes):
                body = cut(body)
            self._running = Deferred.fromCoroutine(stream(self, body))
            self._running.addErrback(self._refuse_failure)

    def _refuse_failure(self, failure: Failure) -> None:
        self.refuse(failure.value or RuntimeError("a failure without an exception"), failure)

    def write(self, data: bytes) -> None:
        """
        Write a piece of the content; the first one takes the head along, in one piece with it.

        Where it is more than the head has announced, the connection ends with this answer; see :class:`Answer`.
        """
        answer = self._answer
        if self.finished:
            if answer is not None and answer.overran:
                return
            raise RuntimeError("the answer is complete already")
        if self._disconnected:
            return
        if answer is None:
            # A resource made for stock Twisted has said the status, and nothing of the length but by a field.
            answer = self._answer = Answer.of(self.code, self.code_message, None, is_head=self.method == b"HEAD")
        head = b""
        if not self.startedWriting:
            self.startedWriting = 1
            head = self._make_head(answer)
        content = answer.frame(data)
        if head or content:
            if answer.is_live:
                send_promptly(self.channel.transport, head + content)
            else:
                self.channel.transport.write(head + content)
        if answer.overran:
            self._end_early(answer)

    def _end_early(self, answer: Answer) -> None:
        """Somebody writes more than was announced: what was announced is the answer, and the last one here."""
        _log.error("request {id} has more content than the {due} bytes announced", id=self.id, due=answer.due)
        self.channel.persistent = False
        if self.producer is not None:
            # Not before it has returned from what it is doing.
            self.channel.call_soon(self.producer.stopProducing)
            self.unregisterProducer()
        self.finish()

    def _make_head(self, answer: Answer) -> bytes:
        channel = self.channel
        keeps = channel.persistent and (self.body.complete or self._keeps_connection())
        head, names, channel.persistent = answer.begin(self._collect_fields(), self.clientproto, persistent=keeps)
        return b"".join([head, *self.list_added_lines(names), b"\r\n"])

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

    def finish(self) -> None:
        """The answer is complete."""
        if self._disconnected or self.finished:
            return
        if not self.startedWriting:
            self.write(b"")
        answer = self._answer
        if answer is not None and answer.missing:
            # Whoever waits for the rest must not take the next answer for it.
            _log.error(
                "request {id} lacks {missing} bytes of the content announced", id=self.id, missing=answer.missing
            )
            self.channel.abort()
            return
        if answer is not None and answer.chunked:
            self.channel.transport.write(LAST_CHUNK)
        self.finished = 1
        self.end_layers()
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
