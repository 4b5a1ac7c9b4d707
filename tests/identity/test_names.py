"""Names of accounts: whatever text comes, it becomes a name that nobody takes for another one, or a clear refusal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.identity.names import (
    MAX_DISPLAY_NAME,
    MAX_NAME,
    parse_account_name,
    parse_display_name,
)
from tests.support.identity_stores import refusing


@given(st.text())
@example("a" * (MAX_NAME + 1))
def test_a_name_is_plain(text: str) -> None:
    try:
        name = parse_account_name(text)
    except CloudError as problem:
        assert problem.kind is Kind.INVALID
        assert problem.code in {"invalid_name", "reserved_name"}
        return
    assert name.text == text.lower()
    assert name.text.isascii()
    assert 0 < len(name.text) <= MAX_NAME
    assert parse_account_name(name.text) == name
    assert len(name.key) <= 2 * MAX_NAME


@pytest.mark.parametrize("text", ["anna", "Anna", "a", "7", "anna.b", "anna-maria_2", "a" * MAX_NAME])
def test_names(text: str) -> None:
    assert str(parse_account_name(text)) == text.lower()


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a" * (MAX_NAME + 1),
        "anna b",
        "anna/b",
        "anna:b",
        "anna@b",
        ".anna",
        "anna-",
        "-",
        "anna\n",
        "anna\0",
        "\N{CYRILLIC SMALL LETTER A}nna",
        "anna\N{ZERO WIDTH JOINER}",
        "a\N{COMBINING ACUTE ACCENT}nna",
        "\N{FULLWIDTH LATIN SMALL LETTER A}nna",
        "anna\N{RIGHT-TO-LEFT OVERRIDE}b",
        "\N{ARABIC-INDIC DIGIT SEVEN}7",
        "\N{KELVIN SIGN}arl",
        "\ud800a",
    ],
)
def test_no_names(text: str) -> None:
    with refusing("invalid_name", Kind.INVALID):
        parse_account_name(text)


@pytest.mark.parametrize(
    ("first", "second"), [("anna", "ANNA"), ("bill", "bi11"), ("otto", "0tt0"), ("mona", "rnona"), ("wanda", "vvanda")]
)
def test_names_that_look_alike_are_one(first: str, second: str) -> None:
    assert parse_account_name(first) == parse_account_name(second)


@pytest.mark.parametrize(("first", "second"), [("anna", "hanna"), ("a.b", "a-b"), ("anna1", "anna2"), ("ali", "all")])
def test_names_that_do_not_are_two(first: str, second: str) -> None:
    assert parse_account_name(first) != parse_account_name(second)


@pytest.mark.parametrize("text", ["owner", "Owner", "0wner", "system", "systern", "me", "everyone"])
def test_nobody_is_named_like_somebody_who_is_no_user(text: str) -> None:
    with refusing("reserved_name", Kind.INVALID):
        parse_account_name(text)


@given(st.text())
def test_a_display_name_is_one_line(text: str) -> None:
    try:
        found = parse_display_name(text)
    except CloudError as problem:
        assert (problem.kind, problem.code) == (Kind.INVALID, "invalid_display_name")
        return
    assert len(found) <= MAX_DISPLAY_NAME
    assert len(found.splitlines()) <= 1
    assert unicodedata.is_normalized("NFC", found)
    assert parse_display_name(found) == found


@pytest.mark.parametrize(
    "text", ["a\nb", "a\N{RIGHT-TO-LEFT OVERRIDE}b", "\N{ZERO WIDTH SPACE}", "\ud800", "a" * (MAX_DISPLAY_NAME + 1)]
)
def test_no_display_names(text: str) -> None:
    with refusing("invalid_display_name", Kind.INVALID):
        parse_display_name(text)


def test_a_display_name_is_in_any_script() -> None:
    assert parse_display_name("  \u0410\u043d\u043d\u0430 \u00d6zg\u00fcr \u5f20 ") == "Анна Özgür 张"
