"""Time as the API writes it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

WallClock: TypeAlias = Callable[[], float]
"""Gives seconds since the epoch. For deadlines and durations use a monotonic clock instead."""


def format_timestamp(seconds: float) -> str:
    """Seconds since the epoch as RFC 3339 in UTC with six digits: ``2026-01-01T00:00:00.000000Z``."""
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
