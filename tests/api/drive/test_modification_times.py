"""Modification times that clients declare: kept, listed, and given back."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.api.drive.modification import parse_seconds
from cloudsvc.api.moments import parse_moment
from cloudsvc.drive.nodes import EARLIEST, LATEST, format_instant
from tests.support.drive_site import FORM, DriveSite, make_form
from tests.support.reactors import in_reactor

OLD = "1965-06-01T12:00:00.250000Z"
OLD_SECONDS = "-144676799.75"


@given(st.integers(EARLIEST, LATEST))
def test_what_is_told_can_be_sent(moment: int) -> None:
    assert parse_moment(format_instant(moment)) == moment


@given(st.integers(-(10**12), 10**12), st.integers(0, 999_999_999))
def test_seconds_with_fractions_are_floored_to_microseconds(whole: int, nanoseconds: int) -> None:
    text = f"{whole}.{nanoseconds:09}"
    assert parse_seconds(text) == Fraction(text) * 10**6 // 1


@given(st.datetimes(timezones=st.timezones() | st.just(UTC)))
def test_offsets_count(moment: datetime) -> None:
    text = moment.isoformat()
    offset = moment.utcoffset() or timedelta()
    expected = None
    if not offset % timedelta(minutes=1):
        # A moment may be outside of the years that a date in UTC can have.
        expected = (moment.replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC) - offset) // timedelta(microseconds=1)
    assert parse_moment(text) == expected


@pytest.mark.parametrize(
    "fields",
    [
        {"X-OC-Mtime": OLD_SECONDS},
        {"x-oc-mtime": f" {OLD_SECONDS} "},
        {"X-Modified-At": OLD},
        {"X-Modified-At": "1965-06-01T14:00:00.25+02:00"},
        {"X-Modified-At": OLD, "X-OC-MTime": OLD_SECONDS},
    ],
)
@in_reactor
async def test_what_was_said_is_found_everywhere(drive: DriveSite, fields: dict[str, str]) -> None:
    for method, path, body, more in (
        ("PUT", "put", b"1", {}),
        ("PUT", "put", b"2", {}),
        ("POST", "posted", make_form(b"3"), FORM),
    ):
        answer = await drive.ask(method, f"/files/folder/{path}", body, {**more, **fields})
        assert answer.status in {200, 201, 204}
        is_owncloud = any("oc" in name.lower() for name in fields)
        assert answer.headers.get("X-OC-Mtime") == ("accepted" if is_owncloud else None)
        if answer.status != 204:
            assert answer.json["modified_at"] == OLD
    await drive.ask("POST", "/copies", b'{"source": "folder/put", "destination": "folder/copy"}')
    await drive.ask("PATCH", "/files/folder/posted", b'{"new_filepath": "folder/moved", "add_tags": ["x"]}')
    for name in ("put", "copy", "moved"):
        for method in ("GET", "HEAD"):
            assert (await drive.ask(method, f"/files/folder/{name}")).headers["X-Modified-At"] == OLD
    assert (await drive.ask("GET", "/files/folder/put", headers={"Range": "bytes=0-0"})).headers["X-Modified-At"] == OLD
    listed = (await drive.ask("GET", "/files")).json["files"]
    assert [file["modified_at"] for file in listed] == [OLD] * 3
    assert all(file["uploaded_at"] > OLD and file["updated_at"] > OLD for file in listed)
    lines = (await drive.ask("GET", "/files", headers={"Accept": "application/x-ndjson"})).body.splitlines()
    assert [json.loads(line)["modified_at"] for line in lines] == [OLD] * 3
    children = (await drive.ask("GET", "/folders/folder")).json["children"]
    assert [child["modified_at"] for child in children] == [OLD] * 3
    versions = (await drive.ask("GET", "/versions/folder/put")).json["versions"]
    assert [version["modified_at"] for version in versions] == [OLD] * 2
    [folder] = (await drive.ask("GET", "/folders")).json["children"]
    assert folder["modified_at"] is None


@in_reactor
async def test_without_a_word_it_is_the_moment_of_storing(drive: DriveSite) -> None:
    answer = await drive.ask("PUT", "/files/a", b"x")
    [listed] = (await drive.ask("GET", "/files")).json["files"]
    assert answer.json["modified_at"] == listed["modified_at"] == listed["uploaded_at"]
    assert "X-OC-Mtime" not in answer.headers


@pytest.mark.parametrize(
    "fields",
    [
        *({"X-OC-Mtime": text} for text in ("", "x", "0x10", "1e9", "1,2", "1.", ".5", "nan", "99999999999999", "١٢")),
        {"X-OC-Mtime": "253402300800"},
        {"X-OC-Mtime": "-62135596801"},
        *({"X-Modified-At": text} for text in ("", "1700000000", "2026-01-01", "2026-01-01T00:00:00", "yesterday")),
        {"X-Modified-At": "0001-01-01T00:00:00+01:00"},
        {"X-Modified-At": OLD, "X-OC-Mtime": "1"},
    ],
)
@in_reactor
async def test_what_is_no_moment_is_refused_before_anything_is_stored(drive: DriveSite, fields: dict[str, str]) -> None:
    for method, body, more in (("PUT", b"x", {}), ("POST", make_form(b"x"), FORM)):
        answer = await drive.ask(method, "/files/a", body, {**more, **fields})
        assert (answer.status, answer.json["error"]) == (400, "malformed_moment")
        assert all(name in answer.json["message"] for name in fields)
    assert (await drive.ask("GET", "/files/a")).status == 404
