"""Clients of python-cloud-server (upstream), which know nothing of this server: what they send, and what they read."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from tests.support.drive_servers import DRIVE, Curled, curl
from tests.support.hostile_clients import run_trial
from tests.support.sample_media import QUARTERS, decode, draw, encode, make_film, read_quarters
from tests.support.server import Server
from tests.support.upstream import describe

PAGE = "<title>Files</title>"
MOMENT = "%Y-%m-%dT%H:%M:%S.%fZ"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One with a drive and a page, as the upstream web client has."""
    pages = tmp_path_factory.mktemp("pages")
    (pages / "files").mkdir()
    (pages / "files" / "index.html").write_text(PAGE)
    sections = {"storage_config": {"thumbnail_size": 64}, "static": {"directory": str(pages)}}
    with run_trial(tmp_path_factory.mktemp("drive") / "home", applications=[DRIVE], **sections) as server:
        yield server


def ask(server: Server, path: str, *arguments: object) -> Curled:
    """One request as such clients make it: with their spelling of the field, and the path as the user typed it."""
    answer = curl(server, path, *arguments, "-H", f"X-API-KEY: {server.token}", key=False)
    assert answer.exit_status == 0
    if answer.status >= 400:
        assert answer.json["message"].strip()
    return answer


def send(server: Server, method: str, path: str, body: Any) -> Curled:
    content = body if isinstance(body, str) else json.dumps(body)
    return ask(server, path, "-X", method, "-H", "Content-Type: application/json", "-d", content)


def upload(server: Server, path: str, content: str = "content", *tags: str) -> str:
    """Store a file, as the form of a page does; its URL."""
    url = f"/api/files/{path}"
    posted = ask(server, url, "-F", f"file={content};filename=x")
    assert (posted.status, posted.json["filepath"], posted.json["size"]) == (200, path, len(content.encode()))
    if tags:
        assert send(server, "PATCH", url, {"add_tags": [*tags], "remove_tags": []}).status == 200
    return url


def list_files(server: Server, body: Any, below: str) -> list[dict[str, Any]]:
    """What is listed below a folder, as it is listed."""
    listed = send(server, "POST", "/api/files", body)
    assert listed.status == 200
    assert set(listed.json) == {"code", "message", "timestamp", "files"}
    assert listed.json["code"] == 200
    datetime.strptime(listed.json["timestamp"], MOMENT)  # noqa: DTZ007  # only its form matters
    return [file for file in listed.json["files"] if file["filepath"].startswith(below)]


@pytest.fixture(scope="module")
def listing(server: Server) -> str:
    """A folder with three files."""
    upload(server, "listing/first.txt", "one", "x", "other")
    upload(server, "listing/second.png", "two", "other")
    upload(server, "listing/third", "three", "x")
    return "listing/"


@pytest.mark.usefixtures("listing")
class TestListing:
    @pytest.mark.parametrize(
        ("body", "names"),
        [
            ("{}", ["third", "second.png", "first.txt"]),
            ('{"tag": null}', ["third", "second.png", "first.txt"]),
            ('{"tag": "x"}', ["third", "first.txt"]),
            ('{"tag": "other"}', ["second.png", "first.txt"]),
            ('{"tag": "none"}', []),
            ('{"tag": null, "offset": 0, "limit": 100}', ["third", "second.png", "first.txt"]),
            ('{"tag": "x", "offset": 1}', ["first.txt"]),
            ('{"tag": "x", "offset": 1, "limit": 1}', ["first.txt"]),
            ('{"tag": "x", "limit": 1}', ["third"]),
            ('{"tag": "x", "offset": 5, "limit": 1}', []),
            ('{"tag": "x", "offset": null, "limit": null}', ["third", "first.txt"]),
        ],
    )
    def test_the_newest_comes_first(self, server: Server, body: str, names: list[str]) -> None:
        assert [file["filepath"] for file in list_files(server, body, "listing/")] == [
            f"listing/{name}" for name in names
        ]

    @pytest.mark.parametrize("spelt", [[], ["-H", "Content-Type: text/plain"], ["-H", "Content-Type:"]])
    def test_the_type_of_the_body_does_not_matter(self, server: Server, spelt: list[str]) -> None:
        """curl calls everything a form."""
        listed = ask(server, "/api/files", *spelt, "-d", '{"tag": "x"}')
        assert (listed.status, len(listed.json["files"])) == (200, 2)
        changed = ask(
            server, "/api/files/listing/third", "-X", "PATCH", *spelt, "-d", '{"remove_tags": ["never there"]}'
        )
        assert (changed.status, changed.json["tags"]) == (200, ["x"])

    def test_each_is_described_as_upstream_does(self, server: Server) -> None:
        files = list_files(server, {}, "listing/")
        expected = [("third", ["x"], 5), ("second.png", ["other"], 3), ("first.txt", ["other", "x"], 3)]
        for file, (name, tags, size) in zip(files, expected, strict=True):
            moments = [file["uploaded_at"], file["updated_at"]]
            assert sorted(moments, key=lambda text: datetime.strptime(text, MOMENT)) == moments  # noqa: DTZ007  # all UTC
            dates = dict(zip(("uploaded_at", "updated_at"), moments, strict=True))
            assert file == describe(f"listing/{name}", tags, size) | dates

    def test_a_file_stays_in_its_place_when_it_is_changed(self, server: Server) -> None:
        before = list_files(server, {}, "listing/")
        changed = send(server, "PATCH", "/api/files/listing/first.txt", {"add_tags": ["new"]})
        assert changed.status == 200
        after = list_files(server, {}, "listing/")
        assert after[:-1] == before[:-1]
        assert after[-1]["uploaded_at"] == before[-1]["uploaded_at"]
        assert after[-1]["updated_at"] > before[-1]["updated_at"]
        assert send(server, "PATCH", "/api/files/listing/first.txt", {"remove_tags": ["new"]}).status == 200

    @pytest.mark.parametrize(("body", "status"), [("", 400), ("{", 400), ('{"tag": 1}', 400), ('{"tags": []}', 400)])
    def test_what_is_no_question(self, server: Server, body: str, status: int) -> None:
        assert send(server, "POST", "/api/files", body).status == status


class TestUpload:
    def test_what_is_there_is_kept(self, server: Server) -> None:
        url = upload(server, "upload/kept.txt", "old")
        refused = ask(server, url, "-F", "file=new;filename=x")
        assert (refused.status, refused.json["code"]) == (409, 409)
        assert ask(server, url).body == b"old"

    def test_other_fields_are_ignored(self, server: Server) -> None:
        url = "/api/files/upload/among-others"
        assert ask(server, url, "-F", "tags=a", "-F", "file=one;filename=x", "-F", "more=b").status == 200
        assert ask(server, url).body == b"one"

    def test_a_folder_is_in_the_way(self, server: Server) -> None:
        upload(server, "upload/folder/file")
        assert ask(server, "/api/files/upload/folder", "-F", "file=x;filename=x").status == 409

    @pytest.mark.parametrize(
        ("arguments", "status"),
        [(["-F", "other=x"], 400), (["-F", "file=x", "-F", "file=y"], 400), (["-d", "file=x"], 415)],
        ids=["another field", "two files", "no such form"],
    )
    def test_a_form_that_cannot_be_used(self, server: Server, arguments: list[str], status: int) -> None:
        assert ask(server, "/api/files/upload/refused", *arguments).status == status
        assert ask(server, "/api/files/upload/refused").status == 404


class TestDownload:
    def test_the_bytes_come_back(self, server: Server, tmp_path: Path) -> None:
        file = tmp_path / "sea.jpeg"
        file.write_bytes(encode(draw(), "JPEG"))
        assert ask(server, "/api/files/download/sea.jpeg", "-F", f"file=@{file}").json["size"] == file.stat().st_size
        got = ask(server, "/api/files/download/sea.jpeg")
        assert (got.status, got.headers["content-type"], got.body) == (200, "image/jpeg", file.read_bytes())

    @pytest.mark.parametrize(
        ("name", "make"),
        [("sea.png", lambda: encode(draw(), "PNG")), ("film.mp4", lambda: make_film("mp4", "mpeg4"))],
        ids=["image", "video"],
    )
    def test_a_thumbnail(self, server: Server, tmp_path: Path, name: str, make: Any) -> None:
        file = tmp_path / name
        file.write_bytes(make())
        assert ask(server, f"/api/files/{name}", "-F", f"file=@{file}").status == 200
        got = ask(server, f"/api/files/{name}/thumbnail")
        assert (got.status, got.headers["content-type"]) == (200, "image/jpeg")
        picture = decode(got.body)
        assert max(picture.size) == 64
        assert read_quarters(picture) == QUARTERS

    def test_what_is_not_there(self, server: Server) -> None:
        for path in ("download/none", "download/none/thumbnail"):
            assert ask(server, f"/api/files/{path}").status == 404

    def test_a_text_has_no_thumbnail(self, server: Server) -> None:
        assert ask(server, f"{upload(server, 'download/text.txt')}/thumbnail").status == 415


class TestChange:
    def test_a_path_and_tags_at_once(self, server: Server) -> None:
        url = upload(server, "change/old.txt", "content", "a", "b")
        body = {"new_filepath": "change/new/new.txt", "add_tags": ["c"], "remove_tags": ["a", "unknown"]}
        changed = send(server, "PATCH", url, body)
        assert changed.status == 200
        assert set(changed.json) == {"code", "message", "timestamp", "filepath", "tags"}
        assert (changed.json["filepath"], changed.json["tags"]) == ("change/new/new.txt", ["b", "c"])
        assert ask(server, url).status == 404
        assert ask(server, "/api/files/change/new/new.txt").body == b"content"

    @pytest.mark.parametrize("body", [{}, {"new_filepath": None, "add_tags": [], "remove_tags": []}])
    def test_nothing_to_change(self, server: Server, body: dict[str, Any]) -> None:
        name = f"change/same-{len(body)}"
        changed = send(server, "PATCH", upload(server, name, "content", "a"), body)
        assert (changed.status, changed.json["filepath"], changed.json["tags"]) == (200, name, ["a"])

    @pytest.mark.parametrize(
        ("body", "tags"),
        [
            ({"add_tags": ["z" * 51, "good"]}, ["a", "good"]),
            ({"add_tags": ["z" * 50, "z" * 5000]}, ["a", "z" * 50]),
            ({"add_tags": ["", " ", "good"]}, ["a", "good"]),
            ({"add_tags": [""]}, ["a"]),
            ({"add_tags": ["b", "c"], "remove_tags": ["b"]}, ["a", "c"]),
            ({"add_tags": ["a"], "remove_tags": ["a"]}, []),
            (
                {"add_tags": [*map(str, range(20))], "remove_tags": [*map(str, range(11))]},
                [*"a", *map(str, range(11, 20))],
            ),
        ],
    )
    def test_tags_are_added_and_then_removed(self, server: Server, body: dict[str, Any], tags: list[str]) -> None:
        name = f"change/tagged-{sha256(repr(body).encode()).hexdigest()}"
        changed = send(server, "PATCH", upload(server, name, "content", "a"), body)
        assert (changed.status, changed.json["tags"]) == (200, sorted(tags))

    @pytest.mark.parametrize(
        ("path", "body", "status"),
        [
            ("none", {"add_tags": ["z"]}, 404),
            ("one", {"new_filepath": "refused/two", "add_tags": ["z"]}, 409),
            ("one", {"new_filepath": "refused/../two", "add_tags": ["z"]}, 400),
            ("one", {"add_tags": ["z"], "tags": ["z"]}, 400),
            ("one", {"add_tags": "z"}, 400),
            ("one", {"new_filepath": "refused/one", "add_tags": ["z"]}, 409),
            ("one", {"add_tags": [str(number) for number in range(11)]}, 400),
        ],
    )
    def test_a_refusal_changes_nothing(self, server: Server, path: str, body: dict[str, Any], status: int) -> None:
        if not list_files(server, {}, "refused/"):
            upload(server, "refused/one", "content", "a")
            upload(server, "refused/two")
        before = list_files(server, {}, "refused/")
        assert send(server, "PATCH", f"/api/files/refused/{path}", body).status == status
        assert list_files(server, {}, "refused/") == before


class TestDelete:
    def test_a_file_is_gone(self, server: Server) -> None:
        url = upload(server, "delete/file", "content")
        deleted = ask(server, url, "-X", "DELETE")
        assert (deleted.status, deleted.json["filepath"]) == (200, "delete/file")
        assert {"code", "message", "timestamp"} < set(deleted.json)
        assert ask(server, url).status == 404
        assert ask(server, url, "-X", "DELETE").status == 404
        assert list_files(server, {}, "delete/") == []
        upload(server, "delete/file", "another")


def test_a_percent_sign_that_is_not_escaped(server: Server) -> None:
    """Their pages put a name into the URL as it is; each request must find the same file."""
    url = upload(server, "unescaped/100%.txt", "all of it")
    assert ask(server, url).body == b"all of it"
    assert ask(server, f"{url}/thumbnail").status == 415
    changed = send(server, "PATCH", url, {"new_filepath": "unescaped/50%", "add_tags": ["half"]})
    assert changed.json["filepath"] == "unescaped/50%"
    assert [file["tags"] for file in list_files(server, {"tag": "half"}, "unescaped/50%")] == [["half"]]
    assert ask(server, "/api/files/unescaped/50%", "-X", "DELETE").json["filepath"] == "unescaped/50%"


@pytest.mark.parametrize(
    ("method", "path", "key", "status"),
    [
        ("GET", "/api/files/x", "", 401),
        ("POST", "/api/files", "X-API-KEY: wrong", 401),
        ("GET", "/api/nothing", "", 404),
        ("PUT", "/api/files", "", 405),
        ("GET", "/api/files/a//b", "KEY", 400),
    ],
)
def test_every_refusal_has_a_message(server: Server, method: str, path: str, key: str, status: int) -> None:
    sent = ["-H", f"X-API-KEY: {server.token}"] if key == "KEY" else ["-H", key] if key else []
    refused = curl(server, path, "-X", method, *sent, key=False)
    assert refused.status == status
    assert refused.json["code"] == status
    assert refused.json["message"].strip()


def test_pages_have_urls_with_a_slash_at_their_end(server: Server) -> None:
    """They are static files beside the API, at URLs that resemble those of the drive."""
    page = curl(server, "/files/", key=False)
    assert (page.status, page.body.decode()) == (200, PAGE)
    assert page.headers["content-type"].startswith("text/html")
