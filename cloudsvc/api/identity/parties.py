"""The server as a request has asked it: by which of its names."""

from __future__ import annotations

from cloudsvc.extend import CloudError, Request
from cloudsvc.extend.identity import Names, Party, find_party


def read_host(request: Request) -> str:
    """``Host``, perhaps with a port."""
    return (request.requestHeaders.getRawHeaders(b"host") or [b""])[0].decode("ascii", "replace")


def find_asked_party(request: Request, names: Names) -> Party:
    """
    The relying party that a request means.

    :raises CloudError: its ``Host`` is none of this server's names.
    """
    return find_party(read_host(request), names)


def find_known_party(request: Request, names: Names) -> Party | None:
    """The same, or ``None``."""
    try:
        return find_asked_party(request, names)
    except CloudError:
        return None
