"""One file, over the routes and on real storage."""

from __future__ import annotations

from base64 import b64encode
from hashlib import sha256

import pytest

from tests.support.drive_site import FORM, DriveSite, make_form
from tests.support.reactors import in_reactor


def format_sha256(content: bytes) -> str:
    return f"sha-256=:{b64encode(sha256(content).digest()).decode()}:"


@in_reactor
async def test_what_is_put_is_got(drive: DriveSite) -> None:
    put = await drive.ask("PUT", "/files/a/b.png", b"content")
    assert put.status == 201
    assert put.headers["Location"] == "./b.png"
    assert put.headers["Repr-Digest"] == format_sha256(b"content")
    assert put.json["filepath"] == "a/b.png"
    got = await drive.ask("GET", "/files/a/b.png")
    assert (got.status, got.body) == (200, b"content")
    assert got.headers["ETag"] == put.headers["ETag"] == put.json["etag"]
    assert got.headers["Content-Type"] == "image/png"
    assert got.headers["Content-Disposition"] == 'inline; filename="b.png"'
    assert got.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["Cache-Control"] == "private, no-cache"
    assert got.headers["Accept-Ranges"] == "bytes"
    assert got.headers["Repr-Digest"] == format_sha256(b"content")


@in_reactor
async def test_head_is_get_without_content(drive: DriveSite) -> None:
    await drive.ask("PUT", "/files/a", b"content")
    got, head = await drive.ask("GET", "/files/a"), await drive.ask("HEAD", "/files/a")
    assert (head.status, head.body, head.headers["Announced-Length"]) == (200, b"", "7")
    for name in ("ETag", "Last-Modified", "Content-Type", "Content-Disposition", "Repr-Digest"):
        assert head.headers[name] == got.headers[name]


@in_reactor
async def test_a_second_put_replaces(drive: DriveSite) -> None:
    first = await drive.ask("PUT", "/files/a", b"one")
    second = await drive.ask("PUT", "/files/a", b"two")
    assert (second.status, second.body) == (204, b"")
    assert second.headers["ETag"] != first.headers["ETag"]
    assert (await drive.ask("GET", "/files/a")).body == b"two"


@in_reactor
async def test_conditions_of_a_put(drive: DriveSite) -> None:
    first = await drive.ask("PUT", "/files/a", b"one", {"If-None-Match": "*"})
    assert first.status == 201
    assert (await drive.ask("PUT", "/files/a", b"two", {"If-None-Match": "*"})).status == 412
    assert (await drive.ask("PUT", "/files/a", b"two", {"If-Match": '"other"'})).status == 412
    assert (await drive.ask("PUT", "/files/b", b"two", {"If-Match": "*"})).status == 412
    assert (await drive.ask("GET", "/files/a")).body == b"one"
    assert (await drive.ask("PUT", "/files/a", b"two", {"If-Match": first.headers["ETag"]})).status == 204


@in_reactor
async def test_a_digest_must_be_that_of_the_content(drive: DriveSite) -> None:
    wrong = await drive.ask("PUT", "/files/a", b"one", {"Content-Digest": format_sha256(b"two")})
    assert (wrong.status, wrong.json["error"]) == (400, "digest_mismatch")
    assert (await drive.ask("GET", "/files/a")).status == 404
    assert await drive.opened.list_blobs() == set()
    right = await drive.ask("PUT", "/files/a", b"one", {"Repr-Digest": f"md5=:AA==:, {format_sha256(b'one')}"})
    assert right.status == 201


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Content-Range": "bytes 0-1/2"}, 400),
        ({"Content-Encoding": "gzip"}, 415),
        ({"Content-Type": "no type"}, 400),
        ({"Content-Digest": "sha-256=abc"}, 400),
    ],
)
@in_reactor
async def test_a_put_that_cannot_be_kept(drive: DriveSite, headers: dict[str, str], status: int) -> None:
    assert (await drive.ask("PUT", "/files/a", b"one", headers)).status == status
    assert (await drive.ask("GET", "/files/a")).status == 404


@pytest.mark.parametrize(
    ("name", "declared", "told"),
    [
        ("a.jpg", "image/png;", "image/png"),
        ("a.jpg", "image/png ; ;\ta=b", "image/png;a=b"),
        ("a.jpg", "", "image/jpeg"),
        ("a.jpg", " \t", "image/jpeg"),
        ("a.jpg", "application/octet-stream;", "image/jpeg"),
        # What curl says of everything, with -d and with --data-binary.
        ("a.jpg", "application/x-www-form-urlencoded", "image/jpeg"),
        ("a.mht", "multipart/related; boundary=x", "multipart/related;boundary=x"),
        ("a.mkv", None, "video/matroska"),
        ("a.unheard-of", None, "application/octet-stream"),
    ],
)
@in_reactor
async def test_the_type_that_is_declared_or_else_told_by_the_name(
    drive: DriveSite, name: str, declared: str | None, told: str
) -> None:
    fields = {} if declared is None else {"Content-Type": declared}
    assert (await drive.ask("PUT", f"/files/put/{name}", b"one", fields)).status == 201
    assert (await drive.ask("GET", f"/files/put/{name}")).headers["Content-Type"] == told
    if declared is not None:
        form = make_form(b"one", media_type=declared)
        assert (await drive.ask("POST", f"/files/post/{name}", form, FORM)).status == 200
        assert (await drive.ask("GET", f"/files/post/{name}")).headers["Content-Type"] == told


@pytest.mark.parametrize("coding", ["", " ", "identity", "Identity, identity", ","])
@in_reactor
async def test_content_that_is_not_coded(drive: DriveSite, coding: str) -> None:
    assert (await drive.ask("PUT", "/files/put", b"one", {"Content-Encoding": coding})).status == 201
    assert (
        await drive.ask("POST", "/files/post", make_form(b"one"), {**FORM, "Content-Encoding": coding})
    ).status == 200


@in_reactor
async def test_a_form_makes_a_new_file_only(drive: DriveSite) -> None:
    made = await drive.ask("POST", "/files/a.txt", make_form(b"one"), FORM)
    assert (made.status, made.json["filepath"], made.json["size"]) == (200, "a.txt", 3)
    again = await drive.ask("POST", "/files/a.txt", make_form(b"two"), FORM)
    assert (again.status, again.json["error"]) == (409, "already_exists")
    assert (await drive.ask("GET", "/files/a.txt")).body == b"one"


@in_reactor
async def test_deleting_puts_into_the_trash(drive: DriveSite) -> None:
    await drive.ask("PUT", "/files/a", b"one")
    deleted = await drive.ask("DELETE", "/files/a")
    assert (deleted.status, deleted.json["filepath"]) == (200, "a")
    assert (await drive.ask("GET", "/files/a")).status == 404
    assert (await drive.ask("DELETE", "/files/a")).json["error"] == "file_not_found"


@in_reactor
async def test_tags_and_a_new_path_in_one_step(drive: DriveSite) -> None:
    await drive.ask("PUT", "/files/a", b"one")
    body = b'{"new_filepath":"b/c","add_tags":["y","x"],"remove_tags":["z"]}'
    changed = await drive.ask("PATCH", "/files/a", body)
    assert (changed.status, changed.json["filepath"], changed.json["tags"]) == (200, "b/c", ["x", "y"])
    assert (await drive.ask("PATCH", "/files/b/c", b'{"tags":[]}')).status == 400
    await drive.ask("PUT", "/files/d", b"two")
    refused = await drive.ask("PATCH", "/files/b/c", b'{"new_filepath":"d","add_tags":["w"]}')
    assert (refused.status, refused.json["message"]) == (409, "There is something at 'd' already.")
    assert (await drive.ask("PATCH", "/files/b/c", b"{}")).json["tags"] == ["x", "y"]


@in_reactor
async def test_ranges(drive: DriveSite) -> None:
    await drive.ask("PUT", "/files/a.txt", b"0123456789")
    one = await drive.ask("GET", "/files/a.txt", headers={"Range": "bytes=-3"})
    assert (one.status, one.body, one.headers["Content-Range"]) == (206, b"789", "bytes 7-9/10")
    beyond = await drive.ask("GET", "/files/a.txt", headers={"Range": "bytes=10-"})
    assert (beyond.status, beyond.headers["Content-Range"]) == (416, "bytes */10")
    two = await drive.ask("GET", "/files/a.txt", headers={"Range": "bytes=0-1, 8-"})
    kind, _, boundary = two.headers["Content-Type"].partition("; boundary=")
    assert (two.status, kind) == (206, "multipart/byteranges")
    delimiter = f"\r\n--{boundary}".encode()
    text = b"\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Range: bytes "
    assert two.body == (
        delimiter + text + b"0-1/10\r\n\r\n01" + delimiter + text + b"8-9/10\r\n\r\n89" + delimiter + b"--\r\n"
    )


@pytest.mark.parametrize("ranges", ["bytes=0-1", "bytes=-3", "bytes=10-", "bytes=0-1, 8-"])
@in_reactor
async def test_ranges_mean_nothing_to_head(drive: DriveSite, ranges: str) -> None:
    """RFC 9110 section 14.2: they are defined for GET."""
    await drive.ask("PUT", "/files/a.txt", b"0123456789")
    plain = (await drive.ask("HEAD", "/files/a.txt")).headers
    asked = await drive.ask("HEAD", "/files/a.txt", headers={"Range": ranges})
    assert (asked.status, asked.headers["Announced-Length"]) == (200, "10")
    assert "Content-Range" not in asked.headers
    assert asked.headers.keys() == plain.keys()


@in_reactor
async def test_a_large_file_is_sent_in_pieces(drive: DriveSite) -> None:
    content = bytes(range(256)) * 4096
    await drive.ask("PUT", "/files/a", content)
    assert (await drive.ask("GET", "/files/a")).body == content
    part = await drive.ask("GET", "/files/a", headers={"Range": "bytes=100-700000"})
    assert part.body == content[100:700001]
