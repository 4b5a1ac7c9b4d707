"""Conditional requests that change something."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twisted.web.http_headers import Headers

from cloudsvc.api.drive.conditions import make_condition, validators_of
from cloudsvc.drive.commands import Condition, State
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import Blob, BlobId, File, NodeId, Version, VersionId
from cloudsvc.extend import CloudError, Preconditions, format_tag
from cloudsvc.web.conditions import Evaluation
from cloudsvc.web.http_dates import format_http_date

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


def make_file(validator: str, updated_at: int = AT, stored_at: int = AT) -> File:
    blob = Blob(id=BlobId("b"), size=1, digest=bytes(32))
    version = Version(
        id=VersionId(1), validator=validator, blob=blob, media_type="a/b", created_at=stored_at, modified_at=AT
    )
    return File(id=NodeId(1), path=parse_path("a"), version=version, tags=(), created_at=AT, updated_at=updated_at)


def for_writing(**fields: str) -> Condition:
    return make_condition(conditions(**fields))


def holds(condition: Condition, file: File | None) -> bool:
    try:
        condition.check(parse_path("a"), None if file is None else State.of(file))
    except CloudError:
        return False
    return True


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
    condition = for_writing(**fields)
    assert [holds(condition, file) for file in (None, make_file("old"), make_file("new"))] == [absent, old, new]


def test_a_date_is_evaluated_in_the_change() -> None:
    file, later = make_file("old"), make_file("new", AT + 1_000_000)
    for moment, expected in ((BEFORE, (False, False)), (THEN, (True, False)), (AFTER, (True, True))):
        condition = for_writing(If_Unmodified_Since=moment)
        assert (holds(condition, file), holds(condition, later)) == expected
        assert holds(condition, None)
    # An entity tag that is named as well decides alone (RFC 9110 section 13.2.2).
    assert holds(for_writing(If_Unmodified_Since=BEFORE, If_Match='"old"'), file)


def test_a_date_stands_for_the_version_that_an_upload_finds() -> None:
    """Another one in the same second would be taken for it."""
    file = make_file("old")
    condition = for_writing(If_Unmodified_Since=THEN)
    assert holds(condition, make_file("new", AT + 1))
    settled = condition.settle(State.of(file))
    assert (holds(settled, file), holds(settled, make_file("new", AT + 1))) == (True, False)
    assert condition.settle(None) == condition
    named = for_writing(If_Match='"old", "new"')
    assert named.settle(State.of(file)) == named


OLD = "Tue, 01 Jun 1965 12:00:00 GMT"
OLDER, YOUNGER = "Tue, 01 Jun 1965 11:59:59 GMT", "Tue, 01 Jun 1965 12:00:01 GMT"


@pytest.mark.parametrize(
    ("moment", "unchanged"), [(OLDER, False), (OLD, True), (YOUNGER, False), (BEFORE, False), (THEN, True)]
)
def test_a_file_that_has_brought_an_old_date_is_new_all_the_same(moment: str, unchanged: bool) -> None:  # noqa: FBT001  # a table
    """Whoever has what was there before knows a date between the two, and must not take it for this."""
    file = make_file("imported", -144_676_800_000_000)
    current = validators_of(file, file.version)
    assert (b"Last-Modified", OLD.encode()) in current.fields
    outcome = conditions(If_Modified_Since=moment).evaluate(current)
    assert outcome is (Evaluation.NOT_MODIFIED if unchanged else Evaluation.SEND)
    outcome = conditions(If_Unmodified_Since=moment).evaluate(current)
    assert outcome is (Evaluation.SEND if unchanged else Evaluation.FAILED)
    assert holds(for_writing(If_Unmodified_Since=moment), file) == unchanged


@given(VALIDATORS, TAGS)
def test_reading_and_writing_agree(validator: str, tags: list[tuple[bool, str]]) -> None:
    field = ", ".join(("W/" if weak else "") + format_tag(text) for weak, text in tags)
    match = (False, validator) in tags
    file = make_file(validator)
    current = validators_of(file, file.version)
    assert (conditions(If_Match=field).evaluate(current) is Evaluation.SEND) == match
    assert holds(for_writing(If_Match=field), file) == match
    none_match = validator not in {text for _, text in tags}
    assert (conditions(If_None_Match=field).evaluate(current) is Evaluation.SEND) == none_match
    assert holds(for_writing(If_None_Match=field), file) == none_match


@given(st.integers(-3, 3), st.integers(-3, 3), st.integers(-3, 3))
def test_reading_and_writing_agree_about_dates(updated: int, stored: int, asked: int) -> None:
    file = make_file("a", AT + updated * 400_000, AT + stored * 400_000)
    moment = format_http_date(AT // 1_000_000 + asked).decode()
    outcome = conditions(If_Unmodified_Since=moment).evaluate(validators_of(file, file.version))
    assert (outcome is Evaluation.SEND) == holds(for_writing(If_Unmodified_Since=moment), file)
