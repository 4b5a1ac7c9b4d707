"""HTTP dates (RFC 9110 section 5.6.7), in whole seconds since the epoch."""

from __future__ import annotations

import re
from calendar import timegm
from datetime import UTC, datetime, timedelta
from typing import Final

_LONGEST: Final = 64
"""Characters of a date that is read at all."""

_MONTHS: Final = {
    name: number
    for number, name in enumerate("jan feb mar apr may jun jul aug sep oct nov dec".split(), start=1)  # noqa: SIM905  # a list of twelve strings would take twelve lines
}
_TIME: Final = r"(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2}):(?P<second>[0-9]{2})"
_FORMATS: Final = tuple(
    re.compile(pattern, re.IGNORECASE).fullmatch
    for pattern in (
        rf"[a-z]{{3}}, (?P<day>[0-9]{{2}}) (?P<month>[a-z]{{3}}) (?P<year>[0-9]{{4}}) {_TIME} GMT",
        rf"[a-z]{{6,9}}, (?P<day>[0-9]{{2}})-(?P<month>[a-z]{{3}})-(?P<year>[0-9]{{2}}) {_TIME} GMT",
        rf"[a-z]{{3}} (?P<month>[a-z]{{3}}) (?P<day>[0-9 ][0-9]) {_TIME} (?P<year>[0-9]{{4}})",
    )
)
"""Of today, of RFC 850, and of asctime()."""

_CENTURY: Final = 70
"""
Years of two digits from here on are of the last century. (The standard asks for less than fifty years ahead; nothing
that is compared here is of the future.)
"""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_NAMES: Final = tuple(name.title() for name in _MONTHS)


def parse_http_date(text: str | None) -> int | None:
    """The moment that ``text`` is in any of the three formats; ``None`` where it is no date, which is then ignored."""
    if text is None or len(text) > _LONGEST:
        return None
    found = next(filter(None, (match(text.strip(" \t")) for match in _FORMATS)), None)
    if found is None:
        return None
    month = _MONTHS.get(found["month"].lower(), 0)
    year, day = int(found["year"]), int(found["day"])
    if len(found["year"]) == 2:  # noqa: PLR2004  # digits
        year += 1900 if year >= _CENTURY else 2000
    hour, minute, second = int(found["hour"]), int(found["minute"]), int(found["second"])
    try:
        datetime(year, month, day, hour, minute, min(second, 59), tzinfo=UTC)
    except ValueError:
        return None
    # A leap second is the first of the next minute to whoever counts seconds.
    return timegm((year, month, day, hour, minute, second)) if second <= 60 else None  # noqa: PLR2004  # as above


def format_http_date(second: int) -> bytes:
    """The date in today's format. What no calendar reaches becomes the nearest date that it does."""
    try:
        moment = _EPOCH + timedelta(seconds=second)
    except OverflowError:
        moment = datetime(1, 1, 1, tzinfo=UTC) if second < 0 else datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)
    day, month = _DAYS[moment.weekday()], _NAMES[moment.month - 1]
    time = f"{moment.hour:02}:{moment.minute:02}:{moment.second:02}"  # strftime takes several times as long
    return f"{day}, {moment.day:02} {month} {moment.year:04} {time} GMT".encode("ascii")
