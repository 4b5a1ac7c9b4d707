"""Ends of keys and links, as requests write them."""

from __future__ import annotations

from cloudsvc.api.moments import parse_moment
from cloudsvc.extend import CloudError, Kind
from cloudsvc.extend.drive import Instant


def read_expiry(text: str | None) -> Instant | None:
    """
    ``text``, a date with a time and its offset from UTC (RFC 3339), in microseconds since the epoch; 0 for none.

    :raises CloudError: it is something else.
    """
    if not text:
        return None if text is None else 0
    moment = parse_moment(text)
    if moment is None:
        message = "expires_at is no moment: write a date and time such as 2026-01-31T12:00:00Z (RFC 3339)."
        raise CloudError(Kind.INVALID, "invalid_expiry", message)
    return moment
