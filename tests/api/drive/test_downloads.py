"""Downloads: the parameters and header fields that they take or pass over."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.drive_site import DriveSite, open_site
from tests.support.reactors import in_reactor


@pytest.mark.parametrize("query", ["v=1", "v=1&v=2", "x", "_=1&version=1", "limit=2", "&", "%ff"])
@in_reactor
async def test_what_a_query_says_besides_means_nothing(drive: DriveSite, query: str) -> None:
    await drive.ask("PUT", "/files/a", b"abc")
    answer = await drive.ask("GET", f"/files/a?{query}")
    assert (answer.status, answer.body) == (200, b"abc")
    assert (await drive.ask("HEAD", f"/files/a?{query}")).status == 200


@pytest.mark.parametrize("query", ["version=x", "version=1&version=1", "version=0&v=1"])
@in_reactor
async def test_what_it_says_has_to_be_right(drive: DriveSite, query: str) -> None:
    await drive.ask("PUT", "/files/a", b"abc")
    answer = await drive.ask("GET", f"/files/a?{query}")
    assert (answer.status, answer.json["error"]) == (400, "invalid_query")


@pytest.mark.parametrize("target", ["/files?v=1", "/folders?v=1", "/versions/a?v=1", "/trash?v=1"])
@in_reactor
async def test_lists_stay_strict(drive: DriveSite, target: str) -> None:
    await drive.ask("PUT", "/files/a", b"abc")
    assert (await drive.ask("GET", target)).json["error"] == "invalid_query"


@in_reactor
async def test_nothing_from_its_first_byte_on_is_nothing(drive: DriveSite) -> None:
    await drive.ask("PUT", "/files/empty", b"")
    for ranges in ("0-", "0-9", "-1"):
        answer = await drive.ask("GET", "/files/empty", headers={"Range": f"bytes={ranges}"})
        assert (answer.status, answer.body) == (200, b""), ranges
    assert (await drive.ask("GET", "/files/empty", headers={"Range": "bytes=1-"})).status == 416


@pytest.mark.parametrize("target", ["/files/a.txt", "/files", "/folders", "/versions/a.txt"])
@in_reactor
async def test_what_users_store_is_never_compressed(drive: DriveSite, target: str) -> None:
    await drive.ask("PUT", "/files/a.txt", b"text" * 1000)
    answer = await drive.ask("GET", target, headers={"Accept-Encoding": "gzip"})
    assert "Content-Encoding" not in answer.headers
    assert answer.headers["Cache-Control"] in {"no-store", "private, no-cache"}


@pytest.mark.parametrize("size", [4096, 10**6])
@in_reactor
async def test_an_answer_without_content_opens_nothing(tmp_path: Path, size: int) -> None:
    """The bytes are gone from the disk, which only an answer that has some of them can notice."""
    async with open_site(tmp_path) as drive:
        stored = await drive.ask("PUT", "/files/a", bytes(size))
        for blob in tmp_path.glob("blobs/*/*"):  # noqa: ASYNC240  # a test may wait for its disk
            blob.unlink()
        tag, other = stored.headers["ETag"], '"other"'
        assert (await drive.ask("HEAD", "/files/a")).headers["Announced-Length"] == str(size)
        assert (await drive.ask("GET", "/files/a", headers={"If-None-Match": tag})).status == 304
        assert (await drive.ask("GET", "/files/a", headers={"If-Match": other})).status == 412
        assert (await drive.ask("HEAD", "/files/a", headers={"If-None-Match": tag})).status == 304
        assert (await drive.ask("GET", "/files/a", headers={"If-None-Match": other})).status == 503
        assert (await drive.ask("GET", "/files/a")).status == 503
