"""Conditional requests: the order of RFC 9110 section 13.2.2, for reading and for writing."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from twisted.web.http_headers import Headers

from cloudsvc.api.drive.conditions import Preconditions, Verdict, allows_ranges, spell_moment, spell_tag
from cloudsvc.core.coroutines import start
from cloudsvc.drive.commands import Condition
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import Blob, BlobId, File, NodeId, Version, VersionId
from cloudsvc.extend import CloudError

AT = 1_767_225_600_123_456
"""2026-01-01T00:00:00.123456Z"""

BEFORE, THEN, AFTER = "Wed, 31 Dec 2025 23:59:59 GMT", "Thu, 01 Jan 2026 00:00:00 GMT", "Thu, 01 Jan 2026 00:00:01 GMT"

VALIDATORS = st.text("abc-_.~", min_size=1, max_size=3)
TAGS = st.lists(st.tuples(st.booleans(), VALIDATORS), min_size=1, max_size=4)


def conditions(**fields: str) -> Preconditions:
    class Asked:
        requestHeaders = Headers({name.replace("_", "-"): [value] for name, value in fields.items()})

    asked: Any = Asked()
    return Preconditions.of(asked)


def make_file(validator: str) -> File:
    blob = Blob(id=BlobId("b"), size=1, digest=bytes(32))
    version = Version(id=VersionId(1), validator=validator, blob=blob, media_type="a/b", created_at=AT)
    return File(id=NodeId(1), path=parse_path("a"), version=version, tags=(), created_at=AT, updated_at=AT)


def for_writing(file: File | None, **fields: str) -> Condition:
    async def find() -> File | None:
        return file

    condition = start(conditions(**fields).for_writing(find))
    assert isinstance(condition, Condition)
    return condition


def holds(condition: Condition, validator: str | None) -> bool:
    try:
        condition.check(parse_path("a"), validator)
    except CloudError:
        return False
    return True


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({}, Verdict.SEND),
        ({"If_Match": "*"}, Verdict.SEND),
        ({"If_Match": '"x", "v"'}, Verdict.SEND),
        ({"If_Match": '"x"'}, Verdict.FAILED),
        ({"If_Match": 'W/"v"'}, Verdict.FAILED),
        ({"If_Match": ""}, Verdict.FAILED),
        ({"If_Match": '"v', "If_None_Match": '"x"'}, Verdict.FAILED),
        ({"If_None_Match": "*"}, Verdict.NOT_MODIFIED),
        ({"If_None_Match": '"x", W/"v"'}, Verdict.NOT_MODIFIED),
        ({"If_None_Match": '"x"'}, Verdict.SEND),
        ({"If_Modified_Since": BEFORE}, Verdict.SEND),
        ({"If_Modified_Since": THEN}, Verdict.NOT_MODIFIED),
        ({"If_Modified_Since": AFTER}, Verdict.NOT_MODIFIED),
        ({"If_Modified_Since": "yesterday"}, Verdict.SEND),
        ({"If_Modified_Since": "Mon, 01 Jan 99999999999 00:00:00 GMT"}, Verdict.SEND),
        ({"If_Unmodified_Since": "Mon, 01 Jan 2020 00:00:00 +99999999999999"}, Verdict.SEND),
        ({"If_Modified_Since": AFTER, "If_None_Match": '"x"'}, Verdict.SEND),
        ({"If_Unmodified_Since": BEFORE}, Verdict.FAILED),
        ({"If_Unmodified_Since": THEN}, Verdict.SEND),
        ({"If_Unmodified_Since": "yesterday"}, Verdict.SEND),
        ({"If_Unmodified_Since": BEFORE, "If_Match": '"v"'}, Verdict.SEND),
        ({"If_Match": '"v"', "If_None_Match": '"v"'}, Verdict.NOT_MODIFIED),
        ({"If_Match": '"x"', "If_None_Match": '"v"'}, Verdict.FAILED),
    ],
)
def test_what_becomes_of_a_reading_request(fields: dict[str, str], verdict: Verdict) -> None:
    assert conditions(**fields).judge_reading("v", AT) is verdict


@pytest.mark.parametrize("moment", [BEFORE, AFTER])
@pytest.mark.parametrize("name", ["If_Modified_Since", "If_Unmodified_Since"])
def test_without_a_date_only_tags_count(name: str, moment: str) -> None:
    assert conditions(**{name: moment}).judge_reading("v") is Verdict.SEND


@pytest.mark.parametrize(
    ("fields", "absent", "old", "new"),
    [
        ({}, True, True, True),
        ({"If_Match": "*"}, False, True, True),
        ({"If_Match": '"old"'}, False, True, False),
        ({"If_Match": 'W/"old"'}, False, False, False),
        ({"If_Match": '"old'}, False, False, False),
        ({"If_None_Match": "*"}, True, False, False),
        ({"If_None_Match": '"old"'}, True, False, True),
        ({"If_None_Match": 'W/"old"'}, True, False, True),
        ({"If_Match": '"old"', "If_None_Match": '"old"'}, False, False, False),
    ],
)
def test_conditions_of_writing(fields: dict[str, str], absent: bool, old: bool, new: bool) -> None:  # noqa: FBT001  # a table
    condition = for_writing(None, **fields)
    assert [holds(condition, validator) for validator in (None, "old", "new")] == [absent, old, new]


def test_a_date_stands_for_the_version_of_that_time() -> None:
    condition = for_writing(make_file("old"), If_Unmodified_Since=THEN)
    assert (holds(condition, "old"), holds(condition, "new")) == (True, False)
    with pytest.raises(CloudError, match="not as the request demands"):
        for_writing(make_file("old"), If_Unmodified_Since=BEFORE)
    assert holds(for_writing(None, If_Unmodified_Since=BEFORE), None)


@given(VALIDATORS, TAGS)
def test_reading_and_writing_agree(validator: str, tags: list[tuple[bool, str]]) -> None:
    field = ", ".join(("W/" if weak else "") + spell_tag(text) for weak, text in tags)
    match = (False, validator) in tags
    assert (conditions(If_Match=field).judge_reading(validator) is Verdict.SEND) == match
    assert holds(for_writing(None, If_Match=field), validator) == match
    none_match = validator not in {text for _, text in tags}
    assert (conditions(If_None_Match=field).judge_reading(validator) is Verdict.SEND) == none_match
    assert holds(for_writing(None, If_None_Match=field), validator) == none_match


@given(st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"])), VALIDATORS)
def test_no_field_is_a_surprise(field: str, validator: str) -> None:
    names = ("If_Match", "If_None_Match", "If_Modified_Since", "If_Unmodified_Since")
    for name in names:
        assert conditions(**{name: field}).judge_reading(validator, AT) in Verdict


@given(st.from_regex(r"(Mon, )?[0-9]{1,3} Jan [0-9]{1,12} [0-9:]{1,9} (GMT|[+-][0-9]{1,15})", fullmatch=True))
@example("Mon, 01 Jan 99999999999 00:00:00 GMT")
@example("Mon, 01 Jan 2026 00:00:00 +99999999999999")
@example("Fri, 31 Dec 9999 23:59:59 -2359")
@example("Mon, 01 Jan 0001 00:00:00 +2359")
def test_what_is_almost_a_date_is_one_or_none(field: str) -> None:
    assert conditions(If_Modified_Since=field).judge_reading("v", AT) in {Verdict.SEND, Verdict.NOT_MODIFIED}
    assert conditions(If_Unmodified_Since=field).judge_reading("v", AT) in {Verdict.SEND, Verdict.FAILED}


@pytest.mark.parametrize(
    ("field", "allowed"), [(None, True), ('"v"', True), ('W/"v"', False), ('"x"', False), (THEN, False), ("", False)]
)
def test_only_a_strong_tag_allows_ranges(field: str | None, allowed: bool) -> None:  # noqa: FBT001  # a table
    assert allows_ranges(field, "v") is allowed


def test_dates_are_as_coarse_as_the_protocol() -> None:
    assert spell_moment(AT) == THEN.encode()
