"""A machine whose clock is far from the database's does not begin, and one that drifts away is told of."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve

from cloudsvc.core.errors import OperatorError
from cloudsvc.core.secrets import Secret
from cloudsvc.storage.engine_storage import open_engines
from cloudsvc.storage.engines import Engines
from cloudsvc.storage.resources import Resources, open_resources
from tests.support.postgresql import find_cluster
from tests.support.reactors import in_reactor

HOUR = 3600


@pytest.fixture
def resources() -> Iterator[Resources]:
    from twisted.internet import reactor  # noqa: PLC0415  # installed by then

    with open_resources(reactor) as opened:  # type: ignore[arg-type]  # the module stands for it
        yield opened


def shift(resources: Resources, seconds: float) -> Resources:
    """The same on a machine whose clock is ahead."""
    return evolve(resources, now=lambda: time.time_ns() // 1000 + int(seconds * 1_000_000))


def make_empty() -> tuple[str, Secret]:
    name = find_cluster().make_database()
    return name, find_cluster().make_url(name)


@pytest.mark.parametrize(("ahead", "words"), [(HOUR, "s ahead of"), (-HOUR, "s behind")])
@in_reactor
async def test_a_clock_that_is_an_hour_off_is_one_line_and_nothing_is_touched(
    tmp_path: Path, resources: Resources, ahead: float, words: str
) -> None:
    name, url = make_empty()
    with pytest.raises(OperatorError) as caught:
        await open_engines(tmp_path / "drive", Engines(database=url), shift(resources, ahead))
    [line] = caught.value.lines
    assert line.startswith("the clock of this machine is 3")
    assert f"{words} that of the database: set it by NTP" in line
    assert find_cluster().ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", name) == []


@in_reactor
async def test_a_clock_that_is_a_little_off_is_told_of(tmp_path: Path, resources: Resources) -> None:
    _, url = make_empty()
    storage = await open_engines(tmp_path / "drive", Engines(database=url), shift(resources, 60))
    try:
        # A slow answer makes it less, never more; a machine that stands still for long, none at all.
        assert 0 <= await storage.measure_clock() <= 60
    finally:
        await storage.close()


@in_reactor
async def test_a_clock_that_is_right_differs_by_nothing(tmp_path: Path, resources: Resources) -> None:
    _, url = make_empty()
    storage = await open_engines(tmp_path / "drive", Engines(database=url), resources)
    try:
        assert abs(await storage.measure_clock()) < 1
    finally:
        await storage.close()
