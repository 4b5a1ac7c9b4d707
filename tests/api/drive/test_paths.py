"""Paths in URLs."""

from __future__ import annotations

from random import Random
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.api.drive.paths import locate, parse_named
from cloudsvc.drive.names import MAX_NAME_BYTES
from cloudsvc.drive.nodes import Folder, NodeId
from cloudsvc.extend import CloudError
from cloudsvc.web.http1.targets import decode_path
from tests.support.drive_site import DriveSite
from tests.support.reactors import in_reactor

NAMES = (
    "100%.txt",
    "50%25.txt",
    "a b",
    "#1",
    "what?",
    "a+b",
    "a&b=c",
    "'\"",
    "\\",
    "😀",
    "ä",
    "thumbnail",
    "%",
    "%zz",
    "..a",
    "a:b",
    "~",
)


@given(st.text("ab/ .%#?:😀\u0301", min_size=1, max_size=30), st.randoms(), st.sampled_from(["", "/cloud", "/a/b"]))
def test_a_location_names_what_was_made_however_the_request_was_spelt(text: str, random: Random, before: str) -> None:
    try:
        path = parse_named(text)
    except CloudError:
        return
    folder = Folder(id=NodeId(1), path=path, created_at=0, updated_at=0)
    for target in (f"api/folders/{text}", "api/copies"):
        url = "/" + "/".join(quote(name, safe="") for name in target.split("/"))
        spelt = url[0] + "".join("%2F" if each == "/" and random.random() < 0.5 else each for each in url[1:])

        class Asked:
            path = spelt.encode("ascii")
            segments = decode_path(path)

        asked: Any = Asked()
        _, location = locate(asked, folder)
        # A proxy has taken away what is before, so the server does not know of it.
        found = decode_path(urlsplit(urljoin(f"https://cloud{before}{spelt}", location.decode())).path.encode("ascii"))
        assert parse_named("/".join(found).removeprefix(f"{before.removeprefix('/')}/")) == parse_named(
            f"api/folders/{text}"
        )


@pytest.mark.parametrize("name", NAMES)
@in_reactor
async def test_every_name_has_one_address(drive: DriveSite, name: str) -> None:
    for place in (name, f"{name}/{name}"):
        url = f"/files/x/{quote(place, safe='/')}"
        put = await drive.ask("PUT", url, place.encode())
        if place == name:
            assert (put.status, put.json["filepath"]) == (201, f"x/{place}")
            assert decode_path(b"/api/files/x/" + put.headers["Location"].encode())[-1] == name
            got = await drive.ask("GET", url)
            assert (got.status, got.body) == (200, place.encode())
            assert (await drive.ask("DELETE", url)).json["filepath"] == f"x/{place}"
        else:
            assert (await drive.ask("GET", url)).body == place.encode()


@in_reactor
async def test_a_percent_sign_that_begins_no_escape_stands_for_itself(drive: DriveSite) -> None:
    assert (await drive.ask("PUT", "/files/100%.txt", b"x")).json["filepath"] == "100%.txt"
    assert (await drive.ask("GET", "/files/100%25.txt")).body == b"x"


@in_reactor
async def test_a_question_mark_that_is_not_escaped_stores_nothing(drive: DriveSite) -> None:
    answer = await drive.ask("PUT", "/files/what?.txt", b"x")
    assert (answer.status, answer.json["error"]) == (400, "invalid_query")
    assert (await drive.ask("GET", "/files/what")).status == 404


@pytest.mark.parametrize("mount", ["files", "folders", "versions"])
@pytest.mark.parametrize(
    "path",
    [
        "",
        "a/",
        "a//b",
        "/a",
        ".",
        "..",
        "a/../b",
        "%2e%2e/a",
        "..%2f..%2fa",
        "a%0Ab",
        "a%0A",
        "%7F",
        "%C2%85",
        "a" * (MAX_NAME_BYTES + 1),
    ],
)
@in_reactor
async def test_what_is_no_path_is_refused_with_the_reason(drive: DriveSite, mount: str, path: str) -> None:
    answer = await drive.ask("GET", f"/{mount}/{path}")
    assert (answer.status, answer.json["error"]) == (400, "invalid_path")


@pytest.mark.parametrize("path", ["%FF", "%C3%28", "%ED%A0%80", "%00"])
@in_reactor
async def test_what_is_no_text_is_refused(drive: DriveSite, path: str) -> None:
    for method in ("GET", "PUT", "PATCH", "DELETE", "POST"):
        assert (await drive.ask(method, f"/files/{path}")).status == 400


@in_reactor
async def test_one_name_in_both_normal_forms_is_one_file(drive: DriveSite) -> None:
    assert (await drive.ask("PUT", "/files/%C3%A4", b"one")).status == 201
    assert (await drive.ask("PUT", "/files/a%CC%88", b"two")).status == 204
    assert (await drive.ask("GET", "/files/%C3%A4")).body == b"two"


@in_reactor
async def test_a_file_called_thumbnail_is_a_file_like_any_other(drive: DriveSite) -> None:
    assert (await drive.ask("PUT", "/files/a/thumbnail", b"first")).status == 201
    assert (await drive.ask("GET", "/files/a/thumbnail")).body == b"first"
    assert (await drive.ask("PUT", "/files/a/thumbnail", b"second")).status == 204
    ranged = await drive.ask("GET", "/files/a/thumbnail", headers={"Range": "bytes=0-1"})
    assert (ranged.status, ranged.body) == (206, b"se")
    assert (await drive.ask("PATCH", "/files/a/thumbnail", b'{"add_tags":["x"]}')).json["tags"] == ["x"]
    assert (await drive.ask("DELETE", "/files/a/thumbnail")).status == 200
    assert (await drive.ask("PUT", "/files/b", b"x")).status == 201
    assert (await drive.ask("PUT", "/files/b/thumbnail", b"x")).json["error"] == "is_file"
