"""Content negotiation by media type."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.web.negotiation import choose_type

JSON, LINES = OFFERS = ("application/json", "application/x-ndjson")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("application/*", JSON),
        ("text/html", JSON),
        ("nonsense", JSON),
        (JSON, JSON),
        (LINES, LINES),
        ("Application/X-NDJSON", LINES),
        (f"{LINES}, */*", LINES),
        (f"{LINES}, {JSON}", JSON),
        (f"{LINES};q=0.9, {JSON};q=0.8", LINES),
        (f"{LINES};q=0.8, {JSON};q=0.9", JSON),
        (f"{LINES};q=0.8, */*;q=0.5", LINES),
        (f"{LINES};q=0.4, */*;q=0.5", JSON),
        (f"{LINES} ; q=1.000", LINES),
        (f"{LINES};q=0, */*", JSON),
        (f"{JSON};q=0, */*", LINES),
        (f"{JSON};q=0, {LINES};q=0.001", LINES),
        (f"{LINES};q=0, {JSON};q=0", JSON),
        (f"{LINES};q=2", JSON),
        (f"{LINES};version=2", JSON),
        (f"text/html, {LINES}", LINES),
        (f",, {LINES} ,", LINES),
        ("text/a," * 63 + LINES, LINES),
        ("text/a," * 64 + LINES, JSON),
        (f"text/{'a' * 10_000},{LINES}", LINES),
    ],
)
def test_the_best(accept: str | None, chosen: str) -> None:
    assert choose_type(accept, OFFERS) == chosen


@given(st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"])))
def test_no_field_is_a_surprise(accept: str) -> None:
    assert choose_type(accept, OFFERS) in OFFERS


@pytest.mark.parametrize("item", [",", "a/b,", "a/b;q=0.1,", '"', "a/b;a=b", " ", "*/*;"])
def test_a_long_field_is_cheap(item: str) -> None:
    """A megabyte: what reads it again and again, or makes something of each member, takes seconds."""
    for _ in range(10):
        choose_type(item * (1_000_000 // len(item)), OFFERS)
