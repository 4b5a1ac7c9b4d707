"""A search looks at a bounded number of files at a time, and still tells each of them once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudsvc.drive.commands import EditTags
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.pages import FileQuery, Order
from cloudsvc.storage.catalogue import searching, walking
from tests.support.catalogues import Trial, Watch, gather, open_sqlite, store
from tests.support.reactors import in_reactor


@pytest.fixture(params=[1, 3, 4])
def small_windows(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """So that few files are many."""
    monkeypatch.setattr(searching, "_WINDOW", request.param)
    monkeypatch.setattr(searching, "_WINDOWS", 2)
    monkeypatch.setattr(walking, "_STEPS", 5)
    searching._make_edge.cache_clear()
    yield
    searching._make_edge.cache_clear()


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("order", Order)
@pytest.mark.usefixtures("small_windows")
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
        for query, count in [({}, 30), ({"tag": "t"}, 3), ({"text": "a"}, 5), ({"tag": "none"}, 0)]:
            asked = FileQuery(order=order, descending=descending, **query)  # type: ignore[arg-type]  # text all
            whole = await gather(lambda *page: catalogue.list_files(asked, *page))  # noqa: B023  # awaited
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
                assert await gather(lambda *page: catalogue.list_files(asked, *page), size) == whole  # noqa: B023  # awaited


@pytest.mark.usefixtures("small_windows")
@in_reactor
async def test_a_page_may_be_empty_and_not_the_last(tmp_path: Path) -> None:
    watch = Watch()
    async with open_sqlite(tmp_path, watch) as catalogue:
        trial = Trial(catalogue, watch)
        await trial.do(*(store(str(number)) for number in range(20)))
        for order in Order:
            page = await catalogue.list_files(FileQuery(order=order, tag="none"), 10)
            assert (page.items, page.cursor is None) == ([], False)
