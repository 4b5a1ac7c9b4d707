"""Requests of the client as values, and the meaning of their answers."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.api.drive.paths import parse_named
from cloudsvc.client import calls
from cloudsvc.client.effects import Answer
from cloudsvc.client.errors import LocalError, MalformedAnswerError
from cloudsvc.client.operations import Delete, Move, Tag
from cloudsvc.core.errors import CloudError
from cloudsvc.drive.names import parse_path

DIGEST = bytes(range(32))


@pytest.mark.parametrize(
    ("name", "target"),
    [
        ("100%.txt", "/api/files/100%25.txt"),
        ("a?b#c", "/api/files/a%3Fb%23c"),
        ("e\u0301.txt", "/api/files/e%CC%81.txt"),
        ("two words/dot.", "/api/files/two%20words/dot."),
        ("a+b&c;d\\", "/api/files/a%2Bb%26c%3Bd%5C"),
    ],
)
def test_names_mean_nothing_in_a_url(name: str, target: str) -> None:
    assert calls.find_file(name).target == target


@pytest.mark.parametrize("path", ["", "/", "a//b", "/a", "a/", "..", "a/../b", "."])
def test_what_is_no_path_is_not_sent(path: str) -> None:
    with pytest.raises(LocalError, match="is no path"):
        calls.find_file(path)


def test_a_name_that_is_not_utf_8_is_not_sent() -> None:
    with pytest.raises(LocalError, match="not UTF-8"):
        calls.find_file("\udcff")


@given(st.text(min_size=1, max_size=20))
def test_whatever_the_drive_stores_can_be_named(text: str) -> None:
    try:
        path = str(parse_path(text))
    except CloudError:
        return
    escaped = calls.find_file(path).target.removeprefix("/api/files/")
    assert str(parse_named(unquote(escaped))) == path


def test_lists_ask_for_pages() -> None:
    assert calls.list_folder("").target == "/api/folders?limit=1000"
    assert calls.list_folder("a b", "c=&", 1).target == "/api/folders/a%20b?limit=1&cursor=c%3D%26"
    search = calls.Search(folder="a/b", tag="x y", media_type="image")
    assert calls.list_files(search).target == "/api/files?limit=1000&prefix=a%2Fb&tag=x%20y&type=image&sort=path"


def test_conditions_and_moments_of_an_upload() -> None:
    moment = datetime(2025, 7, 14, 18, 30, tzinfo=UTC)
    call = calls.put_file("a", b"x", if_absent=True, modified_at=moment, sha256=DIGEST, media_type="text/plain")
    assert call.headers == {
        "Content-Type": "text/plain",
        "If-None-Match": "*",
        "X-Modified-At": "2025-07-14T18:30:00+00:00",
        "Repr-Digest": "sha-256=:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=:",
    }
    assert not call.repeatable
    assert not calls.put_file("a", b"x", if_match='"tag"').repeatable
    assert calls.put_file("a", b"x").repeatable


def test_parts_of_a_file() -> None:
    assert calls.get_file("a").headers == {}
    assert calls.get_file("a", start=5, etag='"t"').headers == {"Range": "bytes=5-", "If-Range": '"t"'}
    assert calls.get_file("a", stop=5).headers == {"Range": "bytes=0-4"}
    assert calls.get_file("a", version=3).target == "/api/files/a?version=3"


def test_a_batch_says_only_what_is_wanted() -> None:
    call = calls.apply_batch([Move("a", "b"), Delete("c", if_match='"t"'), Tag("d", add=("x",))])
    assert call.content == (
        b'{"operations":[{"move":{"path":"a","new_path":"b"}},{"delete":{"path":"c","if_match":"\\"t\\""}},'
        b'{"tag":{"path":"d","add":["x"],"remove":[]}}]}'
    )
    assert not call.repeatable


def test_what_a_header_says_of_a_file() -> None:
    headers = {
        "content-length": "7",
        "etag": '"t"',
        "repr-digest": "sha-512=:AA==:, sha-256=:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=:",
        "x-modified-at": "2025-07-14T18:30:00Z",
        "content-type": "image/png",
    }
    status = calls.find_file("a").parse(Answer(status=200, headers=headers))
    assert (status.size, status.etag, status.sha256) == (7, '"t"', DIGEST.hex())
    assert status.modified_at == datetime(2025, 7, 14, 18, 30, tzinfo=UTC)


@pytest.mark.parametrize("field", ["", "sha-256=:AAA=:", "sha-256=:!:", "sha-256=AAAA", "md5=:AAAA:"])
def test_a_digest_that_is_none(field: str) -> None:
    assert calls.parse_digest({"repr-digest": field}) is None


@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=200, headers={"etag": '"t"'}),
        Answer(status=200, headers={"content-length": "1"}),
        Answer(status=206, headers={"etag": '"t"', "content-length": "1", "content-range": "bytes */x"}),
    ],
)
def test_an_answer_without_what_it_must_say(answer: Answer) -> None:
    with pytest.raises(MalformedAnswerError):
        calls.find_file("a").parse(answer)


@pytest.mark.parametrize("content", [b"", b"<html>", b"[]", b"\xff", b'{"children": 1}'])
def test_an_answer_of_something_else(content: bytes) -> None:
    with pytest.raises(MalformedAnswerError, match="none of cloudsvc"):
        calls.list_folder("").parse(Answer(status=200, headers={}, content=content))


def test_members_of_a_newer_server_are_passed_over() -> None:
    health = calls.get_health().parse(
        Answer(status=200, headers={}, content=b'{"status": "healthy", "message": "Fine.", "new": [1]}')
    )
    assert health.status == "healthy"


@pytest.mark.parametrize("field", ["", "bytes", "bytes -5/7", "items 0-1/7", "bytes a-b/7"])
def test_a_part_that_does_not_say_which(field: str) -> None:
    with pytest.raises(MalformedAnswerError):
        calls.parse_first(Answer(status=206, headers={"content-range": field}))
