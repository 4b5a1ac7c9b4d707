"""The answers of the drive have the header fields that its description names."""

from __future__ import annotations

from typing import Any

import pytest

from cloudsvc.api.drive.routing import app
from cloudsvc.web.operations import operation_of
from tests.support.drive import DriveSite
from tests.support.reactors import in_reactor

CASES: list[tuple[str, str, str, bytes, dict[str, str], int]] = [
    ("put_file", "PUT", "/files/new", b"x", {}, 201),
    ("put_file", "PUT", "/files/a", b"x", {}, 204),
    ("get_file", "GET", "/files/a", b"", {}, 200),
    ("get_file", "HEAD", "/files/a", b"", {}, 200),
    ("get_file", "GET", "/files/a", b"", {"Range": "bytes=1-"}, 206),
    ("get_file", "GET", "/files/a", b"", {"If-None-Match": "*"}, 304),
    ("get_file", "GET", "/files/a", b"", {"Range": "bytes=9-"}, 416),
    ("put_folder", "PUT", "/folders/new", b"", {}, 201),
    ("copy", "POST", "/copies", b'{"source":"a","destination":"b"}', {}, 201),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[1]} {case[2]} {case[-1]}")
@in_reactor
async def test_what_is_described_is_there(drive: DriveSite, case: Any) -> None:
    name, method, path, body, fields, status = case
    assert (await drive.ask("PUT", "/files/a", b"content")).status == 201
    answer = await drive.ask(method, path, body, fields)
    described = operation_of(app.endpoints[name]).response_headers[status]
    assert answer.status == status
    assert described
    assert all(field in answer.headers for field in described)


@pytest.mark.parametrize("name", ["get_file", "get_thumbnail"])
def test_whoever_answers_with_parts_says_how_to_ask_for_them(name: str) -> None:
    operation = operation_of(app.endpoints[name])
    assert 206 in operation.answers
    assert "Range" in operation.headers
