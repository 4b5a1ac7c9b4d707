"""
The HTTP/1.1 channel: framing, deadlines and refusals of bytes that never become a request.

It leans on names which Twisted keeps to itself; ``tests/test_private_names.py`` finds them, here and in its neighbours.
"""

from __future__ import annotations

from math import inf
from typing import TYPE_CHECKING, Any, Final

from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol, ISSLTransport, ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel
from zope.interface import implementer

from cloudsvc.web.body import BodyFlow
from cloudsvc.web.bounds import Phase
from cloudsvc.web.descriptors import count_pending, limit_reads
from cloudsvc.web.errors import HTTPError
from cloudsvc.web.framing import FRAMING_FIELDS, LONGEST_LENGTH, examine_head
from cloudsvc.web.pace import Pace
from cloudsvc.web.plain_heads import PlainHead, read_plain_head

if TYPE_CHECKING:
    from cloudsvc.web.body import Body
    from cloudsvc.web.connections import Connections
    from cloudsvc.web.request import Request
    from cloudsvc.web.site import Site

REFUSED_BYTES: Final = 32 * 1024
"""Beyond this nothing more is read of a refused request; with the last read and the head, less than 64 KiB are."""

_SPARING: Final = 16 * 1024
"""Bytes that one read of the socket may bring once the request is refused."""

_USUAL: Final = 64 * 1024
"""Bytes that one read may bring otherwise: less than what is taken of a refused request."""

_GENEROUS: Final = 256 * 1024
"""Bytes that one read may bring of a body that is wanted."""


@implementer(IHalfCloseableProtocol)
class Channel(HTTPChannel, BodyFlow):
    """One connection."""

    # As in Request: what is not in the instance's dictionary leaves it compact.
    __slots__ = (
        "_allowed",
        "_body_paused",
        "_discarded",
        "_half_closed",
        "_host",
        "_most_query",
        "_pace",
        "_peer",
        "_seconds",
        "connections",
        "deadline",
        "phase",
    )

    site: Site
    transport: Any  # TCP, TLS or Unix: no one interface of Twisted's has all that each of them can do

    def __init__(self) -> None:
        super().__init__()
        self.deadline = inf
        self.phase = Phase.CONNECTED
        self._peer: IAddress | None = None
        self._host: IAddress | None = None
        self._discarded = 0
        self._body_paused = False
        self._half_closed = False

    # -- the connection ------------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """Register the connection, or close it at once where a bound is reached."""
        self.connections: Connections = self.site.connections
        head = self.site.head_bounds
        self.MAX_LENGTH = head.line_bytes
        self.totalHeadersSize = head.total_bytes
        self.maxHeaders = head.fields
        self._most_query = head.query_bytes
        self._seconds = self.connections.clock.seconds
        self._allowed = self.connections.bounds.by_phase
        self._pace = Pace(self.connections.bounds)
        super().connectionMade()
        if self.connections.admit(self):
            self._enter(Phase.CONNECTED)
        else:
            self._enter(Phase.CLOSING)
            self.abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Tell the request under way, and leave the register."""
        self.connections.remove(self)
        super().connectionLost(reason)

    def getPeer(self) -> IAddress:
        """The other end. It stays the same, while asking the system for it at each request costs."""
        if self._peer is None:
            self._peer = self.transport.getPeer()
        return self._peer

    def getHost(self) -> IAddress:
        """Our end, as :meth:`getPeer`."""
        if self._host is None:
            self._host = self.transport.getHost()
        return self._host

    def _enter(self, phase: Phase) -> None:
        self.phase = phase
        self.deadline = self._seconds() + self._allowed[phase]

    def deadline_passed(self) -> None:
        """The current phase has taken too long."""
        match self.phase:
            case Phase.CONNECTED | Phase.IDLE:
                self._close()
            case Phase.HEADERS:
                self.refuse(HTTPError(408, "headers_too_slow", "The request's headers took too long to arrive."))
            case Phase.BODY:
                self._judge_body_rate()
            case Phase.HANDLING | Phase.CLOSING:
                self._judge_taking()

    def retire(self) -> None:
        """Close now when idle, otherwise after the answer that is under way."""
        self.persistent = False
        if self.phase in {Phase.CONNECTED, Phase.IDLE}:
            self._close()

    def abort(self) -> None:
        """Close at once, whatever is under way."""
        self.transport.abortConnection()

    def _close(self) -> None:
        # Over TLS bytes go on arriving until the client agrees: a request among them must not be begun.
        self._enter(Phase.CLOSING)
        self.persistent = False
        self.setRawMode()
        self.loseConnection()

    def readConnectionLost(self) -> None:
        """The client has said all it will say, and may still listen (RFC 9112 section 9.6)."""
        # A whole request is answered. Reading goes on after that, and finds the end again.
        self._half_closed = True
        if self.phase is not Phase.HANDLING:
            self.loseConnection()

    def writeConnectionLost(self) -> None:
        """Our side has ended, as :meth:`linger` asked."""

    # -- the head ------------------------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """Take bytes from the client."""
        while data and not self.paused and (self.phase is Phase.IDLE or self.phase is Phase.CONNECTED):
            head = None
            if not self._buffer:
                head = read_plain_head(data, most_bytes=self.MAX_LENGTH, most_fields=self.maxHeaders)
            if head is None:
                self._enter(Phase.HEADERS)
                break
            self._start_request(head)
            data = data[head.size :]
        if data:
            super().dataReceived(data)

    def _start_request(self, head: PlainHead) -> None:
        """Do what Twisted's parser would have done by the end of ``head``."""
        request = self.requestFactory(self, False)  # noqa: FBT003  # Twisted's "queued"
        self.requests.append(request)
        request.requestHeaders._rawHeaders = head.fields
        self._command, self._path, self._version = head.method, head.target, b"HTTP/1.1"
        self.allHeadersReceived()
        self.allContentReceived()

    def lineLengthExceeded(self, line: bytes) -> None:
        """A request line or header line is longer than allowed (RFC 9110 section 15.5.15, RFC 6585 section 5)."""
        if self._in_request_line():
            self.refuse(HTTPError(414, "uri_too_long", "The request target is too long."))
        else:
            self.refuse(HTTPError(431, "header_too_large", "A header line is too long."))

    def allHeadersReceived(self) -> None:
        """Judge the head as a whole; then the request starts, whether its body has arrived or not."""
        request: Request = self.requests[-1]
        fields = request.requestHeaders._rawHeaders
        problem = examine_head(fields, self._version, self._path, self.length, self._most_query)
        if problem is not None:
            self.refuse(problem)
            return
        if b"Cookie" in fields:
            request.parseCookies()
        stays = b"Connection" not in fields and self._version == b"HTTP/1.1"
        self.persistent = (stays or self.checkPersistence(request, self._version)) and not self.connections.draining
        if self.length != 0:
            self._enter(Phase.BODY)
            self._pace.begin_body()
        request.head_received(self._command, self._path, self._version, self.length)

    def allContentReceived(self) -> None:
        """The request is here in full."""
        if self.phase is Phase.CLOSING:
            return
        self.phase, self.deadline = Phase.HANDLING, inf
        super().allContentReceived()

    def requestDone(self, request: Request) -> None:
        """The answer is written: go on with the next request, or close once the client has taken it."""
        kept_waiting = self._body_paused or self._half_closed or bool(self._dataBuffer)
        self._body_paused = False
        if not self.persistent:
            self._enter(Phase.CLOSING)
            super().requestDone(request)
            self._wait_for_client()
            return
        self._enter(Phase.IDLE)
        # What Twisted does here, but for asking the reactor each time to go on with what it never stopped.
        del self.requests[0]
        self._handlingRequest = False
        if kept_waiting and not self._waitingForTransport:
            self._networkProducer.resumeProducing()
        self.line_mode = 1
        if self._dataBuffer:
            data, self._dataBuffer = b"".join(self._dataBuffer), []
            self.dataReceived(data)

    def _in_request_line(self) -> bool:
        return not hasattr(self, "_command")

    def _maybeChooseTransferDecoder(self, header: bytes, data: bytes) -> bool:
        if header not in FRAMING_FIELDS:
            return True
        if len(data) > LONGEST_LENGTH:
            return bool(self._failChooseTransferDecoder())
        return bool(super()._maybeChooseTransferDecoder(header, data))

    # -- the body ------------------------------------------------------------------------------------------------

    def rawDataReceived(self, data: bytes) -> None:
        """Pass on bytes of the body; throw away what follows a refusal, up to a bound."""
        if self.phase is Phase.CLOSING:
            self._discard(data)
            return
        super().rawDataReceived(data)
        self._adapt_reads()

    def invite(self) -> None:
        """Say ``100 Continue`` to a client that waits for it (RFC 9110 section 10.1.1)."""
        request: Request = self.requests[-1]
        if request.expects_continue and not request.startedWriting:
            request.expects_continue = False
            self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def pause(self) -> None:
        """Take no more bytes of the body for now."""
        self._body_paused = True
        self._pace.hold()
        self._networkProducer.pauseProducing()

    def resume(self) -> None:
        """Take bytes of the body again."""
        self._body_paused = False
        self._read_on()

    def _read_on(self) -> None:
        """Read from the client again, unless something else still speaks against it."""
        queued = sum(map(len, self._dataBuffer))
        if not (self._body_paused or self._waitingForTransport or queued > self._optimisticEagerReadSize):
            self._networkProducer.resumeProducing()

    def _judge_body_rate(self) -> None:
        request: Request = self.requests[-1]
        held = self._body_paused or self._waitingForTransport
        arrives = self._pace.end_window(request.body.received, held=held)
        if self._seconds() >= self._pace.stalls_at:
            self._judge_taking()
        elif arrives:
            self._enter(Phase.BODY)
        elif request.finished or request.body.failed:
            self.abort()
        else:
            self._enter(Phase.BODY)
            request.body.fail(HTTPError(408, "body_too_slow", "The request's body arrived too slowly."))

    # -- the answer ----------------------------------------------------------------------------------------------

    def pauseProducing(self) -> None:
        """
        The client takes nothing: it may do so for a bounded time only.

        Until it takes something nothing more is read from it, and requests that it has already sent wait. Otherwise
        whoever sends requests and takes no answers would fill the memory.
        """
        super().pauseProducing()
        self.paused = True
        self._pace.hold()
        self._networkProducer.pauseProducing()
        self._wait_for_client()

    def resumeProducing(self) -> None:
        """The client has taken what was waiting for it."""
        self.paused = self._waitingForTransport = False
        self._pace.end_waiting()
        if self.phase is Phase.HANDLING:
            self.deadline = inf
        if self._requestProducer is not None:
            self._requestProducer.resumeProducing()
        self._read_on()
        if self._buffer:
            super().dataReceived(b"")

    def _wait_for_client(self) -> None:
        self._pace.await_taking(count_pending(self.transport), self._seconds())
        if self.phase is not Phase.BODY:
            self.deadline = self._pace.stalls_at

    def _judge_taking(self) -> None:
        if self._pace.has_taken(count_pending(self.transport)):
            self._wait_for_client()
        else:
            self.abort()

    def refuse(self, error: HTTPError) -> None:
        """
        Answer bytes that are no acceptable request, then close. Nothing is appended to an answer already begun.

        Twisted calls this in the middle of parsing; raw mode makes its parser hand what follows to the bin.
        """
        if self.phase is Phase.CLOSING:
            return
        self.persistent = False
        if not self.requests:
            self.requests.append(self.requestFactory(self, False))  # noqa: FBT003  # Twisted's "queued"
        request: Request = self.requests[-1]
        if request.begun:
            if request.startedWriting:
                self._close()
            else:
                request.body.fail(error)
            return
        self.setRawMode()
        request.refuse_head(
            error, getattr(self, "_command", b"-"), getattr(self, "_path", b"-"), getattr(self, "_version", b"HTTP/1.1")
        )

    def linger(self) -> None:
        """
        Close after an answer that did not wait for the whole request.

        Closing a socket with unread bytes resets the connection, which can destroy the answer before the client has
        read it (RFC 9112 section 9.6). So our side ends first, some bytes are thrown away, and the deadline ends it.
        """
        self._enter(Phase.CLOSING)
        self.setRawMode()
        limit_reads(self.transport, _SPARING)
        plain = ITCPTransport(self.transport, None)
        if plain is None or ISSLTransport.providedBy(self.transport):
            self.loseConnection()
        else:
            self.transport.unregisterProducer()
            plain.loseWriteConnection()
        # Twisted's parser stops where a connection is being closed, and forgets what has come together with the head.
        rest, self._buffer = self._buffer, b""
        self._discard(rest)

    def _discard(self, data: bytes) -> None:
        """Throw bytes of a refused request away, and take no more when they are too many."""
        self._discarded += len(data)
        if self._discarded > REFUSED_BYTES:
            self._networkProducer.pauseProducing()

    def _adapt_reads(self) -> None:
        """Read a body of known length in large pieces, as soon as somebody wants it, and nothing of what follows it."""
        most = _USUAL
        if self.phase is Phase.BODY:
            body: Body = self.requests[-1].body
            if body.length is not None and body.invited:
                most = max(_USUAL, min(_GENEROUS, body.length - body.received))
        if self.phase is not Phase.CLOSING:
            limit_reads(self.transport, most)

    def _respondToBadRequestAndDisconnect(self) -> None:
        if self._receivedHeaderSize > self.totalHeadersSize:
            status = 414 if self._in_request_line() else 431
            self.refuse(HTTPError(status, "header_too_large", "The request's headers are too large."))
        elif self._receivedHeaderCount > self.maxHeaders:
            self.refuse(HTTPError(431, "too_many_headers", "The request has too many header fields."))
        else:
            self.refuse(HTTPError(400, "bad_request", "The request is not well-formed HTTP/1.1."))
