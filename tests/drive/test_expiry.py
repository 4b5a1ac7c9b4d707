"""Retention: what is old is given up, but not because a clock says so that was wrong."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from attrs import define
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from cloudsvc.drive.expiry import Expiry
from cloudsvc.drive.names import parse_path
from tests.support.blobs import list_quarantined, list_suspended, store_blob
from tests.support.opened_drives import GENEROUS, OpenDrive, open_drive
from tests.support.reactors import in_reactor

HOUR = 3600.0
DAY = 24 * HOUR
KEPT = GENEROUS.trash_seconds


@define
class Trial:
    """A drive with one file in the trash, deleted just now, and rounds of expiry."""

    opened: OpenDrive
    clock: Clock
    expiry: Expiry
    wall: list[float]

    async def wait(self, seconds: float, *, by_the_wall: float | None = None) -> bool:
        """Let time pass, then do a round; whether the file is still in the trash."""
        self.clock.advance(seconds)
        self.wall[0] += seconds if by_the_wall is None else by_the_wall
        await self.expiry.run()
        return bool((await self.opened.drive.list_trash(self.opened.actor, 10)).items)


@asynccontextmanager
async def start(directory: Path) -> AsyncIterator[Trial]:
    async with open_drive(directory) as opened:
        await opened.store("file", b"content")
        thrown = await opened.drive.discard(opened.actor, parse_path("file"))
        wall, clock = [thrown.deleted_at / 1_000_000], Clock()
        expiry = Expiry(
            catalogue=opened.storage.catalogue,
            blobs=opened.storage.blobs,
            limits=GENEROUS,
            now=lambda: int(wall[0] * 1_000_000),
            clock=clock,
        )
        yield Trial(opened, clock, expiry, wall)


@in_reactor
async def test_what_has_been_kept_long_enough_goes(tmp_path: Path) -> None:
    async with start(tmp_path) as trial:
        assert await trial.wait(KEPT - 1)
        assert not await trial.wait(2)


@pytest.mark.parametrize("step", [400 * DAY, -400 * DAY, 61])
@in_reactor
async def test_a_clock_that_was_set_is_noticed(tmp_path: Path, step: float) -> None:
    async with start(tmp_path) as trial:
        with capturedLogs() as events:
            assert await trial.wait(HOUR, by_the_wall=HOUR + step)
        assert [formatEvent(event) for event in events] == [
            f"the clock was set by {step:.0f} seconds: nothing expires for a day"
        ]


@in_reactor
async def test_for_a_day_nothing_goes_by_it(tmp_path: Path) -> None:
    async with start(tmp_path) as trial:
        assert await trial.wait(HOUR, by_the_wall=400 * DAY)
        assert await trial.wait(DAY - 1)
        assert not await trial.wait(1)


@in_reactor
async def test_a_wrong_clock_that_is_set_right_has_done_no_harm(tmp_path: Path) -> None:
    async with start(tmp_path) as trial:
        assert await trial.wait(HOUR, by_the_wall=HOUR + 400 * DAY)
        assert await trial.wait(HOUR, by_the_wall=HOUR - 400 * DAY)
        assert await trial.wait(KEPT - 3 * HOUR)
        assert not await trial.wait(DAY)


@in_reactor
async def test_quarantine_ends_after_a_month(tmp_path: Path) -> None:
    async with start(tmp_path) as trial:
        store = trial.opened.storage.blobs
        orphan = (await store_blob(store, b"orphaned")).id
        await store.quarantine([orphan])
        await trial.wait(29 * DAY)
        assert await list_quarantined(store) == {orphan}
        await trial.wait(2 * DAY)
        assert await list_quarantined(store) == set()


@in_reactor
async def test_what_nobody_resumes_for_a_week_is_discarded(tmp_path: Path) -> None:
    async with start(tmp_path) as trial:
        store = trial.opened.storage.blobs
        left, kept = [await store.create() for _ in range(2)]
        await left.suspend()
        await kept.sync()
        await trial.wait(6 * DAY)
        assert await list_suspended(store) == {left.id}
        await trial.wait(2 * DAY)
        # Whoever still writes keeps his.
        assert await list_suspended(store) == set()
        assert await kept.suspend() == 0
        assert await list_suspended(store) == {kept.id}
