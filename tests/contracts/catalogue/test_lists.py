"""Contract of catalogues: lists have everything once, in order, in pages of any size, whatever happens meanwhile."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Awaitable, Callable
from random import Random
from typing import Any

import pytest

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.drive.commands import Copy, DateFile, EditTags, Move
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import File, Node
from cloudsvc.drive.pages import FileQuery, Order, Page
from tests.support.catalogues import SECOND, TESTER, Trial, gather, store
from tests.support.opened_drives import refusal
from tests.support.reactors import in_reactor

PATHS = (
    *("a", "a.txt", "b/a", "b/b.PNG", "b/c/a", "b/c/d.png", "b-c/x", "b0", "c/same", "d/same", "e/same", "f/same"),
    *("ü", "z/ß", "z/SS", "z/\N{GRINNING FACE}", "z/%", "B/a", "folder/deep/down/there"),
)
TYPES = ("text/plain", "text/plain;charset=utf-8", "text/plain-x", "text/html", "image/png", "image", "imagery/x", "")


async def fill(trial: Trial) -> dict[str, File]:
    """Files of all kinds, many of them alike in something; and things that no list may tell."""
    random = Random(1)  # noqa: S311  # any order will do
    for path in random.sample(PATHS, len(PATHS)):
        await trial.store(path, b"x" * random.randrange(3), media_type=random.choice(TYPES))
        tags = tuple(random.sample(["t", "u"], random.randrange(3)))
        created = random.randrange(3) * SECOND
        await trial.do(
            EditTags(path=parse_path(path), add=tags, most=2),
            DateFile(path=parse_path(path), created_at=created, updated_at=created + random.randrange(3)),
        )
    await trial.make_folder("empty/folder")
    for thrown in ("thrown", "gone/b/a"):
        await trial.store(thrown)
        await trial.discard(thrown.partition("/")[0])
    return {path: node for path, node in (await trial.tree()).items() if isinstance(node, File)}


def sort_key(order: Order) -> Callable[[File], Any]:
    values: dict[Order, Callable[[File], Any]] = {
        Order.PATH: lambda file: tuple(name.key for name in file.path.names),
        Order.NAME: lambda file: (file.path.name.key, file.id),
        Order.CREATED: lambda file: (file.created_at, file.id),
        Order.UPDATED: lambda file: (file.updated_at, file.id),
        Order.SIZE: lambda file: (file.version.blob.size, file.id),
    }
    return values[order]


FILTERS: list[tuple[dict[str, Any], Callable[[File], bool]]] = [
    ({}, lambda _: True),
    ({"folder": parse_path("b")}, lambda file: str(file.path).startswith("b/")),
    ({"folder": parse_path("b/c")}, lambda file: str(file.path).startswith("b/c/")),
    ({"folder": parse_path("missing")}, lambda _: False),
    ({"folder": parse_path("a")}, lambda _: False),
    ({"tag": "t"}, lambda file: "t" in file.tags),
    ({"tag": "T"}, lambda _: False),
    ({"media_type": "text/plain"}, lambda file: file.version.media_type in {"text/plain", "text/plain;charset=utf-8"}),
    ({"media_type": "image"}, lambda file: file.version.media_type.startswith("image/")),
    ({"text": "SAME"}, lambda file: file.path.name.key == "same"),
    ({"text": "ss"}, lambda file: file.path.name.key in {"ß", "SS"}),
    ({"text": "Ü"}, lambda file: file.path.name.key == "ü"),
    ({"text": "u\N{COMBINING DIAERESIS}"}, lambda file: file.path.name.key == "ü"),
    ({"text": "%"}, lambda file: file.path.name.key == "%"),
    (
        {"text": "a", "tag": "u", "folder": parse_path("b")},
        lambda file: "a" in file.path.name.key and "u" in file.tags and str(file.path).startswith("b/"),
    ),
]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("order", Order)
@in_reactor
async def test_every_order_and_filter_in_pages_of_every_size(trial: Trial, order: Order, *, descending: bool) -> None:
    files = await fill(trial)
    for query, matches in FILTERS:
        expected = sorted(filter(matches, files.values()), key=sort_key(order), reverse=descending)
        asked = FileQuery(order=order, descending=descending, **query)
        for size in range(1, len(expected) + 2):
            found = await gather(lambda *page: trial.catalogue.list_files(TESTER, asked, *page), size)  # noqa: B023  # awaited
            assert found == expected, (query, size)


@in_reactor
async def test_the_newest_come_first_by_default(trial: Trial) -> None:
    for name in "abc":
        trial.watch.pass_seconds(1)
        await trial.store(name)
    assert await trial.files() == ["c", "b", "a"]


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("order", Order)
@in_reactor
async def test_what_comes_and_goes_meanwhile_moves_nothing_else(
    trial: Trial, order: Order, *, descending: bool
) -> None:
    """What is there all the time is told exactly once; nothing is told twice."""
    await fill(trial)
    random = Random(2)  # noqa: S311  # any order will do
    names = [f"{folder}/n{number}" for folder in ("b", "m") for number in range(20)]
    await trial.do(*(store(name, b"x" * (number % 3)) for number, name in enumerate(names[::2])))
    there = {*await trial.files()}
    gone: set[str] = set()
    found: list[str] = []
    cursor: str | None = None
    asked = FileQuery(order=order, descending=descending)
    while True:
        page = await trial.catalogue.list_files(TESTER, asked, 3, cursor)
        found += [str(file.path) for file in page.items]
        cursor = page.cursor
        if cursor is None:
            break
        victim = random.choice(sorted(there - gone))
        # What the page ended with, too.
        for path in {victim, found[-1]} & there - gone:
            await trial.discard(path)
            gone.add(path)
        if new := [name for name in names if await trial.find(name) is None and name not in gone]:
            await trial.store(random.choice(new), b"x" * random.randrange(3))
    assert len(found) == len({*found})
    assert there - gone <= {*found}


@in_reactor
async def test_children_are_listed_by_key(trial: Trial) -> None:
    await fill(trial)
    tree = await trial.tree()
    for folder in ("", "b", "b/c", "z", "folder", "empty/folder"):
        path = parse_path(folder)
        expected = sorted(
            (node for node in tree.values() if node.path.parent == path), key=lambda node: node.path.name.key
        )
        for size in range(1, len(expected) + 2):
            found: list[Node] = await gather(lambda *page: trial.catalogue.list_children(TESTER, path, *page), size)  # noqa: B023  # awaited
            assert found == expected
    for missing in ("a", "missing", "thrown", "gone", "b/missing"):
        assert await refusal(trial.catalogue.list_children(TESTER, parse_path(missing), 10)) == "folder_not_found"


@in_reactor
async def test_children_come_and_go_meanwhile(trial: Trial) -> None:
    await trial.do(*(store(f"a/{number:02}") for number in range(0, 40, 2)))
    folder = parse_path("a")
    page = await trial.catalogue.list_children(TESTER, folder, 5)
    assert [str(node.path) for node in page.items] == [f"a/{number:02}" for number in range(0, 10, 2)]
    await trial.discard("a/08")
    await trial.discard("a/10")
    await trial.do(*(store(f"a/{number:02}") for number in (1, 9, 13)))
    await trial.do(Move(path=parse_path("a"), destination=parse_path("b")))
    page = await trial.catalogue.list_children(TESTER, parse_path("b"), 4, page.cursor)
    assert [str(node.path) for node in page.items] == ["b/09", "b/12", "b/13", "b/14"]


@in_reactor
async def test_versions_and_trash_in_pages_of_every_size(trial: Trial) -> None:
    versions = [(await trial.store("a", bytes([number]))).file.version for number in range(7)]
    for number in range(7):
        await trial.store(f"b{number}")
    thrown = [await trial.discard(f"b{number}") for number in range(7)]
    path = parse_path("a")
    for size in range(1, 9):
        assert await gather(lambda *page: trial.catalogue.list_versions(TESTER, path, *page), size) == versions[::-1]
        assert await gather(lambda *page: trial.catalogue.list_trash(TESTER, *page), size) == thrown[::-1]
    page = await trial.catalogue.list_trash(TESTER, 3)
    await trial.store("new")
    await trial.discard("new")
    assert (await trial.catalogue.list_trash(TESTER, 10, page.cursor)).items == thrown[3::-1]


@in_reactor
async def test_a_file_moves_into_the_list_of_another_folder(trial: Trial) -> None:
    await trial.store("a/1")
    await trial.do(Copy(source=parse_path("a/1"), destination=parse_path("b/1")))
    await trial.do(Move(path=parse_path("a/1"), destination=parse_path("c/d/1")))
    assert await trial.files(folder=parse_path("a")) == []
    assert await trial.files(folder=parse_path("c")) == ["c/d/1"]


def spell(*values: Any) -> str:
    return urlsafe_b64encode(json.dumps(values).encode()).decode()


@pytest.mark.parametrize(
    "cursor",
    [
        *("", "x", "!!!!", "\N{GRINNING FACE}", "e30", "W10", "bnVsbA", "-" * 1000),
        *(spell(), spell("children"), spell("children", 1), spell("children", "a", "b"), spell("unknown", "a")),
        *(spell("children", "\ud800"), spell("path True", "\ud800"), spell("name True", "\udfff", 1)),
        *(spell("trash", *[True]), spell("trash", 1.5), spell("trash", 2**63), spell("trash", -(2**63) - 1)),
        *(spell("created True", 2**80, 1), spell("created True", "1", 1), spell("trash", None), spell("trash", [1])),
        urlsafe_b64encode(b"[" * 5000).decode(),
        urlsafe_b64encode(b'["trash",' + b"9" * 5000 + b"]").decode(),
    ],
)
@in_reactor
async def test_a_cursor_that_no_page_gave(trial: Trial, cursor: str) -> None:
    await trial.store("a")
    await trial.discard("a")
    await trial.store("a")
    path = parse_path("a")
    lists: list[Callable[[], Awaitable[Page[Any]]]] = [
        lambda: trial.catalogue.list_children(TESTER, parse_path(""), 1, cursor),
        lambda: trial.catalogue.list_versions(TESTER, path, 1, cursor),
        lambda: trial.catalogue.list_trash(TESTER, 1, cursor),
        lambda: trial.catalogue.list_blobs(1, cursor),
        *(lambda order=order: trial.catalogue.list_files(TESTER, FileQuery(order=order), 1, cursor) for order in Order),
    ]
    for ask in lists:
        with pytest.raises(CloudError) as caught:
            await ask()
        assert (caught.value.kind, caught.value.code) == (Kind.INVALID, "bad_cursor")


@in_reactor
async def test_cursors_of_one_list_are_none_of_another(trial: Trial) -> None:
    for name in "abc":
        await trial.store(name)
    cursors: dict[Any, Any] = {}
    for order in Order:
        for descending in (False, True):
            query = FileQuery(order=order, descending=descending)
            cursors[query] = (await trial.catalogue.list_files(TESTER, query, 1)).cursor
    for query in cursors:
        for origin, cursor in cursors.items():
            if origin == query:
                assert len((await trial.catalogue.list_files(TESTER, query, 5, cursor)).items) == 2
            else:
                assert await refusal(trial.catalogue.list_files(TESTER, query, 1, cursor)) == "bad_cursor"
    assert await refusal(trial.catalogue.list_trash(TESTER, 1, cursors[FileQuery()])) == "bad_cursor"


@in_reactor
async def test_what_no_text_can_hold_is_not_found(trial: Trial) -> None:
    """NUL, of which not every engine has heard: neither a name nor a tag nor a type has it."""
    await trial.store("aba")
    await trial.do(EditTags(path=parse_path("aba"), add=("t",), most=9))
    queries: list[dict[str, Any]] = [
        {"text": "\0"},
        {"text": "a\0a"},
        {"text": "ab\0"},
        {"tag": "\0"},
        {"tag": "t\0"},
        {"media_type": "text/plain\0"},
        {"media_type": "text\0"},
    ]
    for order in Order:
        for query in queries:
            assert await trial.files(order=order, **query) == []
    assert await trial.files(text="aba") == ["aba"]
