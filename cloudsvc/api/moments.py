"""Moments in requests and answers: dates with a time (RFC 3339)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from cloudsvc.extend.drive import Instant, format_instant

Moment = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
"""A moment in UTC, in an answer."""

_DAY: Final = "[12][0-9]{3}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_TIME: Final = r"T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])"
MOMENT_PATTERN: Final = _DAY + _TIME
"""Of a moment in a request, for its description; whether there is such a day, :func:`parse_moment` tells."""

_DateTime = Annotated[datetime, Meta(tz=True)]
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def parse_moment(text: str) -> Instant | None:
    """A date with a time and its offset from UTC; ``None`` where it is something else."""
    try:
        return (msgspec.convert(text, _DateTime) - _EPOCH) // _MICROSECOND
    except msgspec.ValidationError:
        return None


def format_moment(moment: Instant | None) -> str | None:
    """``moment``, if there is one."""
    return None if moment is None else format_instant(moment)
