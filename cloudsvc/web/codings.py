"""
Content codings (RFC 9110 section 8.4.1): negotiation of gzip, and responses in it.

Only what holds no secret, and nothing of any request, is ever compressed: documentation, pages, metrics. An answer with
both a secret and something that an attacker chooses would tell the secret by its length (BREACH).
"""

from __future__ import annotations

import gzip
import re
from typing import TYPE_CHECKING, Final

from cloudsvc.web.fields import read_field
from cloudsvc.web.responses import HeaderList
from cloudsvc.web.weights import read_weights

if TYPE_CHECKING:
    from cloudsvc.web.http1.request import Request

VARIES: Final[HeaderList] = ((b"Vary", b"Accept-Encoding"),)
"""Of every answer that there is in several codings, whichever it is in."""

GZIPPED: Final[HeaderList] = ((b"Content-Encoding", b"gzip"),)

LEAST: Final = 860
"""Bytes from which on it is worth it: less fits one packet anyway."""

_TEXTS: Final = re.compile(
    r"text/|application/(?:javascript|json|jsonl|wasm|xml|x-ndjson|[a-z0-9.-]+\+(?:json|xml))"
    r"|image/(?:bmp|svg\+xml|vnd\.microsoft\.icon)|font/(?:otf|ttf)"
).match


def is_compressible(media_type: str) -> bool:
    """Whether content of this type becomes much smaller."""
    return _TEXTS(media_type) is not None


def accepts_gzip(request: Request) -> bool:
    """
    Whether to send gzip: the client likes it as well as what is not coded (RFC 9110 section 12.5.3), and asks for no
    range, since those are told in bytes that are not.
    """
    field = read_field(request, "Accept-Encoding")
    if field is None or request.requestHeaders.hasHeader(b"range"):
        return False
    weights = read_weights(field)
    gzipped = weights.get("gzip", weights.get("x-gzip", weights.get("*", 0.0)))
    return gzipped > 0 and gzipped >= weights.get("identity", 0.0)


def compress(content: bytes, *, level: int = 6) -> bytes:
    """``content`` in gzip (RFC 1952), always the same bytes for the same content."""
    return gzip.compress(content, level, mtime=0)
