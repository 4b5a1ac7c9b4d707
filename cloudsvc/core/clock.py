"""Timestamps as the API writes them."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Final, TypeAlias

_SECONDS: Final = len("1970-01-01T00:00:00")

WallClock: TypeAlias = Callable[[], float]
"""Gives seconds since the epoch. For deadlines and durations use a monotonic clock instead."""

Instant: TypeAlias = int
"""Microseconds since the epoch; negative before it."""

SECOND: Final = 1_000_000
"""In microseconds, as instants count."""


def read_clock() -> Instant:
    """The moment of the wall clock."""
    return time.time_ns() // 1_000


def format_timestamp(seconds: float) -> str:
    """Seconds since the epoch as RFC 3339 in UTC with six digits: ``2026-01-01T00:00:00.000000Z``."""
    return format_microseconds(round(seconds * 1_000_000))


@lru_cache(8)
def format_microseconds(microseconds: int) -> str:
    """
    Microseconds since the epoch, negative before it, in the same form. Nothing is rounded.

    :raises ValueError: they are outside of the years 1 to 9999, which is all that RFC 3339 can write.
    """
    whole, fraction = divmod(microseconds, 1_000_000)
    return "%s.%06dZ" % (_format_second(whole), fraction)  # noqa: UP031  # two thirds of the time of an f-string


@lru_cache(8)
def _format_second(second: int) -> str:
    # Not `strftime`, for which the year 1 has one digit on Linux.
    return datetime.fromtimestamp(second, UTC).isoformat()[:_SECONDS]
