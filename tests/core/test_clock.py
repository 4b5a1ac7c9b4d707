"""Moments as the API writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.core.clock import format_microseconds, format_timestamp
from cloudsvc.drive.nodes import LATEST

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(st.integers(0, LATEST))
def test_microseconds_are_told_exactly(moment: int) -> None:
    text = format_microseconds(moment)
    assert datetime.fromisoformat(text) - EPOCH == timedelta(microseconds=moment)
    assert (len(text), text[-1]) == (len("2026-01-01T00:00:00.000000Z"), "Z")


def test_seconds_are_rounded_to_microseconds() -> None:
    assert format_timestamp(1_767_225_599.9999999) == "2026-01-01T00:00:00.000000Z"
    assert format_timestamp(1_767_225_600.25) == "2026-01-01T00:00:00.250000Z"
