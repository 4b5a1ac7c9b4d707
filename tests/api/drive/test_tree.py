"""Lists, folders, versions, trash, copies and batches, over the routes and on real storage."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.support.drive_site import DriveSite
from tests.support.reactors import in_reactor

THE_FIRST_DAY = "Thu, 01 Jan 1970 00:00:00 GMT"


async def store(drive: DriveSite, *paths: str) -> None:
    for path in paths:
        assert (await drive.ask("PUT", f"/files/{path}", path.encode())).status in {201, 204}


async def list_paths(drive: DriveSite, query: str = "") -> list[str]:
    answer = await drive.ask("GET", f"/files{query}")
    assert answer.status == 200, answer.json
    return [file["filepath"] for file in answer.json["files"]]


async def send_json(drive: DriveSite, method: str, path: str, body: Any) -> Any:
    return await drive.ask(method, path, json.dumps(body).encode())


class TestLists:
    @pytest.mark.parametrize("body", [b"{}", b'{"tag":null}'])
    @in_reactor
    async def test_upstream_clients_get_all_files_the_newest_first(self, drive: DriveSite, body: bytes) -> None:
        await store(drive, "a.txt", "b/c", "d")
        answer = await drive.ask("POST", "/files", body)
        assert answer.status == 200
        assert list(answer.json) == ["code", "message", "timestamp", "files"]
        assert [file["filepath"] for file in answer.json["files"]] == ["d", "b/c", "a.txt"]
        last = answer.json["files"][-1]
        assert set(last) == {"filepath", "mime_type", "size", "tags", "uploaded_at", "updated_at"}
        assert (last["mime_type"], last["size"], last["tags"]) == ("text/plain", 5, [])

    @in_reactor
    async def test_upstream_clients_ask_for_a_tag(self, drive: DriveSite) -> None:
        assert (await drive.ask("POST", "/files", b'{"tag":"x"}')).json["files"] == []
        await store(drive, "a", "b")
        await send_json(drive, "PATCH", "/files/a", {"add_tags": ["x"]})
        [file] = (await drive.ask("POST", "/files", b'{"tag":"x"}')).json["files"]
        assert (file["filepath"], file["tags"]) == ("a", ["x"])

    @pytest.mark.parametrize(
        ("query", "paths"),
        [
            ("", ["pics/deep/z.png", "pics/b.png", "a.txt"]),
            ("?sort=path", ["a.txt", "pics/b.png", "pics/deep/z.png"]),
            ("?sort=-name", ["pics/deep/z.png", "pics/b.png", "a.txt"]),
            ("?prefix=pics/&sort=size", ["pics/b.png", "pics/deep/z.png"]),
            ("?prefix=pics/deep", ["pics/deep/z.png"]),
            ("?type=image", ["pics/deep/z.png", "pics/b.png"]),
            ("?type=text/plain", ["a.txt"]),
            ("?type=Text/Plain%20;charset=x&sort=path", ["a.txt"]),
            ("?q=B.PN", ["pics/b.png"]),
            ("?tag=none", []),
        ],
    )
    @in_reactor
    async def test_filters_and_orders(self, drive: DriveSite, query: str, paths: list[str]) -> None:
        await store(drive, "a.txt", "pics/b.png", "pics/deep/z.png")
        assert await list_paths(drive, query) == paths

    @in_reactor
    async def test_pages_follow_each_other(self, drive: DriveSite) -> None:
        await store(drive, *"abcde")
        found, cursor = [], ""
        while cursor is not None:
            answer = await drive.ask("GET", f"/files?sort=path&limit=2{cursor and '&cursor='}{cursor}")
            found += [file["filepath"] for file in answer.json["files"]]
            cursor = answer.json["cursor"]
        assert found == [*"abcde"]

    @in_reactor
    async def test_all_files_as_lines(self, drive: DriveSite) -> None:
        await store(drive, *"abc")
        answer = await drive.ask("GET", "/files?sort=path&limit=1", headers={"Accept": "application/x-ndjson"})
        assert answer.headers["Content-Type"] == "application/x-ndjson"
        assert [json.loads(line)["filepath"] for line in answer.body.splitlines()] == [*"abc"]

    @pytest.mark.parametrize(
        "query", ["?sort=age", "?limit=0", "?limit=1001", "?colour=red", "?cursor=x", "?prefix=a//b"]
    )
    @pytest.mark.parametrize("accept", ["application/json", "application/x-ndjson"])
    @in_reactor
    async def test_a_query_that_means_nothing(self, drive: DriveSite, query: str, accept: str) -> None:
        answer = await drive.ask("GET", f"/files{query}", headers={"Accept": accept})
        assert answer.status == 400
        assert answer.json["message"]
        assert (await drive.ask("HEAD", f"/files{query}", headers={"Accept": accept})).status == 400


class TestFolders:
    @in_reactor
    async def test_make_list_move_delete(self, drive: DriveSite) -> None:
        made = await drive.ask("PUT", "/folders/a/b")
        assert (made.status, made.headers["Location"]) == (201, "./b")
        assert (await drive.ask("PUT", "/folders/a/b")).status == 200
        await store(drive, "a/f.txt")
        children = (await drive.ask("GET", "/folders/a")).json["children"]
        assert [(child["path"], child["kind"]) for child in children] == [("a/b", "folder"), ("a/f.txt", "file")]
        moved = await send_json(drive, "PATCH", "/folders/a", {"new_path": "c/d"})
        assert (moved.status, moved.json["path"]) == (200, "c/d")
        assert (await drive.ask("GET", "/files/c/d/f.txt")).status == 200
        deleted = await drive.ask("DELETE", "/folders/c/d")
        assert (deleted.status, deleted.json["path"]) == (200, "c/d")
        assert (await drive.ask("GET", "/folders/c/d")).json["error"] == "folder_not_found"
        assert [child["path"] for child in (await drive.ask("GET", "/folders")).json["children"]] == ["c"]

    @in_reactor
    async def test_conditions_hold_of_folders_too(self, drive: DriveSite) -> None:
        for method, body in (("PUT", b""), ("PATCH", b'{"new_path":"elsewhere"}'), ("DELETE", b"")):
            await drive.ask("PUT", "/folders/there")
            for fields in ({"If-Match": '"tag"'}, {"If-None-Match": "*"}):
                answer = await drive.ask(method, "/folders/there", body, fields)
                assert (answer.status, answer.json["error"]) == (412, "precondition_failed"), (method, fields)
                assert [child["path"] for child in (await drive.ask("GET", "/folders")).json["children"]] == ["there"]
            for fields in ({"If-Match": "*"}, {"If-None-Match": '"tag"'}, {"If-Unmodified-Since": THE_FIRST_DAY}):
                await drive.ask("PUT", "/folders/there")
                assert (await drive.ask(method, "/folders/there", body, fields)).status == 200
                await drive.ask("DELETE", "/folders/elsewhere")
        for fields, status in (({"If-Match": "*"}, 412), ({"If-Match": '"tag"'}, 412), ({"If-None-Match": "*"}, 201)):
            assert (await drive.ask("PUT", "/folders/new/one", headers=fields)).status == status

    @in_reactor
    async def test_a_file_is_no_folder(self, drive: DriveSite) -> None:
        await store(drive, "a")
        assert (await drive.ask("PUT", "/folders/a")).status == 409
        assert (await drive.ask("PUT", "/files/a/b", b"x")).status == 409
        assert (await drive.ask("DELETE", "/folders/a")).status == 404
        assert (await send_json(drive, "PATCH", "/folders/a", {"new_path": "b"})).status == 404

    @in_reactor
    async def test_a_folder_is_no_file(self, drive: DriveSite) -> None:
        await drive.ask("PUT", "/folders/a")
        assert (await drive.ask("PUT", "/files/a", b"x")).status == 409
        assert (await drive.ask("GET", "/files/a")).status == 404
        assert (await drive.ask("DELETE", "/files/a")).status == 404
        assert (await send_json(drive, "PATCH", "/folders/a", {"new_path": "a/b"})).json[
            "error"
        ] == "destination_inside_source"


class TestVersions:
    @in_reactor
    async def test_an_earlier_version_is_read_and_comes_back(self, drive: DriveSite) -> None:
        await drive.ask("PUT", "/files/a", b"one")
        await drive.ask("PUT", "/files/a", b"three")
        new, old = (await drive.ask("GET", "/versions/a")).json["versions"]
        assert (new["size"], old["size"]) == (5, 3)
        got = await drive.ask("GET", f"/files/a?version={old['id']}")
        assert (got.body, got.headers["ETag"]) == (b"one", old["etag"])
        restored = await send_json(drive, "POST", "/versions/a", {"restore": old["id"]})
        assert (restored.status, restored.json["size"]) == (200, 3)
        assert (await drive.ask("GET", "/files/a")).body == b"one"
        assert len((await drive.ask("GET", "/versions/a")).json["versions"]) == 3

    @in_reactor
    async def test_versions_that_are_none(self, drive: DriveSite) -> None:
        await store(drive, "a")
        for number in (99, 2**63 - 1):
            assert (await drive.ask("GET", f"/files/a?version={number}")).json["error"] == "version_not_found"
        assert (await drive.ask("GET", "/files/b?version=1")).json["error"] == "file_not_found"
        assert (await drive.ask("GET", "/versions/b")).status == 404
        assert (await send_json(drive, "POST", "/versions/a", {"restore": 99})).status == 404
        assert (await send_json(drive, "POST", "/versions/a", {"restore": 2**63})).status == 400


class TestTrash:
    @in_reactor
    async def test_restore_and_purge(self, drive: DriveSite) -> None:
        await store(drive, "a", "b", "c")
        ids = {path: (await drive.ask("DELETE", f"/files/{path}")).json["trash_id"] for path in "abc"}
        entries = (await drive.ask("GET", "/trash")).json["entries"]
        assert [(entry["id"], entry["path"]) for entry in entries] == [(ids[path], path) for path in "cba"]
        assert entries[0]["deleted_by"] == "owner"
        assert (await drive.ask("POST", f"/trash/{ids['a']}/restore")).json["path"] == "a"
        assert (await drive.ask("POST", f"/trash/{ids['b']}/restore?destination=d/e")).json["path"] == "d/e"
        assert (await drive.ask("DELETE", f"/trash/{ids['c']}")).json["purged"] == 1
        assert (await drive.ask("DELETE", "/trash")).json["purged"] == 0
        assert await list_paths(drive, "?sort=path") == ["a", "d/e"]

    @pytest.mark.parametrize("number", [0, 99, 2**63, 2**200])
    @in_reactor
    async def test_entries_that_are_none(self, drive: DriveSite, number: int) -> None:
        assert (await drive.ask("POST", f"/trash/{number}/restore")).status == 404
        assert (await drive.ask("DELETE", f"/trash/{number}")).status == 404

    @in_reactor
    async def test_what_was_replaced_meanwhile_stays(self, drive: DriveSite) -> None:
        await store(drive, "a")
        number = (await drive.ask("DELETE", "/files/a")).json["trash_id"]
        await store(drive, "a")
        assert (await drive.ask("POST", f"/trash/{number}/restore")).json["error"] == "already_exists"

    @pytest.mark.parametrize(
        ("body", "fields"),
        [
            (b"", {"Content-Length": "0"}),
            (b"0\r\n\r\n", {"Transfer-Encoding": "chunked"}),
            (b"{}", {"Content-Type": "application/json"}),
            (b" { }\r\n", {}),
            (b"1\r\n{\r\n1\r\n}\r\n0\r\n\r\n", {"Transfer-Encoding": "chunked"}),
        ],
    )
    @in_reactor
    async def test_a_body_that_says_nothing_is_none(self, drive: DriveSite, body: bytes, fields: Any) -> None:
        """Some clients send one with every request."""
        await store(drive, "a", "b")
        await drive.ask("PUT", "/folders/c", body, fields)
        for path in ("/files/a", "/files/b", "/folders/c", "/trash/1"):
            assert (await drive.ask("DELETE", path, body, fields)).status == 200, path
        assert (await drive.ask("POST", "/trash/2/restore", body, fields)).status == 200
        assert (await drive.ask("DELETE", "/trash", body, fields)).json["purged"] == 1


class TestCopies:
    @in_reactor
    async def test_files_and_folders(self, drive: DriveSite) -> None:
        await store(drive, "a/b")
        copied = await send_json(drive, "POST", "/copies", {"source": "a", "destination": "c d"})
        assert (copied.status, copied.json["path"], copied.json["kind"]) == (201, "c d", "folder")
        assert copied.headers["Location"] == "./folders/c%20d"
        assert (await drive.ask("GET", "/files/c%20d/b")).body == b"a/b"
        again = await send_json(drive, "POST", "/copies", {"source": "a/b", "destination": "c d/b"})
        assert again.status == 409
        missing = await send_json(drive, "POST", "/copies", {"source": "x", "destination": "y"})
        assert missing.status == 404


class TestBatch:
    @in_reactor
    async def test_all_of_it(self, drive: DriveSite) -> None:
        await store(drive, "a", "b")
        steps = [
            {"make_folder": {"path": "f"}},
            {"move": {"path": "a", "new_path": "f/a"}},
            {"copy": {"source": "f/a", "destination": "c"}},
            {"tag": {"path": "c", "add": ["x"]}},
            {"delete": {"path": "b"}},
        ]
        answer = await send_json(drive, "POST", "/batch", {"operations": steps})
        assert answer.status == 200, answer.json
        assert [result["path"] for result in answer.json["results"]] == ["f", "f/a", "c", "c", "b"]
        number = answer.json["results"][-1]["trash_id"]
        restored = {"operations": [{"restore": {"id": number, "destination": "g"}}]}
        assert (await send_json(drive, "POST", "/batch", restored)).status == 200
        assert await list_paths(drive, "?sort=path") == ["c", "f/a", "g"]

    @in_reactor
    async def test_or_none_of_it(self, drive: DriveSite) -> None:
        await store(drive, "a")
        steps = [{"move": {"path": "a", "new_path": "b"}}, {"delete": {"path": "a"}}]
        answer = await send_json(drive, "POST", "/batch", {"operations": steps})
        assert answer.status == 404
        assert await list_paths(drive) == ["a"]

    @pytest.mark.parametrize(
        "step",
        [{"delete": {"path": "b"}}, {"delete": {"path": "../b"}}, {"tag": {"path": "a", "add": [""]}}],
    )
    @in_reactor
    async def test_a_refusal_says_which_it_is_about(self, drive: DriveSite, step: Any) -> None:
        await store(drive, "a")
        [alone, among] = [
            await send_json(drive, "POST", "/batch", {"operations": steps})
            for steps in ([step], [{"make_folder": {"path": "f"}}, step])
        ]
        assert among.json["message"] == f"Operation 2: {alone.json['message']}"
        assert (among.status, among.json["error"]) == (alone.status, alone.json["error"])
        assert (await drive.ask("GET", "/folders/f")).status == 404

    @pytest.mark.parametrize(
        ("verb", "fields"), [("delete", {}), ("move", {"new_path": "b"}), ("tag", {"add": ["t"]}), ("tag", {})]
    )
    @in_reactor
    async def test_versions_may_be_demanded(self, drive: DriveSite, verb: str, fields: dict[str, Any]) -> None:
        await store(drive, "a")
        before = await drive.ask("GET", "/files/a")
        for tag, status in ('"x"', 412), (before.headers["ETag"], 200):
            step = {verb: {"path": "a", **fields, "if_match": tag}}
            assert (await send_json(drive, "POST", "/batch", {"operations": [step]})).status == status
            if status == 412:
                assert (await drive.ask("GET", "/files/a")).headers["ETag"] == before.headers["ETag"]
                assert (await drive.ask("GET", "/files?tag=t")).json["files"] == []

    @pytest.mark.parametrize(
        "steps",
        [
            [],
            [{}],
            [{"move": None}],
            [{"delete": {"path": "a"}, "make_folder": {"path": "b"}}],
            [{"chmod": {"path": "a"}}],
            [{"delete": {"path": "a", "force": True}}],
            [{"delete": {"path": "../a"}}],
            [{"delete": {"path": ""}}],
        ],
    )
    @in_reactor
    async def test_what_is_no_operation(self, drive: DriveSite, steps: Any) -> None:
        await store(drive, "a")
        answer = await send_json(drive, "POST", "/batch", {"operations": steps})
        assert answer.status == 400
        assert await list_paths(drive) == ["a"]
