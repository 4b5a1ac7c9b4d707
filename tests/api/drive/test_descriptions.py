"""The answers of the drive have the header fields that its description names."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from cloudsvc.api.drive import DriveApplication
from cloudsvc.api.drive.descriptions import MODIFIED
from cloudsvc.drive.settings import StorageSettings
from cloudsvc.server.site import describe_applications
from cloudsvc.web.mounts import list_routes
from tests.support.drive_site import FORM, DriveSite, make_form
from tests.support.reactors import in_reactor

OPERATIONS = {operation.name: operation for _, operation in list_routes(DriveApplication.route_types)}

CASES: list[tuple[str, str, str, bytes, dict[str, str], int]] = [
    ("put_file", "PUT", "/files/new", b"x", {"X-OC-Mtime": "1"}, 201),
    ("put_file", "PUT", "/files/a", b"x", {"X-OC-Mtime": "1"}, 204),
    ("get_file", "GET", "/files/a", b"", {}, 200),
    ("get_file", "HEAD", "/files/a", b"", {}, 200),
    ("get_file", "GET", "/files/a", b"", {"Range": "bytes=1-"}, 206),
    ("get_file", "GET", "/files/a", b"", {"If-None-Match": "*"}, 304),
    ("get_file", "GET", "/files/a", b"", {"Range": "bytes=9-"}, 416),
    ("post_file", "POST", "/files/new", make_form(b"x"), {**FORM, "X-OC-Mtime": "1"}, 200),
    ("put_folder", "PUT", "/folders/new", b"", {}, 201),
    ("copy", "POST", "/copies", b'{"source":"a","destination":"b"}', {}, 201),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[1]} {case[2]} {case[-1]}")
@in_reactor
async def test_what_is_described_is_there(drive: DriveSite, case: Any) -> None:
    name, method, path, body, fields, status = case
    assert (await drive.ask("PUT", "/files/a", b"content")).status == 201
    answer = await drive.ask(method, path, body, fields)
    described = OPERATIONS[name].response_headers[status]
    assert answer.status == status
    assert described
    assert all(field in answer.headers for field in described)


def test_how_long_a_tag_may_be_is_said_by_the_settings() -> None:
    application = DriveApplication(StorageSettings(max_tag_length=7), cast("Any", None))  # described, it needs no tools
    schemas = describe_applications([application], "application/json", ())["components"]["schemas"]
    for name, field in (("FileChanges", "add_tags"), ("TagStep", "add")):
        assert schemas[name]["properties"][field]["items"]["maxLength"] == 7


def test_files_are_bytes_that_have_to_be_there() -> None:
    application = DriveApplication(StorageSettings(), cast("Any", None))
    item = describe_applications([application], "application/json", ())["paths"]["/api/files/{path}"]
    bytes_ = {"application/octet-stream": {"schema": {"type": "string", "format": "binary"}}}
    assert item["put"]["requestBody"] == {"required": True, "content": bytes_}
    assert item["get"]["responses"]["200"]["content"] == item["get"]["responses"]["206"]["content"] == bytes_
    form = item["post"]["requestBody"]
    assert form["required"]
    assert form["content"]["multipart/form-data"]["schema"]["properties"]["file"]["format"] == "binary"


def test_no_header_field_has_a_format() -> None:
    # openapi-python-client leaves out each operation that has a parameter of a type that is no text in a header.
    application = DriveApplication(StorageSettings(), cast("Any", None))
    paths = describe_applications([application], "application/json", ())["paths"]
    fields = [
        field for item in paths.values() for operation in item.values() for field in operation.get("parameters", [])
    ]
    assert fields
    assert not [field["name"] for field in fields if field["in"] == "header" and "format" in field["schema"]]


@pytest.mark.parametrize("year", [1000, 1999, 2000, 9999])
def test_the_form_of_a_date_and_time_takes_all_there_are(year: int) -> None:
    form = re.compile(MODIFIED["X-Modified-At"].schema["pattern"])
    days = [datetime(year, 1, 1, 23, 59, 59, tzinfo=UTC) + timedelta(days=day) for day in range(365)]
    assert not [day for day in days if not form.fullmatch(day.isoformat())]
    for wrong in ("-00-01", "-13-01", "-01-00", "-01-32", "-04-31", "-02-30", "-1-1"):
        assert not form.fullmatch(f"{year}{wrong}T00:00:00Z")


def test_dates_are_dates() -> None:
    application = DriveApplication(StorageSettings(), cast("Any", None))
    schemas = describe_applications([application], "application/json", ())["components"]["schemas"]
    moments = [
        schema
        for described in schemas.values()
        for name, schema in described.get("properties", {}).items()
        if name == "timestamp" or name.endswith("_at")
    ]
    assert moments
    for schema in moments:
        assert "date-time" in {each.get("format") for each in (schema, *schema.get("anyOf", ()))}


@pytest.mark.parametrize("name", ["get_file", "get_thumbnail"])
def test_whoever_answers_with_parts_says_how_to_ask_for_them(name: str) -> None:
    operation = OPERATIONS[name]
    assert 206 in operation.answers
    assert "Range" in operation.headers
