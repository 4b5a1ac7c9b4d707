"""Counts of all workers: who hangs is not waited for, and nothing that was told once is forgotten."""

from __future__ import annotations

import re

from attrs import define, field
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from cloudsvc.observe.metrics import Exposition, Metrics
from cloudsvc.observe.worker_metrics import SupervisorMetrics
from cloudsvc.server.control.messages import Collect, Counts, Message
from cloudsvc.server.workers.counting import Counting


@define(eq=False)
class Station:
    """A worker's end: what it was sent, and what it has counted."""

    counting: Counting
    metrics: Metrics = field(factory=Metrics)
    received: list[Message] = field(factory=list)

    def send(self, message: Message) -> None:
        self.received.append(message)

    def answer(self) -> None:
        question = self.received[-1]
        assert isinstance(question, Collect)
        self.counting.note(self, Counts(question.number, self.metrics.read()))


@define(eq=False)
class Case:
    """Workers, and somebody who asks."""

    clock: Clock = field(factory=Clock)
    counting: Counting = field(init=False)

    @counting.default
    def _make_counting(self) -> Counting:
        return Counting(self.clock, SupervisorMetrics())

    def begin(self) -> Station:
        station = Station(self.counting)
        self.counting.begin(station)
        return station

    def ask(self) -> Deferred[Exposition]:
        return Deferred.fromCoroutine(self.counting.expose())


def read_successes(asked: Deferred[Exposition]) -> float:
    assert isinstance(asked.result, Exposition)
    found = re.search(rb"^auth_success_total (\S+)$", asked.result.body, re.MULTILINE)
    assert found is not None
    return float(found[1])


def test_it_waits_until_all_have_answered() -> None:
    case = Case()
    one, other = case.begin(), case.begin()
    one.metrics.auth.success.inc(2)
    other.metrics.auth.success.inc(3)
    asked = case.ask()
    one.answer()
    assert not asked.called
    other.answer()
    assert read_successes(asked) == 5
    assert not case.clock.getDelayedCalls()


def test_of_one_that_hangs_the_last_answer_counts() -> None:
    case = Case()
    one, other = case.begin(), case.begin()
    for station in (one, other):
        station.metrics.auth.success.inc()
    first = case.ask()
    one.answer()
    other.answer()
    assert read_successes(first) == 2
    one.metrics.auth.success.inc()
    second = case.ask()
    one.answer()
    case.clock.advance(2)
    assert read_successes(second) == 3
    other.answer()
    third = case.ask()
    one.answer()
    other.answer()
    assert read_successes(third) == 3


def test_whoever_asks_meanwhile_gets_an_answer_that_is_not_older_than_the_question() -> None:
    case = Case()
    one = case.begin()
    first, second = case.ask(), case.ask()
    one.answer()
    assert read_successes(first) == 0
    assert not second.called
    one.metrics.auth.success.inc()
    one.answer()
    assert read_successes(second) == 1


def test_one_that_ends_while_it_is_waited_for_holds_nobody_up() -> None:
    case = Case()
    one, other = case.begin(), case.begin()
    one.metrics.auth.success.inc(4)
    before = case.ask()
    one.answer()
    other.answer()
    assert read_successes(before) == 4
    asked = case.ask()
    other.answer()
    case.counting.end(one)
    assert read_successes(asked) == 4
    case.counting.end(one)
    case.counting.note(one, Counts(0, one.metrics.read()))
    again = case.ask()
    other.answer()
    assert read_successes(again) == 4, "nor is it counted twice"


def test_without_workers_there_is_what_the_supervisor_knows() -> None:
    case = Case()
    case.counting.metrics.deaths.inc()
    asked = case.ask()
    assert isinstance(asked.result, Exposition)
    assert b"\nworker_deaths_total 1.0\n" in asked.result.body
