"""Header fields of requests as text."""

from __future__ import annotations

from cloudsvc.extend import Request


def read_field(request: Request, name: str) -> str | None:
    """The value of a field; of one that is given more than once, the values as one list (RFC 9110 section 5.3)."""
    values = request.requestHeaders.getRawHeaders(name)
    return None if values is None else ", ".join(values)
