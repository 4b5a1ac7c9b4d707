"""Response heads as bytes (RFC 9112 sections 4 and 5)."""

from __future__ import annotations

from functools import lru_cache
from typing import Final

from cloudsvc.web.responses import HeaderList

_NO_BREAKS: Final = bytes.maketrans(b"\r\n", b"  ")

_REMEMBERED: Final = 256
"""Sets of fields whose lines are remembered."""

_REMEMBERED_BYTES: Final = 1024
"""Bytes of the lines of one set: a Location may be as long as the request that it answers. All together take 1 MB."""

_known: Final[dict[HeaderList, tuple[frozenset[bytes], bytes]]] = {}


@lru_cache(64)
def format_status(version: bytes, status: int, reason: bytes) -> bytes:
    """The status line."""
    return b"%b %d %b\r\n" % (version, status, reason)


def format_fields(fields: HeaderList) -> tuple[frozenset[bytes], bytes]:
    """The names of ``fields`` in lower case, and their lines. Most answers have the fields of many others."""
    known = _known.get(fields)
    if known is None:
        lines = b"".join(b"%b: %b\r\n" % (name, _on_one_line(value)) for name, value in fields)
        known = frozenset(name.lower() for name, _ in fields), lines
        if len(lines) <= _REMEMBERED_BYTES:
            if len(_known) >= _REMEMBERED:
                _known.clear()
            _known[fields] = known
    return known


def _on_one_line(value: bytes) -> bytes:
    """No line break in a value can begin a field, or an answer, of its own (RFC 9110 section 5.5)."""
    return b" ".join(value.split(b"\r\n")).translate(_NO_BREAKS) if b"\n" in value or b"\r" in value else value
