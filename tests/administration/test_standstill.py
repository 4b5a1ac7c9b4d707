"""A drive stands still for as long as its program says so, and is told when it did not."""

from __future__ import annotations

from typing import Final

import pytest
from attrs import define
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from cloudsvc.administration.standstill import stand_still
from cloudsvc.core.errors import CloudError
from cloudsvc.drive.commands import SetQuota
from cloudsvc.drive.errors import commit_unknown
from cloudsvc.drive.freezing import LONGEST_FREEZE, THAWED, Standing
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import Instant
from cloudsvc.storage.memory_catalogue import MemoryCatalogue
from tests.support.catalogues import SECOND, Trial, Watch
from tests.support.opened_drives import refusal
from tests.support.reactors import in_reactor

SUCCESSOR: Final = "0a1b2c3d"
"""The epoch of what goes on elsewhere."""

LONG: Final = 2 * LONGEST_FREEZE // SECOND
"""Seconds for which no single freeze holds."""


def make_trial() -> Trial:
    watch = Watch()
    return Trial(MemoryCatalogue(now=watch), watch)


@in_reactor
async def test_it_lasts_until_it_is_ended_however_long_that_is() -> None:
    trial, clock = make_trial(), Clock()
    async with stand_still(trial.catalogue, clock, trial.watch) as standstill:
        for _second in range(0, LONG, 5):
            trial.watch.pass_seconds(5)
            clock.advance(5)
            assert await trial.catalogue.is_frozen()
        assert standstill.is_unbroken
        assert await refusal(trial.store("a")) == "read_only"
    await trial.store("a")
    assert clock.getDelayedCalls() == []


@in_reactor
async def test_what_it_ends_for_good_stays() -> None:
    trial, clock = make_trial(), Clock()
    async with stand_still(trial.catalogue, clock, trial.watch) as standstill:
        assert await standstill.end_for_good(SUCCESSOR)
    assert (await trial.catalogue.find_standing()).has_moved
    with pytest.raises(CloudError, match="has moved"):
        async with stand_still(trial.catalogue, clock, trial.watch):
            raise AssertionError("it has moved")


@in_reactor
async def test_a_failure_lets_the_drive_go_on() -> None:
    trial = make_trial()
    with pytest.raises(ValueError, match="whatever"):
        async with stand_still(trial.catalogue, Clock(), trial.watch):
            raise ValueError("whatever")
    await trial.store("a")


@pytest.mark.parametrize("renewal", [0, 60])
@in_reactor
async def test_a_program_that_was_halted_knows_that_something_may_have_changed(renewal: int) -> None:
    trial, clock = make_trial(), Clock()
    async with stand_still(trial.catalogue, clock, trial.watch) as standstill:
        trial.watch.pass_seconds(LONG)
        if renewal:
            clock.advance(renewal)
        assert not standstill.is_unbroken
        assert not await standstill.end_for_good(SUCCESSOR)
    assert (await trial.catalogue.find_standing()).freeze == THAWED


@in_reactor
async def test_a_change_by_a_clock_that_is_wrong_is_noticed() -> None:
    trial, ahead = make_trial(), Watch()
    other = MemoryCatalogue(now=ahead, memory=trial.catalogue._memory)  # type: ignore[attr-defined]  # it is one in memory
    ahead.pass_seconds(LONG)
    async with stand_still(trial.catalogue, Clock(), trial.watch) as standstill:
        await Trial(other, ahead).store("a")
        assert standstill.is_unbroken
        assert not await standstill.end_for_good(SUCCESSOR)


@in_reactor
async def test_a_change_that_came_between_two_renewals_is_noticed() -> None:
    trial, clock = make_trial(), Clock()
    async with stand_still(trial.catalogue, clock, trial.watch) as standstill:
        # Somebody reopens the drive while it moves.
        await trial.catalogue.thaw(even_moved=True)
        await trial.store("a")
        clock.advance(15)
        assert not await trial.catalogue.is_frozen()
        assert not standstill.is_unbroken
        assert not await standstill.end_for_good(SUCCESSOR)
    await trial.store("b")


@in_reactor
async def test_a_change_without_a_number_is_noticed_that_somebody_has_let_in() -> None:
    trial, clock = make_trial(), Clock()
    await trial.make_folder("folder")
    async with stand_still(trial.catalogue, clock, trial.watch) as standstill:
        await trial.catalogue.thaw(even_moved=True)
        await trial.do(SetQuota(path=parse_path("folder"), quota=1))
        clock.advance(15)
        assert not standstill.is_unbroken
        assert not await standstill.end_for_good(SUCCESSOR)
    assert (await trial.catalogue.find_standing()).freeze == THAWED


@define(eq=False)
class Fragile(MemoryCatalogue):
    """A catalogue whose renewals fail for a while, before anything was done or after it."""

    problem: Exception | None = None
    answers_late: bool = False

    async def renew(self, standing: Standing, until: Instant) -> Standing | None:
        """As :meth:`cloudsvc.drive.freezing.Freezing.renew`."""
        problem = self.problem
        if problem is not None and not self.answers_late:
            raise problem
        renewed = await super().renew(standing, until)
        if problem is not None:
            raise problem
        return renewed


@pytest.mark.parametrize("answers_late", [False, True])
@pytest.mark.parametrize("problem", [commit_unknown(), ValueError("whatever")], ids=["known", "unknown"])
@in_reactor
async def test_renewals_that_fail_for_a_while_break_nothing(problem: Exception, answers_late: bool) -> None:  # noqa: FBT001  # a parameter
    watch, clock = Watch(), Clock()
    catalogue = Fragile(now=watch, problem=problem, answers_late=answers_late)
    with capturedLogs() as logs:
        async with stand_still(catalogue, clock, watch) as standstill:
            for catalogue.problem in (problem, problem, None):
                watch.pass_seconds(15)
                clock.advance(15)
            assert standstill.standing == await catalogue.find_standing()
            assert standstill.is_unbroken
            catalogue.problem = problem
            clock.advance(15)
            assert await standstill.end_for_good(SUCCESSOR)
    assert len(logs) == 3
    assert clock.getDelayedCalls() == []


@in_reactor
async def test_renewals_that_fail_in_the_end_leave_the_drive_thawed() -> None:
    watch, clock = Watch(), Clock()
    catalogue = Fragile(now=watch, problem=ValueError("whatever"))
    with capturedLogs():
        async with stand_still(catalogue, clock, watch):
            clock.advance(15)
    assert (await catalogue.find_standing()).freeze == THAWED


@in_reactor
async def test_of_two_that_move_it_the_later_one_leaves_it_moved() -> None:
    trial, clock = make_trial(), Clock()
    async with stand_still(trial.catalogue, clock, trial.watch) as later:
        async with stand_still(trial.catalogue, clock, trial.watch) as first:
            assert await first.end_for_good(SUCCESSOR)
        assert not await later.end_for_good(SUCCESSOR)
    assert (await trial.catalogue.find_standing()).has_moved
