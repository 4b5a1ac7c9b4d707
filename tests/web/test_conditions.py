"""Conditional requests: the order of RFC 9110 section 13.2.2, and what a field may be."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.web.http_headers import Headers
from werkzeug.http import http_date

from cloudsvc.web.conditions import MOST_TAGS, EntityTags, Evaluation, Preconditions, Validators
from cloudsvc.web.errors import HTTPError
from cloudsvc.web.http_dates import format_http_date, parse_http_date

AT = 1_767_225_600
"""2026-01-01T00:00:00Z"""

BEFORE, THEN, AFTER = "Wed, 31 Dec 2025 23:59:59 GMT", "Thu, 01 Jan 2026 00:00:00 GMT", "Thu, 01 Jan 2026 00:00:01 GMT"

VALIDATORS = st.text("abc-_.~", min_size=1, max_size=3)
THERE = Validators(tag="v", modified_at=AT)
FILE = Validators(tag="v", modified_at=AT, returns=True)


def conditions(**fields: str) -> Preconditions:
    class Asked:
        requestHeaders = Headers({name.replace("_", "-"): [value] for name, value in fields.items()})

    asked: Any = Asked()
    return Preconditions.of(asked)


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({}, Evaluation.SEND),
        ({"If_Match": "*"}, Evaluation.SEND),
        ({"If_Match": '"x", "v"'}, Evaluation.SEND),
        ({"If_Match": '"x"'}, Evaluation.FAILED),
        ({"If_Match": 'W/"v"'}, Evaluation.FAILED),
        ({"If_Match": ""}, Evaluation.FAILED),
        ({"If_Match": '"v', "If_None_Match": '"x"'}, Evaluation.FAILED),
        ({"If_None_Match": "*"}, Evaluation.NOT_MODIFIED),
        ({"If_None_Match": '"x", W/"v"'}, Evaluation.NOT_MODIFIED),
        ({"If_None_Match": '"x"'}, Evaluation.SEND),
        ({"If_Modified_Since": BEFORE}, Evaluation.SEND),
        ({"If_Modified_Since": THEN}, Evaluation.NOT_MODIFIED),
        ({"If_Modified_Since": AFTER}, Evaluation.NOT_MODIFIED),
        ({"If_Modified_Since": "yesterday"}, Evaluation.SEND),
        ({"If_Modified_Since": "Mon, 01 Jan 99999999999 00:00:00 GMT"}, Evaluation.SEND),
        ({"If_Unmodified_Since": "Mon, 01 Jan 2020 00:00:00 +99999999999999"}, Evaluation.SEND),
        ({"If_Modified_Since": AFTER, "If_None_Match": '"x"'}, Evaluation.SEND),
        ({"If_Unmodified_Since": BEFORE}, Evaluation.FAILED),
        ({"If_Unmodified_Since": THEN}, Evaluation.SEND),
        ({"If_Unmodified_Since": "yesterday"}, Evaluation.SEND),
        ({"If_Unmodified_Since": BEFORE, "If_Match": '"v"'}, Evaluation.SEND),
        ({"If_Match": '"v"', "If_None_Match": '"v"'}, Evaluation.NOT_MODIFIED),
        ({"If_Match": '"x"', "If_None_Match": '"v"'}, Evaluation.FAILED),
    ],
)
def test_what_becomes_of_a_reading_request(fields: dict[str, str], verdict: Evaluation) -> None:
    assert conditions(**fields).evaluate(THERE) is verdict


@pytest.mark.parametrize("moment", [BEFORE, AFTER])
@pytest.mark.parametrize("name", ["If_Modified_Since", "If_Unmodified_Since"])
def test_without_a_date_only_tags_count(name: str, moment: str) -> None:
    assert conditions(**{name: moment}).evaluate(Validators(tag="v")) is Evaluation.SEND


@given(st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"])), VALIDATORS)
def test_no_field_is_a_surprise(field: str, validator: str) -> None:
    names = ("If_Match", "If_None_Match", "If_Modified_Since", "If_Unmodified_Since")
    for name in names:
        assert conditions(**{name: field}).evaluate(Validators(tag=validator, modified_at=AT)) in Evaluation


@given(st.from_regex(r"(Mon, )?[0-9]{1,3} Jan [0-9]{1,12} [0-9:]{1,9} (GMT|[+-][0-9]{1,15})", fullmatch=True))
@example("Mon, 01 Jan 99999999999 00:00:00 GMT")
@example("Mon, 01 Jan 2026 00:00:00 +99999999999999")
@example("Fri, 31 Dec 9999 23:59:59 -2359")
@example("Mon, 01 Jan 0001 00:00:00 +2359")
def test_what_is_almost_a_date_is_one_or_none(field: str) -> None:
    assert conditions(If_Modified_Since=field).evaluate(THERE) in {Evaluation.SEND, Evaluation.NOT_MODIFIED}
    assert conditions(If_Unmodified_Since=field).evaluate(THERE) in {Evaluation.SEND, Evaluation.FAILED}


def test_of_a_file_only_the_very_date_says_that_nothing_changed() -> None:
    outcomes = [conditions(If_Modified_Since=moment).evaluate(FILE) for moment in (BEFORE, THEN, AFTER)]
    assert outcomes == [Evaluation.SEND, Evaluation.NOT_MODIFIED, Evaluation.SEND]


@pytest.mark.parametrize(
    ("field", "of_drive", "of_file"),
    [
        (None, True, True),
        ('"v"', True, True),
        ('W/"v"', False, False),
        ("v", False, False),
        ('"x"', False, False),
        ("*", False, False),
        (THEN, False, True),
        (BEFORE, False, False),
        (AFTER, False, False),
        ("", False, False),
    ],
)
def test_only_the_very_validator_allows_ranges(field: str | None, of_drive: bool, of_file: bool) -> None:  # noqa: FBT001  # a table
    asked = conditions() if field is None else conditions(If_Range=field)
    assert (asked.allows_ranges(THERE), asked.allows_ranges(FILE)) == (of_drive, of_file)


def test_without_validators_no_part_is_allowed_but_for_whoever_demands_nothing() -> None:
    nothing = Validators(tag=None)
    assert conditions().allows_ranges(nothing)
    assert not conditions(If_Range='"v"').allows_ranges(nothing)
    assert conditions(If_None_Match='"v"').evaluate(nothing) is Evaluation.SEND
    assert conditions(If_Match='"v"').evaluate(nothing) is Evaluation.FAILED


@pytest.mark.parametrize(
    ("field", "strong", "weak"),
    [
        ('"a"', {"a"}, {"a"}),
        ('"a","b"', {"a", "b"}, {"a", "b"}),
        (' , "a" ,, W/"b" ,', {"a"}, {"a", "b"}),
        ('"a, b", "c"', {"a, b", "c"}, {"a, b", "c"}),
        ('w/"a"', set(), {"a"}),
        ("a, b", {"a", "b"}, {"a", "b"}),
        ('""', {""}, {""}),
        ('"*"', {"*"}, {"*"}),
        ("", set(), set()),
        (",,,", set(), set()),
        ('"\xe9"', {"\xe9"}, {"\xe9"}),
    ],
)
def test_lists_of_tags(field: str, strong: set[str], weak: set[str]) -> None:
    found = EntityTags.parse(field)
    assert found is not None
    assert (found.strong, found.all, found.star) == (strong, weak, False)


@pytest.mark.parametrize("field", ["*", " *", "* "])
def test_a_star_is_every_tag(field: str) -> None:
    found = EntityTags.parse(field)
    assert found is not None
    assert found.star


def test_a_list_of_tags_has_a_bound() -> None:
    assert EntityTags.parse('"a",' * MOST_TAGS) is not None
    with pytest.raises(HTTPError) as refused:
        EntityTags.parse('"a",' * (MOST_TAGS + 1))
    assert refused.value.status == 431


@pytest.mark.parametrize("field", [",", '"', "a ", '"a', 'W/"', ' ,"', "\t"])
def test_long_lists_are_read_once(field: str) -> None:
    """A pattern that began anew at each comma would take seconds for this."""
    with suppress(HTTPError):
        EntityTags.parse(field * (1_000_000 // len(field)))


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("Sun, 06 Nov 1994 08:49:37 GMT", 784111777),
        ("Sunday, 06-Nov-94 08:49:37 GMT", 784111777),
        ("Sun Nov  6 08:49:37 1994", 784111777),
        ("sun, 06 nov 1994 08:49:37 gmt", 784111777),
        ("Thursday, 01-Jan-26 00:00:00 GMT", AT),
        ("Thu Jan  1 00:00:00 2026", AT),
        ("Tue, 01 Jun 1965 00:00:00 GMT", -144720000),
        ("Sat, 31 Dec 2016 23:59:60 GMT", 1483228800),
        ("Fri, 31 Dec 9999 23:59:59 GMT", 253402300799),
        ("Thu, 01 Jan 2026 00:00:00 CET", None),
        ("Thu, 32 Jan 2026 00:00:00 GMT", None),
        ("Thu, 30 Feb 2026 00:00:00 GMT", None),
        ("Thu, 01 Foo 2026 00:00:00 GMT", None),
        ("Thu, 01 Jan 2026 24:00:00 GMT", None),
        ("Thu, 01 Jan 2026 00:00:61 GMT", None),
        ("Thu, 01 Jan 0000 00:00:00 GMT", None),
        ("Thu, 01 Jan 2026 00:00:00 GMT, Thu, 01 Jan 2026 00:00:00 GMT", None),
        ("2026-01-01T00:00:00Z", None),
        ("1767225600", None),
        ("Thu, \u0660\u0661 Jan 2026 00:00:00 GMT", None),
        ("Thu, 01 Jan 2026 00:00:00 GMT" + " " * 100_000, None),
        ("", None),
        (None, None),
    ],
)
def test_dates_in_all_three_formats(text: str | None, moment: int | None) -> None:
    assert parse_http_date(text) == moment


@given(st.integers(-62135596800, 253402300799))
def test_dates_are_read_as_they_are_written(second: int) -> None:
    assert parse_http_date(format_http_date(second).decode()) == second
    assert format_http_date(second) == http_date(second).encode()


@pytest.mark.parametrize(("second", "year"), [(-(10**15), b"0001"), (10**15, b"9999"), (10**300, b"9999")])
def test_what_no_calendar_reaches_is_its_end(second: int, year: bytes) -> None:
    assert year in format_http_date(second)
