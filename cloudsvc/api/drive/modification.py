"""
Modification times that clients declare, in a header field of our own and in ownCloud's.

It is no ``Last-Modified``: that one is of this server's clock, or else a client that stores an older file would make
caches keep the one before (RFC 4918 section 15.7 warns of the same).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Final

from cloudsvc.api.moments import parse_moment
from cloudsvc.extend import CloudError, Kind, Request, read_field
from cloudsvc.extend.drive import EARLIEST, LATEST, Instant, format_instant

FIELD: Final = "X-Modified-At"
OWNCLOUD_FIELD: Final = "X-OC-Mtime"

_ACCEPTED: Final = (OWNCLOUD_FIELD.encode("ascii"), b"accepted")
_SECONDS: Final = re.compile(r"[+-]?[0-9]{1,15}(\.[0-9]{1,15})?", re.ASCII)


def read_modified_at(request: Request) -> Instant | None:
    """
    When the content of ``request`` was last changed; ``None`` where it does not say.

    :raises CloudError: a field is malformed, or the two do not agree.
    """
    found = {
        moment
        for name, parse in _PARSERS.items()
        if (field := read_field(request, name)) is not None
        for moment in [_check(name, parse(field.strip()))]
    }
    if len(found) > 1:
        raise CloudError(Kind.INVALID, "malformed_moment", f"{FIELD} and {OWNCLOUD_FIELD} name different moments.")
    return found.pop() if found else None


def format_accepted(request: Request) -> tuple[tuple[bytes, bytes], ...]:
    """What ownCloud's clients want to hear where their field was understood and has been kept."""
    return () if read_field(request, OWNCLOUD_FIELD) is None else (_ACCEPTED,)


def format_modified_at(moment: Instant) -> tuple[bytes, bytes]:
    """``moment`` as a field of an answer; what it says can be sent as it is."""
    return FIELD.encode("ascii"), format_instant(moment).encode("ascii")


def parse_seconds(text: str) -> Instant | None:
    """Seconds since the epoch, also negative or with a fraction; ``None`` where it is something else."""
    return int(Fraction(text) * 1_000_000 // 1) if _SECONDS.fullmatch(text) else None


_PARSERS: Final[Mapping[str, Callable[[str], Instant | None]]] = {
    FIELD: parse_moment,
    OWNCLOUD_FIELD: parse_seconds,
}
_FORMS: Final = {
    FIELD: "write a date and time such as 2026-01-31T12:00:00Z (RFC 3339)",
    OWNCLOUD_FIELD: "write seconds since 1970 in UTC, such as 1767225600",
}


def _check(name: str, moment: Instant | None) -> Instant:
    if moment is None or not EARLIEST <= moment <= LATEST:
        message = f"{name} is no moment of the years 1 to 9999: {_FORMS[name]}."
        raise CloudError(Kind.INVALID, "malformed_moment", message)
    return moment
