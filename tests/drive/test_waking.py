"""Waking of many who wait."""

from __future__ import annotations

from attrs import define
from twisted.internet.task import Clock

from cloudsvc.drive.waking import Waking


@define(eq=False)
class Sleeper:
    woken: int = 0

    def wake(self) -> None:
        self.woken += 1


def test_many_are_woken_once_each_and_some_at_a_time() -> None:
    clock, sleepers = Clock(), [Sleeper() for _ in range(200)]
    waking = Waking(clock)
    for _ in range(3):
        waking.add(sleepers)
    waking.remove(sleepers[0])
    told: list[int] = []

    def count() -> None:
        told.append(sum(each.woken for each in sleepers))
        if told[-1] < len(sleepers) - 1:
            clock.callLater(0, count)

    clock.callLater(0, count)
    clock.advance(0)
    assert told == [64, 128, 192, 199]
    assert [each.woken for each in sleepers] == [0, *[1] * 199]
    assert clock.getDelayedCalls() == []
