"""Lists, folders, versions, trash, copies and batches of a running server, as curl sees them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.drive_servers import Curled, curl, list_blobs, run_drive
from tests.support.server import Server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with run_drive(tmp_path_factory.mktemp("drive") / "home") as server:
        yield server


def put(server: Server, path: str, content: str = "content") -> Curled:
    return curl(server, f"/api/files/{path}", "-X", "PUT", "-d", content)


def send(server: Server, method: str, path: str, body: Any) -> Curled:
    return curl(server, path, "-X", method, "-H", "Content-Type: application/json", "-d", json.dumps(body))


def list_pages(server: Server, path: str, items: str) -> Iterator[list[str]]:
    """The paths on each page of a list, whose pages hold two."""
    cursor = ""
    while True:
        page = curl(server, f"{path}&limit=2{cursor}").json
        yield [item.get("path") or item["filepath"] for item in page[items]]
        if page["cursor"] is None:
            return
        cursor = f"&cursor={page['cursor']}"


@pytest.fixture(scope="module")
def listed(server: Server) -> str:
    """A folder with files of two kinds, one of them tagged."""
    for name in ("c/deep.txt", "a.txt", "b.png", "d.png", "report.txt"):
        assert put(server, f"listed/{name}", name).status == 201
    assert send(server, "PATCH", "/api/files/listed/b.png", {"add_tags": ["sea"]}).status == 200
    return "listed"


class TestLists:
    @pytest.mark.parametrize(
        ("question", "names"),
        [
            ("sort=path", ["a.txt", "b.png", "c/deep.txt", "d.png", "report.txt"]),
            ("", ["report.txt", "d.png", "b.png", "a.txt", "c/deep.txt"]),
            ("tag=sea", ["b.png"]),
            ("type=image", ["d.png", "b.png"]),
            ("type=text/plain", ["report.txt", "a.txt", "c/deep.txt"]),
            ("q=EP", ["report.txt", "c/deep.txt"]),
            ("q=none", []),
        ],
    )
    def test_files_by_page(self, server: Server, listed: str, question: str, names: list[str]) -> None:
        pages = [*list_pages(server, f"/api/files?prefix={listed}&{question}", "files")]
        assert [path for page in pages for path in page] == [f"{listed}/{name}" for name in names]
        assert max(map(len, pages)) <= 2

    def test_all_files_line_by_line(self, server: Server, listed: str) -> None:
        lines = curl(server, f"/api/files?prefix={listed}", "-H", "Accept: application/x-ndjson")
        assert lines.headers["content-type"].startswith("application/x-ndjson")
        page = curl(server, f"/api/files?prefix={listed}").json["files"]
        assert [json.loads(line) for line in lines.body.splitlines()] == page
        assert len(page) == 5

    def test_children_by_page(self, server: Server, listed: str) -> None:
        pages = [*list_pages(server, f"/api/folders/{listed}?", "children")]
        assert pages == [
            [f"{listed}/a.txt", f"{listed}/b.png"],
            [f"{listed}/c", f"{listed}/d.png"],
            [f"{listed}/report.txt"],
        ]


def test_folders(server: Server) -> None:
    made = curl(server, "/api/folders/home/pictures/new", "-X", "PUT")
    assert (made.status, made.json["kind"], made.json["path"]) == (201, "folder", "home/pictures/new")
    assert curl(server, "/api/folders/home/pictures/new", "-X", "PUT").status == 200
    assert put(server, "home/pictures/new/sea.txt", "sea").status == 201
    moved = send(server, "PATCH", "/api/folders/home/pictures", {"new_path": "away/old"})
    assert (moved.status, moved.json["path"]) == (200, "away/old")
    assert curl(server, "/api/files/away/old/new/sea.txt").body == b"sea"
    assert curl(server, "/api/folders/home/pictures").status == 404
    gone = curl(server, "/api/folders/away", "-X", "DELETE")
    assert curl(server, "/api/files/away/old/new/sea.txt").status == 404
    back = curl(server, f"/api/trash/{gone.json['trash_id']}/restore", "-X", "POST")
    assert (back.status, back.json["path"]) == (200, "away")
    assert curl(server, "/api/files/away/old/new/sea.txt").body == b"sea"


def test_versions(server: Server) -> None:
    for content in ("one", "two", "three"):
        put(server, "versions/file", content)
    versions = curl(server, "/api/versions/versions/file").json["versions"]
    assert [version["size"] for version in versions] == [5, 3, 3]
    [three, two, one] = [version["id"] for version in versions]
    for number, kept in ((one, b"one"), (two, b"two"), (three, b"three")):
        assert curl(server, f"/api/files/versions/file?version={number}").body == kept
    restored = send(server, "POST", "/api/versions/versions/file", {"restore": one})
    assert restored.status == 200
    assert curl(server, "/api/files/versions/file").body == b"one"
    assert len(curl(server, "/api/versions/versions/file").json["versions"]) == 4
    assert send(server, "POST", "/api/versions/versions/file", {"restore": 10**9}).status == 404


def test_trash(server: Server) -> None:
    numbers = {}
    for name in ("a", "b", "c"):
        put(server, f"trash/{name}", name)
        numbers[name] = curl(server, f"/api/files/trash/{name}", "-X", "DELETE").json["trash_id"]
    entries = curl(server, "/api/trash").json["entries"]
    assert [entry["path"] for entry in entries][:3] == ["trash/c", "trash/b", "trash/a"]
    assert curl(server, f"/api/trash/{numbers['a']}/restore", "-X", "POST").json["path"] == "trash/a"
    elsewhere = curl(server, f"/api/trash/{numbers['b']}/restore?destination=trash/other", "-X", "POST")
    assert elsewhere.json["path"] == "trash/other"
    assert curl(server, "/api/files/trash/other").body == b"b"
    assert curl(server, f"/api/trash/{numbers['c']}", "-X", "DELETE").json["purged"] == 1
    assert curl(server, f"/api/trash/{numbers['c']}/restore", "-X", "POST").status == 404
    curl(server, "/api/files/trash/a", "-X", "DELETE")
    assert curl(server, "/api/trash", "-X", "DELETE").json["purged"] == 1
    assert curl(server, "/api/trash").json["entries"] == []


def test_copies_copy_no_bytes(server: Server) -> None:
    put(server, "copies/source/file", "copied")
    before = {path.name for path in list_blobs(server)}
    for source, destination in (("copies/source/file", "copies/file"), ("copies/source", "copies/folder")):
        copied = send(server, "POST", "/api/copies", {"source": source, "destination": destination})
        assert (copied.status, copied.json["path"]) == (201, destination)
    assert {path.name for path in list_blobs(server)} <= before
    put(server, "copies/file", "changed")
    assert curl(server, "/api/files/copies/source/file").body == b"copied"
    assert curl(server, "/api/files/copies/folder/file").body == b"copied"
    again = send(server, "POST", "/api/copies", {"source": "copies/source", "destination": "copies/folder"})
    assert (again.status, again.json["error"]) == (409, "already_exists")


def test_a_batch_is_done_whole_or_not_at_all(server: Server) -> None:
    put(server, "batch/a", "a")
    steps = [
        {"make_folder": {"path": "batch/new"}},
        {"move": {"path": "batch/a", "new_path": "batch/new/a"}},
        {"copy": {"source": "batch/new/a", "destination": "batch/b"}},
        {"tag": {"path": "batch/b", "add": ["second"]}},
    ]
    refused = send(server, "POST", "/api/batch", {"operations": [*steps, {"delete": {"path": "batch/none"}}]})
    assert (refused.status, refused.json["error"]) == (404, "not_found")
    assert refused.json["message"].startswith("Operation 5: ")
    assert [*list_pages(server, "/api/folders/batch?", "children")] == [["batch/a"]]
    done = send(server, "POST", "/api/batch", {"operations": steps})
    assert [result["path"] for result in done.json["results"]] == ["batch/new", "batch/new/a", "batch/b", "batch/b"]
    assert [*list_pages(server, "/api/folders/batch?", "children")] == [["batch/b", "batch/new"]]
    assert curl(server, "/api/files/batch/b").body == b"a"
