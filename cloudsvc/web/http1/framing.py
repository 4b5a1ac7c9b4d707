"""Request framing: the host and the length of a request, beyond doubt (RFC 9112 sections 3.2 and 6)."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final

from cloudsvc.web.errors import HTTPError

FRAMING_FIELDS: Final = frozenset({b"Content-Length", b"Transfer-Encoding"})
"""The fields that say where a request ends."""

LONGEST_LENGTH: Final = 18
"""Digits of a Content-Length: 10^18 bytes is beyond any storage, and far below where ``int`` refuses to parse."""

LONGEST_NAME: Final = 256
"""
Bytes of the name of a header field. Nobody needs more, and Twisted remembers the first 10,000 names that it meets for
as long as it runs: with this bound, in 6 MB.
"""

_CLOSE: Final = re.compile(rb"(?:^|,)[\t ]*close[\t ]*(?:,|$)", re.IGNORECASE).search
_KEEP_ALIVE: Final = re.compile(rb"(?:^|,)[\t ]*keep-alive[\t ]*(?:,|$)", re.IGNORECASE).search

_VERSION: Final = re.compile(rb" HTTP/([0-9])\.([0-9])\Z").search

_HOST: Final = re.compile(
    rb"(?:\[[\w.~!$&'()*+,;=:-]++\]|(?:[\w.~!$&'()*+,;=-]++|%[0-9A-Fa-f]{2})*+)(?::[0-9]*+)?"
).fullmatch
"""A host, which may be empty, and perhaps a port (RFC 3986 section 3.2.2)."""


_REMEMBERED_HOST: Final = 64
"""Bytes up to which a host is remembered: 64 of them take 10 KB."""


def _is_host(text: bytes) -> bool:
    return _recall_host(text) if len(text) <= _REMEMBERED_HOST else _HOST(text) is not None


@lru_cache(64)
def _recall_host(text: bytes) -> bool:
    """A server has few names, and to look one up is quicker than to read it."""
    return _HOST(text) is not None


def settle_version(line: bytes) -> bytes:
    """
    ``line``, a request line, with the version that it is read as.

    A higher minor version than ours is read as ours, which it is compatible with (RFC 9110 section 2.5).

    :raises HTTPError: 505, it is another major version (section 15.6.6).
    """
    found = _VERSION(line)
    if found is None or found[0] in {b" HTTP/1.1", b" HTTP/1.0"}:
        return line
    if found[1] == b"0":
        return line  # no request line was ever written so, and it is refused as none
    if found[1] != b"1":
        raise HTTPError(505, "version_not_supported", "This server speaks HTTP/1.1.")
    return line[: found.start()] + b" HTTP/1.1"


def wants_to_stay(connection: Sequence[bytes], version: bytes) -> bool:
    """
    Whether a client with these ``Connection`` lines wants to send another request after this one: all of their options
    count, in whatever case (RFC 9110 section 7.6.1, RFC 9112 section 9.3).
    """
    if not connection:
        return version == b"HTTP/1.1"
    options = b",".join(connection)
    if _CLOSE(options):
        return False
    return version == b"HTTP/1.1" or _KEEP_ALIVE(options) is not None


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
