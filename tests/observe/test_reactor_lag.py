"""The reactor's lateness."""

from __future__ import annotations

import pytest
from twisted.internet.task import Clock

from cloudsvc.observe.lag import LagSampler


class BusyClock(Clock):
    """A clock whose calls come late, as a blocked reactor's do."""

    def jump(self, seconds: float) -> None:
        """Let time pass during which nothing is called; then what is due is called once."""
        self.rightNow += seconds
        self.advance(0)


def test_lateness_is_observed_and_the_worst_remembered_for_a_minute() -> None:
    clock = BusyClock()
    seen: list[float] = []
    sampler = LagSampler(clock, seen.append)
    assert sampler.worst == 0.0
    sampler.startService()
    clock.advance(0.25)
    clock.jump(1.75)
    clock.advance(0.25)
    assert seen == pytest.approx([0.0, 1.5, 0.0])
    assert sampler.worst == pytest.approx(1.5)
    for _ in range(300):
        clock.advance(0.25)
    assert sampler.worst == 0.0


def test_a_stopped_sampler_leaves_no_timer() -> None:
    clock = Clock()
    seen: list[float] = []
    sampler = LagSampler(clock, seen.append)
    sampler.stopService()
    sampler.startService()
    sampler.stopService()
    assert clock.getDelayedCalls() == []
    clock.advance(1)
    assert seen == []
