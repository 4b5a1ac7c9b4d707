"""No single request to the drive takes memory or time beyond what its own size pays for."""

from __future__ import annotations

import json
import tracemalloc
from base64 import urlsafe_b64encode
from itertools import chain
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from cloudsvc.drive.commands import MakeFolder, Move, StoreFile
from cloudsvc.drive.names import DrivePath, Name, parse_path
from tests.support.catalogues import TESTER, store
from tests.support.drive_contents import read_state
from tests.support.drive_site import FORM, DriveSite, make_form
from tests.support.reactors import in_reactor

pytestmark = pytest.mark.slow

CONTENT = bytes(range(256)) * 16


def nest(depth: int) -> bytes:
    return b'{"operations":' + b"[" * depth + b"]" * depth + b"}"


def batch(*operations: Any) -> bytes:
    return json.dumps({"operations": operations}).encode()


LARGE = {
    "a thousand tags": ("PATCH", "/files/a", json.dumps({"add_tags": [f"t{n}" for n in range(1000)]}).encode()),
    "more tags than a request may have": ("PATCH", "/files/a", json.dumps({"add_tags": ["t"] * 1001}).encode()),
    "a thousand tags to remove too many": ("PATCH", "/files/a", json.dumps({"remove_tags": ["t"] * 1001}).encode()),
    "a thousand tags in a batch": (
        "POST",
        "/batch",
        batch({"tag": {"path": "a", "add": [f"t{n}" for n in range(1000)]}}),
    ),
    "a thousand and one changes": ("POST", "/batch", batch(*[{"make_folder": {"path": "b"}}] * 1001)),
    "a change that does everything": ("POST", "/batch", batch({"delete": {"path": "a"}, "make_folder": {"path": "b"}})),
    "deep changes": ("POST", "/batch", nest(400_000)),
    "just too deep changes": ("POST", "/batch", nest(33)),
    "deep change": ("POST", "/batch", b'{"operations":[' + b'{"move":' * 100_000),
    "a deep path": ("POST", "/copies", json.dumps({"source": "a", "destination": "/".join("x" * 100_000)}).encode()),
    "a huge number": ("POST", "/versions/a", b'{"restore":' + b"9" * 500_000 + b"}"),
    "a huge power": ("POST", "/versions/a", b'{"restore":1e999999999}'),
}


@pytest.mark.parametrize("name", LARGE)
@in_reactor
async def test_a_large_body_is_refused_in_few_words(drive: DriveSite, place: Path, name: str) -> None:
    method, path, body = LARGE[name]
    await drive.ask("PUT", "/files/a", CONTENT)
    before = read_state(place)
    answer = await drive.ask(method, path, body)
    assert answer.status == 400, answer.json
    assert len(answer.body) < 4096
    assert read_state(place) == before


@in_reactor
async def test_a_long_tag_is_left_out_and_not_told_again(drive: DriveSite, place: Path) -> None:
    """As python-cloud-server does, on its route."""
    await drive.ask("PUT", "/files/a", CONTENT)
    before = read_state(place)
    answer = await drive.ask("PATCH", "/files/a", json.dumps({"add_tags": ["t" * 100_000]}).encode())
    assert (answer.status, answer.json["tags"]) == (200, [])
    assert len(answer.body) < 4096
    assert read_state(place) == before


def store_deep(top: str, depth: int) -> StoreFile:
    """A file so deep as only moves make one."""
    return evolve(store(top), path=DrivePath((Name(top, top), *[Name("n", "n")] * depth)))


@in_reactor
async def test_no_batch_makes_folders_without_end(drive: DriveSite, place: Path) -> None:
    before = read_state(place)
    steps = [{"make_folder": {"path": "/".join([str(number), *"f" * 100])}} for number in range(1000)]
    answer = await drive.ask("POST", "/batch", batch(*steps))
    assert (answer.status, answer.json["error"]) == (413, "too_many_nodes")
    assert read_state(place) == before


@in_reactor
async def test_no_batch_looks_up_deep_paths_without_end(drive: DriveSite, place: Path) -> None:
    deep = "/".join("d" * 100)
    assert (await drive.ask("PUT", f"/files/{deep}/0", CONTENT)).status == 201
    before = read_state(place)
    steps = [{"move": {"path": f"{deep}/{n}", "new_path": f"{deep}/{n + 1}"}} for n in range(250)]
    for each in (batch(*steps), batch(*[{"tag": {"path": f"{deep}/0", "add": ["t"]}}] * 500)):
        answer = await drive.ask("POST", "/batch", each)
        assert (answer.status, answer.json["error"]) == (413, "too_many_nodes")
        assert read_state(place) == before
    assert (await drive.ask("POST", "/batch", batch(*steps[:240]))).status == 200
    assert (await drive.ask("HEAD", f"/files/{deep}/240")).status == 200


LISTS = ["/files", "/folders", "/folders/d", "/versions/a", "/trash"]
CURSORS = {
    "deep": urlsafe_b64encode(b"[" * 5000).decode(),
    "huge number": urlsafe_b64encode(b'["trash",' + b"9" * 5000 + b"]").decode(),
    "long": "A" * 8000,
    "injected": urlsafe_b64encode(b"""["children","' OR 1=1 --"]""").decode(),
}


@pytest.mark.parametrize("path", LISTS)
@in_reactor
async def test_no_list_takes_a_forged_cursor_or_a_huge_limit(drive: DriveSite, path: str) -> None:
    await drive.ask("PUT", "/files/a", CONTENT)
    await drive.ask("PUT", "/folders/d")
    for name, cursor in CURSORS.items():
        answer = await drive.ask("GET", f"{path}?cursor={cursor}")
        # A cursor of the list of children is nothing but a name to go on from.
        assert answer.status == 400 or (name == "injected" and path.startswith("/folders")), name
        assert len(answer.body) < 16_384
    for limit in ("1001", "10000000000", "9" * 5000, "-1", "0", "1e4", "1e999999999", "NaN"):
        answer = await drive.ask("GET", f"{path}?limit={limit}")
        assert (answer.status, answer.json["error"]) == (400, "invalid_query")
        assert len(answer.body) < 16_384


@in_reactor
async def test_files_in_deep_folders_are_listed_in_little_memory(drive: DriveSite) -> None:
    for number in range(6):
        await drive.opened.storage.catalogue.apply(TESTER, [store_deep(f"top {number}", 600)])
    for sort in ("-created", "path", "-path"):
        depths: list[int] = []
        cursor: str | None = ""
        # A page ends early where its time is over, which on a busy machine may be after a few files.
        while cursor is not None:
            tracemalloc.start()
            try:
                answer = await drive.ask("GET", f"/files?sort={sort}" + (f"&cursor={cursor}" if cursor else ""))
                _, peak = tracemalloc.get_traced_memory()
            finally:
                tracemalloc.stop()
            depths += [entry["filepath"].count("/") for entry in answer.json["files"]]
            cursor = answer.json["cursor"]
            # With a path kept for every folder on the way it would be 9 MB, in one answer.
            assert peak < 8_000_000, sort
        assert depths == [600] * 6


@in_reactor
async def test_a_page_of_very_long_paths_ends_early(drive: DriveSite) -> None:
    catalogue = drive.opened.storage.catalogue
    files = [f"file {number:02}" for number in range(20)]
    long = "/".join(["n" * 255] * 8)
    await catalogue.apply(TESTER, [store(f"0/{long}/{name}") for name in files])
    for number in range(1, 125):
        await catalogue.apply(
            TESTER,
            [
                MakeFolder(path=parse_path(f"{number}/{long}")),
                Move(path=parse_path(f"{number - 1}"), destination=parse_path(f"{number}/{long}/moved")),
            ],
        )
    for sort in ("name", "path", "-path"):
        pages: list[list[str]] = []
        cursor = ""
        while cursor is not None:
            answer = await drive.ask("GET", f"/files?sort={sort}{cursor and f'&cursor={cursor}'}")
            assert len(answer.body) < 5_000_000
            pages.append([entry["filepath"].rpartition("/")[2] for entry in answer.json["files"]])
            cursor = answer.json["cursor"]
        assert sorted(chain.from_iterable(pages)) == files
        assert len(pages) == 2


RANGES = {
    "a thousand": ",".join(f"{2 * n}-{2 * n}" for n in range(1000)),
    "seventeen": ",".join(f"{2 * n}-{2 * n}" for n in range(17)),
    "the whole sixteen times": ",".join(["0-"] * 16),
    "overlapping": ",".join(f"{n}-" for n in range(16)),
    "the end again and again": ",".join(["-4000"] * 16),
    "nothing but commas": "," * 1000,
    "a huge number": f"0-0,{'9' * 500}-,{'9' * 500}-",
}


@pytest.mark.parametrize("name", RANGES)
@in_reactor
async def test_no_ranges_make_an_answer_larger_than_the_file(drive: DriveSite, name: str) -> None:
    await drive.ask("PUT", "/files/a", CONTENT)
    answer = await drive.ask("GET", "/files/a", headers={"Range": f"bytes={RANGES[name]}"})
    if name == "a huge number":
        assert (answer.status, answer.body) == (206, CONTENT[:1])
    else:
        assert (answer.status, answer.body) == (200, CONTENT)


@pytest.mark.parametrize("head", [b"X: " + b"y" * 5000, b"X: y\r\n" * 1000 + b"X: y", b"y" * 100_000])
@in_reactor
async def test_no_head_of_a_part_is_read_for_ever(drive: DriveSite, place: Path, head: bytes) -> None:
    before = read_state(place)
    body = make_form(b"x").replace(b"Content-Disposition", head + b"\r\nContent-Disposition")
    answer = await drive.ask("POST", "/files/a", body, FORM)
    assert (answer.status, answer.json["error"]) == (400, "malformed_form")
    assert read_state(place) == before
