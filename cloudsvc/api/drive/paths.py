"""Drive paths in URLs: parsing and building."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote, unquote_to_bytes

from cloudsvc.extend import CloudError, DrivePath, Folder, Kind, Request, parse_path
from cloudsvc.extend.drive import Node

_UNESCAPED: Final = "!$&'()*+,;=:@"
"""What a segment of a path may have beside letters, digits and ``-._~`` (RFC 3986 section 3.3)."""


def parse_named(text: str) -> DrivePath:
    """
    The path that a URL or a body names, which is not the root.

    URLs are percent-decoded by then; a ``%`` that begins no escape stands for itself, so that ``100%.txt`` may be
    written as it is.

    :raises CloudError: it is no path, and why.
    """
    if not text:
        raise CloudError(Kind.INVALID, "invalid_path", "This is no valid path: it is empty.")
    return parse_path(text)


def locate(request: Request, node: Node) -> tuple[bytes, bytes]:
    """
    The ``Location`` of ``node``, which ``request`` made: relative to the URL of the request, so that it is right behind
    a proxy that puts another path before it (RFC 9110 section 10.2.2).
    """
    mount = "folders" if isinstance(node, Folder) else "files"
    segments = [request.segments[0], mount, *(name.text for name in node.path.names)]
    # To what is relative a slash that the client has escaped is a part of the last segment (RFC 3986 section 5.2.3).
    last = unquote_to_bytes(request.path.rpartition(b"/")[2])
    there = "/".join(quote(each, safe=_UNESCAPED) for each in segments[len(request.segments) - 1 - last.count(b"/") :])
    return b"Location", f"./{there}".encode("ascii")
