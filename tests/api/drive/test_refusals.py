"""Every refused request says why in ``message``, changes nothing and leaves nothing on disk."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any, Final
from urllib.parse import quote

import pytest

from cloudsvc.drive.names import parse_path
from tests.support.drive_contents import read_state
from tests.support.drive_site import FORM, DriveSite, make_form, open_site
from tests.support.reactors import in_reactor, wait_for
from tests.support.site import Answer

pytestmark = pytest.mark.slow

KIB = 1024
LIMITS: Final[dict[str, Any]] = {
    "max_file_size_mb": 4 * KIB / 2**20,
    "capacity_gb": 6 * KIB / 2**30,
    "max_tags_per_file": 3,
    "max_tag_length": 5,
}
NO_SUCH_DIGEST = f"sha-256=:{'A' * 43}=:"
BOTH_WAYS = "contradictory_tags"
CHUNKED = {"Transfer-Encoding": "chunked"}
TOO_LARGE_IN_CHUNKS = b"%x\r\n%b\r\n0\r\n\r\n" % (len(make_form(b"x" * 100_000)), make_form(b"x" * 100_000))


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[DriveSite]:
    """A drive with little room: ``a`` with two versions, the file ``d/f``, the folder ``d/e``, the trash with ``t``."""
    context = open_site(tmp_path, **LIMITS)
    site = wait_for(context.__aenter__())
    wait_for(fill(site))
    yield site
    wait_for(context.__aexit__(None, None, None))


async def fill(drive: DriveSite) -> None:
    for path, content in (("a", b"one"), ("a", b"three"), ("d/f", b"four"), ("t", b"five")):
        assert (await drive.ask("PUT", f"/files/{path}", content)).status in {201, 204}
    assert (await drive.ask("PUT", "/folders/d/e")).status == 201
    assert (await drive.ask("PATCH", "/files/a", b'{"add_tags":["x","y"]}')).status == 200
    assert (await drive.ask("DELETE", "/files/t")).status == 200


def spell(body: Any) -> bytes:
    return body if isinstance(body, bytes) else json.dumps(body).encode()


def check_refusal(answer: Answer) -> None:
    """It says what it is, twice for programs and once for people."""
    assert answer.headers["Content-Type"] == "application/json"
    assert set(answer.json) == {"code", "message", "timestamp", "error", "request_id"}
    assert answer.json["code"] == answer.status
    assert answer.json["message"].strip()
    assert answer.json["message"].isprintable()


Row = tuple[str, str, Any, dict[str, str], int, str]
"""Method, path, body, fields; status and error."""

REFUSED: list[Row] = [
    ("PUT", "/files/d", b"x", {}, 409, "is_folder"),
    ("PUT", "/files/a/b", b"x", {}, 409, "is_file"),
    ("PUT", "/files/a/", b"x", {}, 400, "invalid_path"),
    ("PUT", "/files/..", b"x", {}, 400, "invalid_path"),
    ("PUT", "/files/a?b", b"x", {}, 400, "invalid_query"),
    ("PUT", "/files/a", b"x", {"If-None-Match": "*"}, 412, "precondition_failed"),
    ("PUT", "/files/a", b"x", {"If-Match": '"other"'}, 412, "precondition_failed"),
    ("PUT", "/files/new", b"x", {"If-Match": "*"}, 412, "precondition_failed"),
    ("PUT", "/files/a", b"x", {"If-Unmodified-Since": "Thu, 01 Jan 1970 00:00:00 GMT"}, 412, "precondition_failed"),
    ("PUT", "/files/new", b"x" * 4097, {}, 413, "file_too_large"),
    ("PUT", "/files/new", b"1001\r\n" + b"x" * 4097 + b"\r\n0\r\n\r\n", CHUNKED, 413, "file_too_large"),
    ("PUT", "/files/new", b"zz\r\n", CHUNKED, 400, "bad_request"),
    ("PUT", "/files/new", b"x", {"Content-Digest": NO_SUCH_DIGEST}, 400, "digest_mismatch"),
    ("PUT", "/files/new", b"x", {"Content-Digest": "sha-256"}, 400, "malformed_digest"),
    ("PUT", "/files/new", b"x", {"Content-Type": "nothing"}, 400, "invalid_media_type"),
    ("PUT", "/files/new", b"x", {"Content-Type": "image/*"}, 400, "invalid_media_type"),
    ("PUT", "/files/new", make_form(b"x"), FORM, 415, "wrapped_content"),
    ("PUT", "/files/a", make_form(b"x"), {"Content-Type": "Multipart/Form-Data"}, 415, "wrapped_content"),
    ("PUT", "/files/new", b"x", {"Content-Type": "multipart/byteranges; boundary=x"}, 415, "wrapped_content"),
    ("POST", "/files/new", make_form(b"x", media_type="multipart/form-data; boundary=y"), FORM, 415, "wrapped_content"),
    ("POST", "/files/new", make_form(b"x", media_type="*/*"), FORM, 400, "invalid_media_type"),
    ("PUT", "/files/new", b"x", {"Content-Encoding": "gzip"}, 415, "content_coding"),
    ("PUT", "/files/new", b"x", {"Content-Encoding": "identity, br"}, 415, "content_coding"),
    ("PUT", "/files/new", b"x", {"Content-Range": "bytes 0-0/1"}, 400, "partial_upload"),
    ("PUT", "/files/new", b"x", {"Expect": "the best"}, 417, "expectation_failed"),
    ("POST", "/files/a", make_form(b"x"), FORM, 409, "already_exists"),
    ("POST", "/files/d", make_form(b"x"), FORM, 409, "is_folder"),
    ("POST", "/files/new", make_form(b"x", name="other"), FORM, 400, "malformed_form"),
    ("POST", "/files/new", make_form(b"x")[:-5], FORM, 400, "malformed_form"),
    ("POST", "/files/new", make_form(b"x" * 4097), FORM, 413, "file_too_large"),
    ("POST", "/files/new", make_form(b"x" * 100_000), FORM, 413, "file_too_large"),
    ("POST", "/files/new", TOO_LARGE_IN_CHUNKS, {**FORM, **CHUNKED}, 413, "file_too_large"),
    ("POST", "/files/new", b"x", {}, 415, "not_a_form"),
    ("GET", "/files/none", b"", {}, 404, "file_not_found"),
    ("GET", "/files/d", b"", {}, 404, "file_not_found"),
    ("GET", "/files/a?version=99", b"", {}, 404, "version_not_found"),
    ("GET", "/files/a", b"", {"Range": "bytes=9-"}, 416, "range_not_satisfiable"),
    ("POST", "/files/new", make_form(b"x"), {**FORM, "If-Match": '"other"'}, 412, "precondition_failed"),
    ("POST", "/files/new", make_form(b"x"), {**FORM, "If-Match": "*"}, 412, "precondition_failed"),
    ("GET", "/files/a", b"", {"If-Match": '"other"'}, 412, "precondition_failed"),
    ("GET", "/files?cursor=forged", b"", {}, 400, "bad_cursor"),
    ("GET", "/files?limit=0", b"", {}, 400, "invalid_query"),
    ("POST", "/files?tag=x", {}, {}, 400, "invalid_query"),
    ("POST", "/files", b"{", {}, 400, "bad_json"),
    ("POST", "/files", {"tags": []}, {}, 400, "invalid_body"),
    ("POST", "/files", {"offset": -1}, {}, 400, "invalid_body"),
    ("POST", "/files", {"limit": "1"}, {}, 400, "invalid_body"),
    ("POST", "/files", b"tag=x", {"Content-Type": "application/x-www-form-urlencoded"}, 400, "bad_json"),
    ("PATCH", "/files/none", {}, {}, 404, "file_not_found"),
    ("PATCH", "/files/d", {}, {}, 404, "file_not_found"),
    ("PATCH", "/files/a", {"tags": ["z"]}, {}, 400, "invalid_body"),
    ("PATCH", "/files/a", {"new_filepath": "d/f", "add_tags": ["z"]}, {}, 409, "already_exists"),
    ("PATCH", "/files/a", {"new_filepath": "d/f/x", "add_tags": ["z"]}, {}, 409, "is_file"),
    ("PATCH", "/files/a", {"new_filepath": "../a", "add_tags": ["z"]}, {}, 400, "invalid_path"),
    ("PATCH", "/files/a", {"new_filepath": "b", "add_tags": ["v", "z"]}, {}, 400, "too_many_tags"),
    ("PATCH", "/files/a", {"new_filepath": "b", "add_tags": [" z"]}, {}, 400, "invalid_tag"),
    ("PATCH", "/files/a", {"new_filepath": "a", "add_tags": ["z"]}, {}, 409, "already_exists"),
    ("PATCH", "/files/none", {"new_filepath": "none"}, {}, 404, "file_not_found"),
    ("PATCH", "/files/d", {"new_filepath": "d"}, {}, 404, "file_not_found"),
    ("PATCH", "/files/a", {"add_tags": ["z"]}, {"If-Match": '"other"'}, 412, "precondition_failed"),
    ("DELETE", "/files/d", b"", {}, 404, "file_not_found"),
    ("DELETE", "/files/a", b"", {"If-Match": '"other"'}, 412, "precondition_failed"),
    ("GET", "/folders/a", b"", {}, 404, "folder_not_found"),
    ("PUT", "/folders/a", b"", {}, 409, "is_file"),
    ("PUT", "/folders/a/b", b"", {}, 409, "is_file"),
    ("PUT", "/folders/c", b"content", {}, 400, "unexpected_body"),
    ("PATCH", "/folders/d", {"new_path": "d/e/g"}, {}, 409, "destination_inside_source"),
    ("PATCH", "/folders/d", {"new_path": "a"}, {}, 409, "already_exists"),
    ("PATCH", "/folders/d", {"new_path": ""}, {}, 400, "invalid_path"),
    ("PATCH", "/folders/none", {"new_path": "new"}, {}, 404, "folder_not_found"),
    ("DELETE", "/folders/a", b"", {}, 404, "folder_not_found"),
    ("GET", "/versions/d", b"", {}, 404, "file_not_found"),
    ("POST", "/versions/a", {"restore": 99}, {}, 404, "version_not_found"),
    ("POST", "/versions/a", {"restore": 1}, {"If-Match": '"other"'}, 412, "precondition_failed"),
    ("POST", "/trash/99/restore", b"", {}, 404, "trash_entry_not_found"),
    ("POST", "/trash/1/restore?destination=a", b"", {}, 409, "already_exists"),
    ("POST", "/trash/1/restore?destination=../a", b"", {}, 400, "invalid_path"),
    ("POST", "/trash/1/restore", {"destination": "c"}, {}, 400, "unexpected_body"),
    ("DELETE", "/trash/99", b"", {}, 404, "trash_entry_not_found"),
    ("DELETE", "/trash/1?sure", b"", {}, 400, "invalid_query"),
    ("DELETE", "/trash", {"id": 1}, {}, 400, "unexpected_body"),
    ("DELETE", "/trash", b"7\r\n{'a':1}\r\n0\r\n\r\n", CHUNKED, 400, "unexpected_body"),
    ("DELETE", "/trash", b" " * 1000, {}, 400, "unexpected_body"),
    ("DELETE", "/trash/1", {"sure": False}, {}, 400, "unexpected_body"),
    ("DELETE", "/files/a", {"version": 1}, {}, 400, "unexpected_body"),
    ("DELETE", "/folders/d", ["e"], {}, 400, "unexpected_body"),
    ("POST", "/copies", {"source": "a", "destination": "c"}, {"Content-Type": "text/plain"}, 415, "not_json"),
    ("POST", "/versions/a", {"restore": 1}, {"Content-Type": "text/plain"}, 415, "not_json"),
    ("PATCH", "/folders/d", {"new_path": "c"}, {"Content-Type": "text/plain"}, 415, "not_json"),
    ("POST", "/copies", {"source": "none", "destination": "new"}, {}, 404, "not_found"),
    ("POST", "/copies", {"source": "a", "destination": "d"}, {}, 409, "already_exists"),
    ("POST", "/copies", {"source": "d", "destination": "d/e/g"}, {}, 409, "destination_inside_source"),
    ("POST", "/batch", {"operations": []}, {}, 400, "invalid_body"),
    ("POST", "/batch", {"operations": [{"delete": {"path": "a"}}] * 2}, {}, 404, "not_found"),
    ("POST", "/batch", {"operations": [{"make_folder": {"path": p}} for p in ("new", "a")]}, {}, 409, "is_file"),
    ("POST", "/batch", {"operations": []}, {"Content-Type": "text/plain"}, 415, "not_json"),
    ("POST", "/batch", {"operations": [{"tag": {"path": "a", "add": ["123456"]}}]}, {}, 400, "tag_too_long"),
    ("POST", "/batch", {"operations": [{"tag": {"path": "a", "add": [""]}}]}, {}, 400, "invalid_tag"),
    ("POST", "/batch", {"operations": [{"tag": {"path": "a", "add": ["z"], "remove": ["z"]}}]}, {}, 400, BOTH_WAYS),
    ("FOO", "/files/a", b"", {}, 405, "method_not_allowed"),
    ("PUT", "/files", b"x", {}, 405, "method_not_allowed"),
    ("put", "/files/new", b"x", {}, 405, "method_not_allowed"),
    ("Delete", "/files/a", b"", {}, 405, "method_not_allowed"),
]


@pytest.mark.parametrize("row", REFUSED, ids=lambda row: f"{row[0]} {row[1][:20]} {row[-1]}")
@in_reactor
async def test_a_refusal_says_why_and_changes_nothing(drive: DriveSite, tmp_path: Path, row: Row) -> None:
    method, path, body, headers, status, error = row
    before = read_state(tmp_path)
    answer = await drive.ask(method, path, spell(body), headers)
    assert (answer.status, answer.json["error"]) == (status, error), answer.json
    check_refusal(answer)
    assert read_state(tmp_path) == before


@in_reactor
async def test_a_full_drive_refuses_and_gives_up_nothing_for_what_could_not_be_enough(
    drive: DriveSite, tmp_path: Path
) -> None:
    assert (await drive.ask("PUT", "/files/most", b"x" * 4096)).status == 201
    before = read_state(tmp_path)
    for method, body, headers in (
        ("PUT", b"y" * 3000, {}),
        ("PUT", b"bb8\r\n" + b"y" * 3000 + b"\r\n0\r\n\r\n", CHUNKED),
        ("POST", make_form(b"y" * 3000), FORM),
    ):
        answer = await drive.ask(method, "/files/more", body, headers)
        assert (answer.status, answer.json["error"]) == (507, "no_capacity")
        check_refusal(answer)
        assert read_state(tmp_path) == before


@in_reactor
async def test_a_folder_whose_quota_is_used_up_refuses_whatever_comes_by_whatever_way(
    drive: DriveSite, tmp_path: Path
) -> None:
    opened = drive.opened
    for path in ("from/x", "quota/f"):
        await opened.store(path, b"first")
    [first] = (await opened.drive.list_versions(opened.actor, parse_path("quota/f"), 9)).items
    await opened.store("quota/f", b"second")
    await opened.drive.set_quota(opened.actor, parse_path("quota"), len(b"first" + b"second"))
    before = read_state(tmp_path)
    ways: list[tuple[str, str, Any, dict[str, str]]] = [
        ("PUT", "/files/quota/new", b"more than makes way", {}),
        ("POST", "/files/quota/new", make_form(b"more than makes way"), FORM),
        ("PATCH", "/files/a", {"new_filepath": "quota/a", "add_tags": ["z"]}, {}),
        ("PATCH", "/folders/from", {"new_path": "quota/from"}, {}),
        ("POST", "/copies", {"source": "from", "destination": "quota/from"}, {}),
        ("POST", "/trash/1/restore?destination=quota/t", b"", {}),
        ("POST", "/versions/quota/f", {"restore": first.id}, {}),
    ]
    for method, path, body, headers in ways:
        answer = await drive.ask(method, path, spell(body), headers)
        assert (answer.status, answer.json["error"]) == (507, "quota_exceeded"), path
        check_refusal(answer)
        assert read_state(tmp_path) == before
    assert (await drive.ask("PUT", "/files/quota/new", b"fits")).status == 201


METHODS = ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE", "OPTIONS"]
PLACES = ["a", "b", "d", "d/e", "d/f", "d/g", "a/b", "", "..", "a//b", "x" * 256, "\n", "t"]
NUMBERS = [0, 1, 2, 3, 99, -1, 2**63, None, "1"]
TAGS = ["x", "y", "z", "", " ", "\0", "123456"]
QUERIES = ["", "", "", "?version=1", "?version=99", "?limit=2", "?x"]
FIELDS = [
    {},
    {},
    {"If-Match": "*"},
    {"If-Match": '"other"'},
    {"If-None-Match": "*"},
    {"Range": "bytes=99-"},
    {"Content-Digest": NO_SUCH_DIGEST},
    {"Content-Type": "none"},
    FORM,
]


def invent(random: Random) -> tuple[str, str, Any, dict[str, str]]:
    """Any request: method, target, body and fields fit together, or not."""

    def place() -> str:
        return random.choice(PLACES)

    def tags() -> list[str]:
        return random.sample(TAGS, random.randrange(3))

    def step() -> dict[str, Any]:
        return random.choice(
            [
                {"make_folder": {"path": place()}},
                {"move": {"path": place(), "new_path": place()}},
                {"copy": {"source": place(), "destination": place()}},
                {"delete": {"path": place()}},
                {"restore": {"id": random.choice(NUMBERS)}},
                {"tag": {"path": place(), "add": tags()}},
            ]
        )

    named = f"/{random.choice(['files', 'folders', 'versions'])}/{quote(place())}{random.choice(QUERIES)}"
    numbered = f"/trash/{random.choice(NUMBERS)}{random.choice(['', '/restore', '/restore?destination=d/g'])}"
    path = random.choice([named, named, named, numbered, "/files", "/trash", "/copies", "/batch", "/files?cursor=W10"])
    body = random.choice(
        [
            {"operations": [step() for _ in range(random.randrange(4))]},
            {"new_filepath": place(), "add_tags": tags()},
            {"new_path": place()},
            {"source": place(), "destination": place()},
            {"restore": random.choice(NUMBERS)},
            *({}, {"tag": None}, b"", b"content", make_form(b"content"), b"[" * 40, b"\xff"),
        ]
    )
    return random.choice(METHODS), path, body, random.choice(FIELDS)


@pytest.mark.parametrize("seed", range(8))
@in_reactor
async def test_whatever_is_asked_it_is_done_or_refused(drive: DriveSite, tmp_path: Path, seed: int) -> None:
    random = Random(seed)  # noqa: S311  # any requests will do
    done = refused = 0
    state = read_state(tmp_path)
    for _ in range(100):
        method, path, body, headers = request = invent(random)
        answer = await drive.ask(method, path, spell(body), headers)
        before, state = state, read_state(tmp_path)
        if answer.status >= 400:
            refused += 1
            assert answer.status < 500 or answer.status == 507, request
            assert state == before, request
            if method != "HEAD":
                check_refusal(answer)
        else:
            done += 1
    assert done
    assert refused
