"""Rates as people write them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.core.rates import Rate, parse_rate


@pytest.mark.parametrize(
    ("text", "amount", "seconds"),
    [
        ("100/minute", 100, 60),
        ("1 per second", 1, 1),
        ("5 per 2 hours", 5, 7200),
        ("10/5minutes", 10, 300),
        ("1000/day", 1000, 86400),
        ("1/month", 1, 30 * 86400),
    ],
)
def test_a_rate_is_an_amount_in_a_time(text: str, amount: int, seconds: int) -> None:
    assert parse_rate(text) == Rate(amount=amount, seconds=seconds, text=text)


@pytest.mark.parametrize(
    "text",
    ["", "100", "minute", "100/", "-1/minute", "1.5/minute", "100/fortnight", "0/minute", "1/minute;2/hour", "1/year"],
)
def test_what_is_no_usable_rate_is_told_what_to_write(text: str) -> None:
    with pytest.raises(ValueError, match="; write "):
        parse_rate(text)


@given(st.text())
def test_any_text_gives_a_rate_that_lets_somebody_in_or_an_explanation(text: str) -> None:
    try:
        rate = parse_rate(text)
    except ValueError as error:
        assert repr(text) in str(error)
    else:
        assert rate.amount >= 1
        assert 1 <= rate.seconds <= 30 * 86400
