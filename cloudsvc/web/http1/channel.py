"""
HTTP/1.1 channel: requests, bodies and answers of a connection, and how it ends.

It leans on names which Twisted keeps to itself; they stand in :mod:`cloudsvc.core.private_names`.
"""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import Any, Protocol

from twisted.internet.interfaces import IAddress, IHalfCloseableProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from cloudsvc.core.actors import Principal
from cloudsvc.web.errors import HTTPError
from cloudsvc.web.http1.bounds import HeadBounds, Phase
from cloudsvc.web.http1.connections import Connections
from cloudsvc.web.http1.deadlines import Deadlines
from cloudsvc.web.http1.framing import examine_head, wants_to_stay
from cloudsvc.web.http1.intake import Intake
from cloudsvc.web.http1.nowhere import Nowhere
from cloudsvc.web.http1.pace import Pace
from cloudsvc.web.http1.parser import RequestParser
from cloudsvc.web.http1.request import Request, RequestSite
from cloudsvc.web.http1.turns import REQUESTS


class ChannelSite(RequestSite, Protocol):
    """What channels, and the requests that they make, need of the site."""

    @property
    def connections(self) -> Connections: ...

    @property
    def head_bounds(self) -> HeadBounds: ...


@implementer(IHalfCloseableProtocol)
class Channel(RequestParser):
    """
    One connection.

    :ivar accepted_key: digest of the last key shown on it, where that was accepted.
    """

    # As in Request: what is not in the instance's dictionary leaves it compact.
    __slots__ = (
        "_answered",
        "_half_closed",
        "_heard",
        "_host",
        "_most_query",
        "_peer",
        "_yields",
        "accepted_key",
        "connections",
        "deadlines",
        "intake",
        "left",
    )

    site: ChannelSite
    accepted_key: int | None
    transport: Any  # TCP, TLS or Unix: no one interface of Twisted's has all that each of them can do

    def __init__(self) -> None:
        super().__init__()
        self.accepted_key = None
        self._peer: IAddress | None = None
        self._host: IAddress | None = None
        self._half_closed = False
        self._heard = False
        self._answered = 0
        self._yields = False
        self.left = False

    # -- the connection ------------------------------------------------------------------------------------------

    def connectionMade(self) -> None:
        """Register the connection, or close it at once where a bound is reached."""
        self.connections: Connections = self.site.connections
        head = self.site.head_bounds
        self.MAX_LENGTH = head.line_bytes
        self.totalHeadersSize = head.total_bytes
        self.maxHeaders = head.fields
        self._most_query = head.query_bytes
        pace = Pace(self.connections.bounds)
        self.intake = Intake(pace, self._pause_reading, self._read_on, self._write)
        self.deadlines = Deadlines(self, self.connections, pace, self.intake)
        super().connectionMade()
        if self.connections.admit(self):
            self.deadlines.enter(Phase.CONNECTED)
        else:
            self.deadlines.enter(Phase.CLOSING)
            self.abort()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """Carry through what has arrived whole, tell the request under way otherwise, and leave the register."""
        if self.phase is Phase.CLOSING:
            self._forget(reason)
            return
        self.left = True
        self.transport = self._networkProducer = Nowhere(self.getPeer())
        self.paused = self._yields
        self._waitingForTransport = False
        self.deadlines.pace.end_waiting()
        if self.phase is Phase.HANDLING and not self.requests[0].must_finish:
            self.requests[0].connectionLost(reason)
            self.requestDone(self.requests[0])
        super().dataReceived(b"")
        self._forget_when_done(reason)

    def _forget_when_done(self, reason: Failure = connectionDone) -> None:
        if self.phase is Phase.CLOSING or not (self.phase is Phase.HANDLING or self._yields):
            self._forget(reason)

    def _forget(self, reason: Failure) -> None:
        self.connections.remove(self)
        super().connectionLost(reason)
        self.requests.clear()

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

    @property
    def phase(self) -> Phase:
        """What the connection is doing."""
        return self.deadlines.phase

    @property
    def principal(self) -> Principal | None:
        """Who was let in by the credential of the request that is under way, if anybody was."""
        return self.requests[0].principal if self.requests else None

    @property
    def is_changing(self) -> bool:
        """Whether a request is under way that changes something and has arrived whole."""
        return bool(self.requests) and self.requests[0].must_finish

    @property
    def spare_since(self) -> float:
        """As :attr:`Deadlines.spare_since`; infinite also while a request waits for its turn."""
        return inf if self._yields else self.deadlines.spare_since

    def retire(self) -> None:
        """Close now when idle, otherwise after the answer that is under way."""
        self.persistent = False
        if self.phase in {Phase.CONNECTED, Phase.IDLE}:
            self.close()

    def abort(self) -> None:
        """Close at once. What has arrived whole is carried through all the same."""
        if self.phase is not Phase.HANDLING or not self.requests[0].must_finish:
            self.deadlines.phase = Phase.CLOSING
        self.transport.abortConnection()
        if self.left:
            self._forget_when_done()

    def cut_off(self) -> None:
        """Close at once, whatever is under way."""
        self.deadlines.phase = Phase.CLOSING
        if self.left:
            self._forget(connectionDone)
        else:
            self.transport.abortConnection()

    def close(self) -> None:
        """Close: nothing is under way."""
        # Over TLS bytes go on arriving until the client agrees: a request among them must not be begun.
        self.deadlines.enter(Phase.CLOSING)
        self.persistent = False
        self.setRawMode()
        self.loseConnection()

    def readConnectionLost(self) -> None:
        """The client has said all it will say, and may still listen (RFC 9112 section 9.6)."""
        # Whole requests are answered, also those that wait until the client has taken an answer. Reading goes on after
        # that, and finds the end again.
        self._half_closed = True
        if not (self.phase is Phase.HANDLING or self._yields or self._waitingForTransport):
            self.loseConnection()

    def writeConnectionLost(self) -> None:
        """Our side has ended, as :meth:`linger` asked."""

    # -- the head ------------------------------------------------------------------------------------------------

    def dataReceived(self, data: bytes) -> None:
        """Read bytes of the client."""
        self._answered = 0
        self.read_requests(data)

    def take_turn(self) -> None:
        """Answer some more of the requests that have arrived; see :mod:`cloudsvc.web.http1.turns`."""
        self._yields = False
        if not (self.phase is Phase.CLOSING or self._waitingForTransport):
            self._answered = 0
            self.paused = False
            self._read_on()
            data, self._buffer = self._buffer, b""
            self.read_requests(data)
        if self.left:
            self._forget_when_done()

    def _wait_for_turn(self) -> None:
        self._yields = self.paused = True
        self._networkProducer.pauseProducing()
        self.connections.turns.join(self)

    @property
    def is_between_requests(self) -> bool:
        """As :attr:`RequestParser.is_between_requests`."""
        phase = self.deadlines.phase
        return phase is Phase.IDLE or phase is Phase.CONNECTED

    def head_begun(self) -> None:
        """The first bytes of a head are here: the rest has to come in time."""
        self.deadlines.enter(Phase.HEADERS)

    def allHeadersReceived(self) -> None:
        """Evaluate the head as a whole; then the request starts, whether its body has arrived or not."""
        request: Request = self.requests[-1]
        fields = request.requestHeaders._rawHeaders
        problem = examine_head(fields, self._version, self._path, self.length, self._most_query)
        if problem is not None:
            self.refuse(problem)
            return
        if not self._heard:
            self._heard = True
            self.connections.heard(self)
        stays = wants_to_stay(fields.get(b"Connection", ()), self._version)
        self.persistent = stays and not self.connections.draining
        if self.length != 0:
            self.deadlines.enter(Phase.BODY)
            self.intake.begin(request)
        request.head_received(self._command, self._path, self._version, self.length)

    def allContentReceived(self) -> None:
        """The request is here in full."""
        if self.phase is Phase.CLOSING:
            return
        self.deadlines.enter_handling()
        super().allContentReceived()

    def requestDone(self, request: Request) -> None:
        """The answer is written: go on with the next request, or close once the client has taken it."""
        kept_waiting = self.intake.end() or self._half_closed or bool(self._dataBuffer)
        del self.requests[0]
        if self.left:
            self.call_soon(self._forget_when_done)
        if not self.persistent:
            self.linger()
            return
        self.deadlines.enter(Phase.IDLE)
        if self._waitingForTransport:
            self.deadlines.check_later()
        # What Twisted does here, but for asking the reactor each time to go on with what it never stopped.
        self._handlingRequest = False
        self._answered += 1
        if self._answered >= REQUESTS:
            self._wait_for_turn()
        elif kept_waiting and not self._waitingForTransport:
            self._networkProducer.resumeProducing()
        self.line_mode = 1
        if self._dataBuffer:
            data, self._dataBuffer = b"".join(self._dataBuffer), []
            self.read_requests(data)

    # -- the body ------------------------------------------------------------------------------------------------

    def rawDataReceived(self, data: bytes) -> None:
        """Pass on bytes of the body; throw away what follows a refusal."""
        if self.phase is Phase.CLOSING:
            return
        super().rawDataReceived(data)
        self._adapt_reads()

    def _adapt_reads(self) -> None:
        if self.phase is not Phase.CLOSING:
            chunks = getattr(self._transferDecoder, "count", 0)
            self.intake.adapt_reads(self.transport, chunks=chunks, reading=self.phase is Phase.BODY)

    def _pause_reading(self) -> None:
        self._networkProducer.pauseProducing()

    def _write(self, data: bytes) -> None:
        self.transport.write(data)

    def call_soon(self, function: Callable[[], Any]) -> None:
        """Call ``function`` when everything that runs now has returned."""
        self.connections.clock.callLater(0, function)

    def _read_on(self) -> None:
        """Read from the client again, unless something else still speaks against it."""
        queued = sum(map(len, self._dataBuffer))
        kept = self.intake.paused or self._waitingForTransport or self._yields
        if not (kept or queued > self._optimisticEagerReadSize):
            self._networkProducer.resumeProducing()

    # -- the answer ----------------------------------------------------------------------------------------------

    def pauseProducing(self) -> None:
        """
        The client takes nothing: it may do so for a bounded time only.

        Until it takes something nothing more is read from it, and requests that it has already sent wait. Otherwise
        whoever sends requests and takes no answers would fill the memory.
        """
        super().pauseProducing()
        self.paused = True
        self.deadlines.pace.hold()
        self._networkProducer.pauseProducing()
        self.deadlines.await_taking()

    def resumeProducing(self) -> None:
        """The client has taken what was waiting for it."""
        self.paused, self._waitingForTransport = self._yields, False
        self.deadlines.end_waiting()
        if self._requestProducer is not None:
            self._requestProducer.resumeProducing()
        self._read_on()
        if self._buffer:
            super().dataReceived(b"")

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
                self.close()
            else:
                request.body.fail(error)
            return
        self.setRawMode()
        request.refuse_head(
            error, getattr(self, "_command", b"-"), getattr(self, "_path", b"-"), getattr(self, "_version", b"HTTP/1.1")
        )

    def linger(self) -> None:
        """Close after the last answer, without keeping its client from reading it (:meth:`Deadlines.linger`)."""
        self.deadlines.enter(Phase.CLOSING)
        self.setRawMode()
        self._buffer, self._dataBuffer = b"", []
        if self.left:
            return
        self.transport.unregisterProducer()
        self.deadlines.linger()
