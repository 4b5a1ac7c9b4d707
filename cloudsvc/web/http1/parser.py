"""
Request parser: Twisted's, with bounds of ours and our words for what it refuses.

It leans on names which Twisted keeps to itself; they stand in :mod:`cloudsvc.core.private_names`.
"""

from __future__ import annotations

from cloudsvc.core.private_names import HTTPChannel
from cloudsvc.web.errors import HTTPError
from cloudsvc.web.http1.chunks import ChunkedDecoder
from cloudsvc.web.http1.framing import FRAMING_FIELDS, LONGEST_LENGTH, LONGEST_NAME, settle_version
from cloudsvc.web.http1.request_heads import PlainHead, read_plain_head


class RequestParser(HTTPChannel):
    """What parses, of a connection. Which requests are taken, and what becomes of them, its subclass decides."""

    # As in Request: what is not in the instance's dictionary leaves it compact.
    __slots__ = ()

    def refuse(self, error: HTTPError) -> None:
        """Answer what is no acceptable request, in the middle of parsing."""
        raise NotImplementedError

    @property
    def is_between_requests(self) -> bool:
        """Whether nothing has come of the next request, and none is under way."""
        raise NotImplementedError

    def head_begun(self) -> None:
        """A head is about to be read line by line."""
        raise NotImplementedError

    def read_requests(self, data: bytes) -> None:
        """Read plain heads in one go, and line by line whatever begins with something else."""
        while data and not self.paused and self.is_between_requests:
            head = None
            if not self._buffer:
                head = read_plain_head(data, most_bytes=self.MAX_LENGTH, most_fields=self.maxHeaders)
            if head is None:
                self.head_begun()
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

    def lineReceived(self, line: bytes) -> None:
        """Take a line of the head. What Twisted would call a bad request line has a version of its own to be told."""
        if self._in_request_line():
            try:
                line = settle_version(line)
            except HTTPError as problem:
                self.refuse(problem)
                return
        super().lineReceived(line)

    def headerReceived(self, line: bytes) -> bool:
        """Take a header field, unless its name is longer than a name should be remembered."""
        if line.find(b":") > LONGEST_NAME:
            self.refuse(HTTPError(431, "header_name_too_long", "The name of a header field is too long."))
            return False
        return bool(super().headerReceived(line))

    def lineLengthExceeded(self, line: bytes) -> None:
        """A request line or header line is longer than allowed (RFC 9110 section 15.5.15, RFC 6585 section 5)."""
        if self._in_request_line():
            self.refuse(HTTPError(414, "uri_too_long", "The request target is too long."))
        else:
            self.refuse(HTTPError(431, "header_too_large", "A header line is too long."))

    def _in_request_line(self) -> bool:
        return not hasattr(self, "_command")

    def _maybeChooseTransferDecoder(self, header: bytes, data: bytes) -> bool:
        if header not in FRAMING_FIELDS:
            return True
        if len(data) > LONGEST_LENGTH:
            return bool(self._failChooseTransferDecoder())
        chosen = bool(super()._maybeChooseTransferDecoder(header, data))
        if chosen and self.length is None:
            self._transferDecoder = ChunkedDecoder(self.requests[-1].handleContentChunk, self._finishRequestBody)
        return chosen

    def _respondToBadRequestAndDisconnect(self) -> None:
        if self._receivedHeaderSize > self.totalHeadersSize:
            status = 414 if self._in_request_line() else 431
            self.refuse(HTTPError(status, "header_too_large", "The request's headers are too large."))
        elif self._receivedHeaderCount > self.maxHeaders:
            self.refuse(HTTPError(431, "too_many_headers", "The request has too many header fields."))
        else:
            self.refuse(HTTPError(400, "bad_request", "The request is not well-formed HTTP/1.1."))
