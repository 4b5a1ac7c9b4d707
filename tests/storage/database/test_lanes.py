"""Reads come in lanes: so many at once, so many waiting, and callers in turns."""

from __future__ import annotations

import pytest
from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred

from cloudsvc.storage.database.lanes import Lane, LaneQueue
from tests.support.blobs import take_result
from tests.support.opened_drives import refusal_code


@define
class Bench:
    """A lane, and who has been let in."""

    turns: LaneQueue
    running: list[str] = field(factory=list)

    def ask(self, caller: str) -> Deferred[None]:
        if self.turns.admit(caller):
            self.running.append(caller)
            return Deferred.fromCoroutine(nothing())
        waiting = Deferred.fromCoroutine(self.turns.wait(caller))
        waiting.addCallback(lambda _: self.running.append(caller))
        return waiting

    def end(self) -> None:
        self.turns.leave(self.running.pop(0))


async def nothing() -> None:
    pass


@pytest.fixture
def bench() -> Bench:
    return Bench(LaneQueue(Lane.SCANS))


def test_so_many_run_at_once(bench: Bench) -> None:
    for _ in range(5):
        bench.ask("a")
    assert bench.running == ["a"] * Lane.SCANS.value.at_once
    for left in (4, 3, 2, 1, 0):
        bench.end()
        assert len(bench.running) == min(left, Lane.SCANS.value.at_once)
    assert bench.ask("a").called


def test_beyond_so_many_that_wait_one_is_refused(bench: Bench) -> None:
    bounds = Lane.SCANS.value
    waiting = [bench.ask(str(number)) for number in range(bounds.at_once + bounds.waiting)]
    assert refusal_code(bench.ask("more")) == "too_many_reads"
    # An answer that has begun goes on.
    assert not Deferred.fromCoroutine(bench.turns.wait("0", goes_on=True)).called
    assert refusal_code(bench.ask("more")) == "too_many_reads"
    waiting[-2].cancel()
    with pytest.raises(CancelledError):
        take_result(waiting[-2])
    waiting[-1].cancel()
    with pytest.raises(CancelledError):
        take_result(waiting[-1])
    assert not bench.ask("more").called
    assert refusal_code(bench.ask("more")) == "too_many_reads"


def test_who_asks_for_much_makes_others_wait_for_one_read(bench: Bench) -> None:
    for _ in range(20):
        bench.ask("greedy")
    bench.ask("modest")
    bench.ask("modest")
    bench.ask("other")
    order = []
    for _ in range(8):
        bench.end()
        order.append(bench.running[-1])
    assert {*order[:3]} == {"modest", "other", "greedy"}
    assert "modest" in order[3:5]
    assert order[5:] == ["greedy"] * 3


def test_who_has_a_read_running_waits_for_who_has_none(bench: Bench) -> None:
    bench.ask("slow")
    bench.ask("other")
    bench.running.remove("slow")  # It takes for ever.
    for _ in range(3):
        bench.ask("slow")
    for _ in range(3):
        bench.ask("quick")
    order = []
    for _ in range(4):
        bench.end()
        order.append(bench.running[-1])
    assert order == ["quick"] * 3 + ["slow"]


def test_a_wish_that_is_given_up_is_forgotten(bench: Bench) -> None:
    for _ in range(Lane.SCANS.value.at_once):
        bench.ask("a")
    waiting = bench.ask("b")
    waiting.cancel()
    with pytest.raises(CancelledError):
        take_result(waiting)
    bench.ask("c")
    bench.end()
    assert bench.running[-1] == "c"
    while bench.running:
        bench.end()
