"""Header fields of requests, as text."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cloudsvc.web.http1.request import Request


def read_field(request: Request, name: str) -> str | None:
    """
    The value of a field; of one that is given more than once, the values as one list (RFC 9110 section 5.3).

    What is no ASCII is legal and means nothing (section 5.5): each such byte becomes a character.
    """
    values = request.requestHeaders.getRawHeaders(name.encode("ascii"))
    return None if values is None else b", ".join(values).decode("latin-1")
