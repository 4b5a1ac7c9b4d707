"""Paths in URLs: from text to values, and back."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

from cloudsvc.drive.names import Path, parse_path
from cloudsvc.extend import CloudError, Kind

_UNESCAPED: Final = "!$&'()*+,;=:@"
"""What a segment of a path may have beside letters, digits and ``-._~`` (RFC 3986 section 3.3)."""


def parse_named(text: str) -> Path:
    """
    The path that a URL or a body names, which is not the root.

    URLs are percent-decoded by then; a ``%`` that begins no escape stands for itself, so that ``100%.txt`` may be
    written as it is.

    :raises CloudError: it is no path, and why.
    """
    if not text:
        raise CloudError(Kind.INVALID, "invalid_path", "This is no valid path: it is empty.")
    return parse_path(text)


def spell_path(path: Path) -> str:
    """``path`` as a part of a URL."""
    return "/".join(quote(name.text, safe=_UNESCAPED) for name in path.names)


def locate_beside(path: Path) -> tuple[bytes, bytes]:
    """
    The ``Location`` of what was made by a request to its own URL: relative, so that it cannot be wrong behind a proxy
    (RFC 9110 section 10.2.2).
    """
    return b"Location", b"./" + quote(path.name.text, safe=_UNESCAPED).encode("ascii")
