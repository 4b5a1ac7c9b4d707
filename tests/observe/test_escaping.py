"""Escaping: text from outside can neither begin a log line nor hide in one."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.observe.escaping import as_value, escape, shorten

ANY_TEXT = st.text(st.characters(exclude_categories=()))


@given(ANY_TEXT)
def test_escaped_text_prints_and_can_be_encoded(text: str) -> None:
    escaped = escape(text)
    assert escaped.isprintable()
    escaped.encode("utf-8")


@given(ANY_TEXT)
def test_a_value_prints_and_is_one_word_or_one_quotation(text: str) -> None:
    value = as_value(text)
    assert value.isprintable()
    if value.startswith('"'):
        inside = value[1:-1].replace("\\\\", "").replace('\\"', "")
        assert value.endswith('"')
        assert '"' not in inside
    else:
        assert " " not in value


@given(ANY_TEXT, ANY_TEXT)
def test_different_values_stay_different(one: str, other: str) -> None:
    assert (as_value(one) == as_value(other)) is (one == other)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [
        ("plain text, Größe, 文字", "plain text, Größe, 文字"),
        ("a\nb\r\tc", "a\\nb\\r\\tc"),
        ("\x00\x1b[31m\x7f\x85", "\\x00\\x1b[31m\\x7f\\x85"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\u202eexe.txt", "\\u202eexe.txt"),
        ("\udc80", "\\udc80"),
    ],
)
def test_what_does_not_print_is_spelt_out(text: str, escaped: str) -> None:
    assert escape(text) == escaped


def test_long_text_loses_its_middle_and_says_so() -> None:
    assert shorten("a" * 60 + "b" * 60, 100) == "a" * 50 + " ... 20 characters left out ... " + "b" * 50
    assert shorten("a" * 100, 100) == "a" * 100
