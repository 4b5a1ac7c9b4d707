"""TLS around any endpoint, for a server that writes each answer in one piece."""

from __future__ import annotations

from typing import Any, Final

from attrs import frozen
from OpenSSL.SSL import SENT_SHUTDOWN, Error, WantReadError, ZeroReturnError
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IListeningPort,
    IOpenSSLServerConnectionCreator,
    IProtocolFactory,
    IReactorTime,
    IStreamServerEndpoint,
)
from twisted.python.failure import Failure
from zope.interface import implementer

from cloudsvc.core.private_names import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from cloudsvc.core.transports import send_promptly
from cloudsvc.tls.plain_http import ANSWER, is_http

_RECORD: Final = 2**14
"""Bytes that a record carries at most (RFC 8446 section 5.1)."""

_HEADER: Final = 5
"""Bytes before those that a record carries; the last two say how many they are."""

_TOGETHER: Final = 4 * _RECORD
"""Bytes that are encrypted before they are passed on."""

_AROUND: Final = 2**12
"""Room for what is put around them, and for what TLS itself has to say: tickets, an alert."""


class _Connection(TLSMemoryBIOProtocol):
    """
    TLS for bytes by the gigabyte, whose two directions end one by one, as those of TCP do (RFC 8446 section 6.1).

    Twisted's passes on each record by itself, and each costs a walk through all that is above or below. This one passes
    on together what has come together. And Twisted's learns from two exceptions that there is no other record and that
    TLS itself has nothing to answer. This one sees on the wire that a record has come alone, as short requests do.

    Twisted's closes both as soon as the client ends its own, and with it an answer that is still being made. This one
    tells a protocol that asks to be told, again whenever that wants to read on, which is what Twisted's TCP does.
    The names used here that Twisted keeps to itself stand in :mod:`cloudsvc.core.private_names`.
    """

    transport: Any  # TCP or Unix: no one interface has all that is asked of it
    _ended = False
    _in_step = True
    """Whether all that has come so far ended with the end of a record."""
    _alone = False
    """Whether what has come last was one record, after the handshake."""
    _beginning: bytes | None = b""
    """What has come, until it is clear whether that is TLS: less than the name of a method."""
    _misled = False
    """Whether the client speaks plain HTTP."""
    _is_prompt = False
    """Whether the system is to have at once what is written now."""

    def write_promptly(self, data: bytes) -> None:
        """As ``write``, for what is not followed by more: see :func:`cloudsvc.core.transports.send_promptly`."""
        self._is_prompt = True
        try:
            self.write(data)
        finally:
            self._is_prompt = False

    def dataReceived(self, data: bytes) -> None:
        if self._misled:
            return
        if self._beginning is not None:
            data = self._beginning + data
            plain = is_http(data)
            if plain is None:
                self._beginning = data
                return
            self._beginning = None
            if plain:
                self._tell_plain_http()
                return
        # What follows the end is to be ignored, and OpenSSL would hoard it.
        if self._ended:
            return
        count = _count_records(data) if self._in_step else 0
        self._in_step = count > 0
        self._alone = count == 1 and self._handshakeDone
        super().dataReceived(data)

    def _tell_plain_http(self) -> None:
        # The rest of what it sends is read and dropped, so that it gets to read this (RFC 9112 section 9.6). How long
        # it may stay, the deadline of whoever waits for a handshake decides.
        self._misled = True
        self.transport.write(ANSWER)
        self.transport.loseWriteConnection()

    def _flushReceiveBIO(self) -> None:
        # Twisted's own, but for ZeroReturnError, and for records that have come together or alone.
        records: list[bytes] = []
        end: Failure | None = None
        while not self._lostTLSConnection:
            try:
                records.append(self._tlsConnection.recv(_RECORD))
            except WantReadError:
                break
            except Error:
                end = Failure()
                break
            if self._alone:
                break
        if records and not self._aborted:
            self.wrappedProtocol.dataReceived(b"".join(records))
        if end is not None and not self._lostTLSConnection:
            self._end_receiving(end)
        if not (self._alone and records):
            self._flushSendBIO()

    def _end_receiving(self, reason: Failure) -> None:
        if not reason.check(ZeroReturnError):
            self._tlsShutdownFinished(reason)
        elif self._may_go_on():
            self._ended = True
            self._report_end()
        else:
            self._shutdownTLS()
            self._tlsShutdownFinished(None)

    def _write(self, data: bytes) -> None:
        # Twisted's own, but for the records that are passed on together.
        with memoryview(data) as view:
            written = 0
            while written < len(view) and not self._lostTLSConnection:
                end = min(written + _TOGETHER, len(view))
                try:
                    while written < end:
                        written += self._tlsConnection.send(view[written:end])
                except WantReadError:
                    self._bufferedWrite(data[written:])
                    break
                except Error:
                    self._tlsShutdownFinished(Failure())
                    break
                self._flushSendBIO()

    def _flushSendBIO(self) -> None:
        # Twisted's own, but for how much is taken at a time.
        try:
            data = self._tlsConnection.bio_read(_TOGETHER + _AROUND)
        except WantReadError:
            return
        if self._is_prompt:
            send_promptly(self.transport, data)
        else:
            self.transport.write(data)

    def _may_go_on(self) -> bool:
        sent = self._tlsConnection.get_shutdown() & SENT_SHUTDOWN
        return not sent and IHalfCloseableProtocol.providedBy(self.wrappedProtocol)

    def resumeProducing(self) -> None:
        self.transport.resumeProducing()
        if self._ended:
            self.factory._clock.callLater(0, self._report_end)

    def _report_end(self) -> None:
        if self.connected and not self.disconnecting:
            IHalfCloseableProtocol(self.wrappedProtocol).readConnectionLost()


def _count_records(data: bytes) -> int:
    """How many records ``data`` is, which begins with one; 0 if it does not end with one."""
    count = end = 0
    while end + _HEADER <= len(data):
        end += _HEADER + int.from_bytes(data[end + 3 : end + _HEADER])
        count += 1
    return count if end == len(data) else 0


class _Factory(TLSMemoryBIOFactory):
    # Twisted's default gathers small writes until the reactor's next turn. Ours are no small ones, and pay a delayed
    # call for each answer.
    protocol = _Connection


@implementer(IStreamServerEndpoint)
@frozen
class TLSEndpoint:
    """
    TLS on whatever ``inner`` listens on.

    :ivar creator: makes the TLS side of each connection.
    """

    creator: IOpenSSLServerConnectionCreator
    inner: IStreamServerEndpoint
    clock: IReactorTime

    def listen(self, protocolFactory: IProtocolFactory) -> Deferred[IListeningPort]:
        """Listen; see :class:`~twisted.internet.interfaces.IStreamServerEndpoint`."""
        factory = _Factory(self.creator, False, protocolFactory, self.clock)  # noqa: FBT003  # Twisted's "isClient"
        listening: Deferred[IListeningPort] = self.inner.listen(factory)
        return listening
