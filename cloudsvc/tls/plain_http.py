"""Plain HTTP where TLS is expected, and the answer that it gets."""

from __future__ import annotations

import re
from typing import Final

_METHODS: Final = (
    b"GET HEAD POST PUT DELETE OPTIONS PATCH TRACE CONNECT PRI QUERY"
    b" PROPFIND PROPPATCH MKCOL COPY MOVE LOCK UNLOCK REPORT SEARCH"
).split()
"""Methods of RFC 9110, RFC 5789 and WebDAV, and how HTTP/2 begins (RFC 9113 section 3.4). No record of TLS does so."""

_BEGINNING: Final = re.compile(b"(?:" + b"|".join(_METHODS) + b") ")

_EXPLANATION: Final = b"This port speaks HTTPS: begin the address with https:// instead of http://.\n"

ANSWER: Final = (
    b"HTTP/1.1 400 Bad Request\r\n"
    b"Content-Type: text/plain; charset=utf-8\r\n"
    b"Content-Length: %d\r\n"
    b"Cache-Control: no-store\r\n"
    b"X-Content-Type-Options: nosniff\r\n"
    b"Connection: close\r\n\r\n%b" % (len(_EXPLANATION), _EXPLANATION)
)
"""In clear, and without the header that would have it remembered (RFC 6797 section 7.2 forbids that one here)."""


def is_http(data: bytes) -> bool | None:
    """Whether a connection that begins with ``data`` speaks HTTP; ``None`` where more has to come to tell."""
    if _BEGINNING.match(data):
        return True
    return None if any(method.startswith(data) for method in _METHODS) else False
