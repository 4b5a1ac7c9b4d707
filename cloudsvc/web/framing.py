"""Whether a head says beyond doubt for whom a request is and where it ends (RFC 9112 sections 3.2 and 6)."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final

from cloudsvc.web.errors import HTTPError

FRAMING_FIELDS: Final = frozenset({b"Content-Length", b"Transfer-Encoding"})
"""The fields that say where a request ends."""

LONGEST_LENGTH: Final = 18
"""Digits of a Content-Length: 10^18 bytes is beyond any storage, and far below where ``int`` refuses to parse."""

_HOST: Final = re.compile(
    rb"(?:\[[\w.~!$&'()*+,;=:-]++\]|(?:[\w.~!$&'()*+,;=-]++|%[0-9A-Fa-f]{2})*+)(?::[0-9]*+)?"
).fullmatch
"""A host, which may be empty, and perhaps a port (RFC 3986 section 3.2.2)."""


@lru_cache(64)
def _is_host(text: bytes) -> bool:
    """A server has few names, and to look one up is quicker than to read it."""
    return _HOST(text) is not None


def examine_head(
    fields: dict[bytes, list[bytes]], version: bytes, target: bytes, length: int | None, most_query: int
) -> HTTPError | None:
    """
    What is wrong with a head whose lines are well-formed, or ``None``.

    :param length: bytes of the body, or ``None`` for a chunked one, as Twisted's parser has understood them.
    :param most_query: bytes that the query may have.
    """
    hosts = fields.get(b"Host")
    # RFC 9112 section 3.2: HTTP/1.1 demands one Host; more than one, or one that is none, is always an error.
    if hosts is None:
        if version == b"HTTP/1.1":
            return HTTPError(400, "missing_host", "The Host header is missing.")
    elif len(hosts) != 1:
        return HTTPError(400, "duplicate_host", "There is more than one Host header.")
    elif not _is_host(hosts[0]):
        return HTTPError(400, "bad_host", "The Host header names no host.")
    # RFC 9112 section 6.1: a coding that is not understood makes the length unknowable.
    codings = fields.get(b"Transfer-Encoding")
    if codings is not None and (len(codings) != 1 or version != b"HTTP/1.1" or length is not None):
        return HTTPError(400, "bad_framing", "The request's Transfer-Encoding is not supported.")
    if len(target.partition(b"?")[2]) > most_query:
        return HTTPError(414, "query_too_long", "The query is too long.")
    return None
