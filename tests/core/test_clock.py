"""Moments as the API writes them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.core.clock import format_microseconds, format_timestamp
from cloudsvc.drive.nodes import EARLIEST, LATEST

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@given(st.integers(EARLIEST, LATEST))
def test_microseconds_are_told_exactly(moment: int) -> None:
    text = format_microseconds(moment)
    assert datetime.fromisoformat(text) - EPOCH == timedelta(microseconds=moment)
    assert (len(text), text[-1]) == (len("2026-01-01T00:00:00.000000Z"), "Z")


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (EARLIEST, "0001-01-01T00:00:00.000000Z"),
        (-11_644_473_600_000_000, "1601-01-01T00:00:00.000000Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
        (-1_500_000, "1969-12-31T23:59:58.500000Z"),
        (LATEST, "9999-12-31T23:59:59.999999Z"),
    ],
)
def test_moments_of_all_ages(moment: int, text: str) -> None:
    assert format_microseconds(moment) == text


def test_seconds_are_rounded_to_microseconds() -> None:
    assert format_timestamp(1_767_225_599.9999999) == "2026-01-01T00:00:00.000000Z"
    assert format_timestamp(1_767_225_600.25) == "2026-01-01T00:00:00.250000Z"
