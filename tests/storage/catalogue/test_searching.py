"""A search looks at a bounded number of files at a time, and still tells each of them once."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from cloudsvc.core.errors import CloudError
from cloudsvc.drive.commands import EditTags, MakeFolder, Move
from cloudsvc.drive.names import MAX_PATH_BYTES, MAX_PATH_NAMES, parse_path
from cloudsvc.drive.pages import FileQuery, Order
from cloudsvc.storage.catalogue import matching, searching, walking
from cloudsvc.storage.catalogue.sight import EVERYTHING
from cloudsvc.storage.catalogue.storing import store_file
from cloudsvc.storage.catalogue.tree import Context
from cloudsvc.storage.database.sqlite.connections import connect
from tests.support.catalogues import NAME, TESTER, Trial, Watch, gather, open_sqlite, read_empty, store
from tests.support.opened_drives import refusal
from tests.support.reactors import in_reactor


@pytest.fixture(params=[1, 3, 4])
def small_windows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that few files are many."""
    monkeypatch.setattr(searching, "_WINDOW", request.param)
    monkeypatch.setattr(searching, "_WINDOWS", 2)
    monkeypatch.setattr(walking, "_STEPS", 5)


@pytest.fixture
def many_candidates(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that nothing is sorted in place of a longer list."""
    monkeypatch.setattr(matching, "MOST_CANDIDATES", -1)


@pytest.fixture(params=[-1, 3, 30])
def candidates(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that none are few, or some, or all."""
    monkeypatch.setattr(matching, "MOST_CANDIDATES", request.param)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("order", Order)
@pytest.mark.usefixtures("small_windows", "candidates")
@in_reactor
async def test_everything_is_found_over_many_windows(tmp_path: Path, order: Order, *, descending: bool) -> None:
    watch = Watch()
    async with open_sqlite(tmp_path, watch) as catalogue:
        trial = Trial(catalogue, watch)
        for number in range(30):
            # Many are alike: in name, size and time.
            watch.pass_seconds(number in {5, 6, 20})
            await trial.do(store(f"{number}/{'b' if number % 7 else 'a'}", b"x" * (number in range(8, 22))))
        for number in (2, 17, 29):
            path = parse_path(f"{number}/b")
            await trial.do(EditTags(path=path, add=("t",), most=1))
        for query, count in [
            ({}, 30),
            ({"tag": "t"}, 3),
            ({"text": "a"}, 5),
            ({"tag": "none"}, 0),
            ({"folder": parse_path("17")}, 1),
            ({"folder": parse_path("17"), "tag": "t", "text": "b"}, 1),
        ]:
            asked = FileQuery(order=order, descending=descending, **query)  # type: ignore[arg-type]  # text all
            whole = await gather(lambda *page: catalogue.list_files(TESTER, asked, *page))  # noqa: B023  # awaited
            assert len(whole) == len({file.id for file in whole}) == count
            sorted_by: dict[Order, list[Any]] = {
                Order.PATH: [str(file.path) for file in whole],
                Order.NAME: [(file.path.name.key, file.id) for file in whole],
                Order.CREATED: [(file.created_at, file.id) for file in whole],
                Order.UPDATED: [(file.updated_at, file.id) for file in whole],
                Order.SIZE: [(file.version.blob.size, file.id) for file in whole],
            }
            assert sorted_by[order] == sorted(sorted_by[order], reverse=descending)
            for size in (1, 2, 3, 7):
                assert await gather(lambda *page: catalogue.list_files(TESTER, asked, *page), size) == whole  # noqa: B023  # awaited


@pytest.mark.usefixtures("small_windows", "many_candidates")
@in_reactor
async def test_a_page_may_be_empty_and_not_the_last(tmp_path: Path) -> None:
    watch = Watch()
    async with open_sqlite(tmp_path, watch) as catalogue:
        trial = Trial(catalogue, watch)
        await trial.do(*(store(str(number)) for number in range(20)))
        for order in Order:
            page = await catalogue.list_files(TESTER, FileQuery(order=order, tag="none"), 10)
            assert (page.items, page.cursor is None) == ([], False)


def format_legal(parts: list[tuple[str, int]]) -> str:
    """The longest legal path that ``parts``, characters and how often each, begin with."""
    path = ""
    for character, count in parts[:MAX_PATH_NAMES]:
        for fitting in range(count, 0, -1):
            longer = f"{path}/{character * fitting}" if path else character * fitting
            try:
                parse_path(longer)
            except CloudError:
                continue
            path = longer
            break
    return path


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from(["n", '"', "\\", "é", "\u0958", "\N{GRINNING FACE}"]), st.sampled_from([1, 30, 255])),
        min_size=1,
        max_size=MAX_PATH_NAMES,
    )
)
@example([('"', 255)] * 17)
@example([("\u0958", 255)] * 40)
def test_every_cursor_fits_into_a_url(tmp_path: Path, parts: list[tuple[str, int]]) -> None:
    file = tmp_path / NAME
    file.write_bytes(read_empty())
    connection = connect(file)
    try:
        context = Context(connection=connection, now=1, epoch="epoch", actor=TESTER)
        path = format_legal(parts)
        top = path.partition("/")[0]
        for each in (path, "0", "\U0010ffff"):
            store_file(context, store(each))
        for order in Order:
            for folder in ("", top) if path != top else ("",):
                query = FileQuery(order=order, descending=False, folder=parse_path(folder))
                search: walking.Walk | searching.Search
                if order is Order.PATH:
                    search = walking.Walk(connection=connection, epoch="epoch", sight=EVERYTHING, query=query)
                else:
                    search = searching.Search(connection=connection, epoch="epoch", query=query)
                found, cursor = [], None
                while True:
                    page = search.run(1, cursor)
                    found += [str(file.path) for file in page.items]
                    cursor = page.cursor
                    if cursor is None:
                        break
                    assert len(f"prefix={quote(folder)}&cursor={quote(cursor)}") < 8000
                assert sorted(found) == sorted([path] if folder else [path, "0", "\U0010ffff"])
    finally:
        connection.close()


@in_reactor
async def test_a_file_with_too_long_a_path_for_a_cursor_is_a_mark_while_it_stays(tmp_path: Path) -> None:
    watch = Watch()
    async with open_sqlite(tmp_path, watch) as catalogue:
        trial = Trial(catalogue, watch)
        asked = FileQuery(order=Order.PATH, descending=False)
        long = "/".join(["n" * 255] * 15)
        await trial.do(*(store(f"a/{long}/{name}") for name in "123"), MakeFolder(path=parse_path(f"b/{long}")))
        await trial.do(Move(path=parse_path("a"), destination=parse_path(f"b/{long}/a")))
        await trial.do(Move(path=parse_path("b"), destination=parse_path("c")))
        first, second, third = await gather(lambda *page: catalogue.list_files(TESTER, asked, *page), 1)
        page = await catalogue.list_files(TESTER, asked, 1)
        assert len(str(first.path).encode()) > MAX_PATH_BYTES
        assert (await catalogue.list_files(TESTER, asked, 5, page.cursor)).items == [second, third]
        await trial.do(Move(path=parse_path(f"c/{long}/a"), destination=parse_path("d")))
        assert await refusal(catalogue.list_files(TESTER, asked, 5, page.cursor)) == "bad_cursor"
        await trial.do(Move(path=parse_path("d"), destination=parse_path(f"c/{long}/a")))
        # What is thrown away has a mark where it was.
        await trial.discard("c")
        assert (await catalogue.list_files(TESTER, asked, 5, page.cursor)).items == []
