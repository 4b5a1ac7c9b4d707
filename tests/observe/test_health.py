"""Health: what the checks find, together, in time."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import LogEvent, globalLogPublisher

from cloudsvc.observe.health import Check, CheckResult, Finding, Health, HealthReport, Status


def make_health(checks: Sequence[Check], *others: Any, **options: Any) -> Health:
    """With two seconds for checks that do not say how long they take, unless told otherwise."""
    return Health(checks, *others, **{"timeout": 2.0, **options})


def asking(health: Health) -> Deferred[HealthReport]:
    return Deferred.fromCoroutine(health.report())


def ask(health: Health) -> HealthReport:
    """The report, which must be there at once."""
    reports: list[HealthReport] = []
    asking(health).addCallback(reports.append)
    return reports.pop()


def passing(message: str = "fine") -> Callable[[], Awaitable[Finding]]:
    async def run() -> Finding:
        return Finding(ok=True, message=message)

    return run


def failing(message: str) -> Callable[[], Awaitable[Finding]]:
    async def run() -> Finding:
        return Finding(ok=False, message=message)

    return run


class Slow:
    """A check that answers when the test says so, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked: list[Deferred[Finding]] = []

    async def run(self) -> Finding:
        answer: Deferred[Finding] = Deferred()
        self.asked.append(answer)
        return await answer


def test_all_is_well() -> None:
    report = ask(make_health([Check(name="one", vital=True, run=passing("fine"))], Clock()))
    assert report == HealthReport(
        status=Status.HEALTHY,
        message="Server is healthy",
        checks={"one": CheckResult(status=Status.HEALTHY, message="fine")},
    )
    assert report.status == "healthy"


def test_no_checks_are_well() -> None:
    assert ask(make_health([], Clock())).status is Status.HEALTHY


def test_a_failing_part_that_is_not_vital_degrades() -> None:
    checks = [
        Check(name="disk", vital=False, run=failing("full")),
        Check(name="token", vital=True, run=passing()),
    ]
    report = ask(make_health(checks, Clock()))
    assert (report.status, report.message) == ("degraded", "Server is degraded")
    assert report.checks["disk"] == CheckResult(status=Status.DEGRADED, message="full")


def test_a_failing_vital_part_gives_its_message_to_the_whole() -> None:
    checks = [
        Check(name="disk", vital=False, run=failing("full")),
        Check(name="token", vital=True, run=failing("Server token is not configured")),
        Check(name="other", vital=True, run=failing("another")),
        Check(name="last", vital=False, run=failing("full")),
    ]
    report = ask(make_health(checks, Clock()))
    assert (report.status, report.message) == ("unhealthy", "Server token is not configured")


def test_a_check_that_raises_fails_without_telling_why_in_public() -> None:
    async def run() -> Finding:
        raise RuntimeError("the password is s3cr3t")

    said: list[LogEvent] = []
    globalLogPublisher.addObserver(said.append)  # type: ignore[arg-type]  # a plain function will do
    clock = Clock()
    health = make_health([Check(name="odd", vital=True, run=run)], clock)
    try:
        report = ask(health)
        clock.advance(1)
        ask(health)
    finally:
        globalLogPublisher.removeObserver(said.append)  # type: ignore[arg-type]  # as above
    assert report.checks["odd"] == CheckResult(status=Status.UNHEALTHY, message="The check itself failed")
    assert ["log_failure" in event for event in said] == [True, False]


def test_checks_run_together_and_a_slow_one_fails_in_its_own_time() -> None:
    clock = Clock()
    slow, slower = Slow(), Slow()
    checks = [
        Check(name="slow", vital=False, run=slow.run, timeout=1.0),
        Check(name="slower", vital=False, run=slower.run),
    ]
    reports: list[HealthReport] = []
    asking(make_health(checks, clock, timeout=3.0)).addCallback(reports.append)
    assert len(slow.asked) == len(slower.asked) == 1
    clock.advance(1)
    assert reports == []
    slower.asked[0].callback(Finding(ok=True, message="late but well"))
    assert reports[0].checks["slow"].message == "No answer within 1 seconds"
    assert reports[0].checks["slower"].status is Status.HEALTHY
    assert clock.getDelayedCalls() == []


def test_a_check_that_hangs_is_not_started_again_before_it_ends() -> None:
    clock = Clock()
    slow = Slow()
    health = make_health([Check(name="slow", vital=False, run=slow.run)], clock)
    for _ in range(3):
        waiting = asking(health)
        clock.advance(2)
        assert waiting.called
        clock.advance(1)
    assert len(slow.asked) == 1
    slow.asked[0].callback(Finding(ok=True, message="at last"))
    waiting = asking(health)
    assert len(slow.asked) == 2
    slow.asked[1].callback(Finding(ok=True, message="well"))
    assert ask(health).status is Status.HEALTHY


def test_an_answer_to_the_earlier_question_counts() -> None:
    clock = Clock()
    slow = Slow()
    health = make_health([Check(name="slow", vital=False, run=slow.run)], clock)
    asking(health)
    clock.advance(2)
    clock.advance(1)
    reports: list[HealthReport] = []
    asking(health).addCallback(reports.append)
    slow.asked[0].callback(Finding(ok=True, message="at last"))
    assert reports[0].status is Status.HEALTHY
    assert clock.getDelayedCalls() == []


def test_a_report_is_given_again_for_a_second() -> None:
    clock = Clock()
    asked: list[str] = []

    async def run() -> Finding:
        asked.append("again")
        return Finding(ok=True, message="fine")

    health = make_health([Check(name="one", vital=True, run=run)], clock)
    first = ask(health)
    clock.advance(0.9)
    assert ask(health) is first
    clock.advance(0.1)
    assert ask(health) is not first
    assert len(asked) == 2


def test_whoever_asks_meanwhile_shares_the_report_and_may_leave() -> None:
    slow = Slow()
    health = make_health([Check(name="slow", vital=True, run=slow.run)], Clock())
    first, second, third = (asking(health) for _ in range(3))
    left: list[object] = []
    first.addErrback(lambda failure: left.append(failure.type))
    first.cancel()
    assert left == [CancelledError]
    slow.asked[0].callback(Finding(ok=True, message="fine"))
    assert len(slow.asked) == 1
    assert second.result is third.result
    assert health.ready is False


def test_outcomes_are_counted_and_changes_logged() -> None:
    clock = Clock()
    outcomes: list[tuple[str, bool]] = []
    found = iter([True, False, False, True])

    async def run() -> Finding:
        return Finding(ok=next(found), message="found")

    said: list[LogEvent] = []
    globalLogPublisher.addObserver(said.append)  # type: ignore[arg-type]  # a plain function will do
    health = make_health(
        [Check(name="disk", vital=False, run=run)], clock, lambda name, ok: outcomes.append((name, ok))
    )
    try:
        for _ in range(4):
            ask(health)
            clock.advance(1)
    finally:
        globalLogPublisher.removeObserver(said.append)  # type: ignore[arg-type]  # as above
    assert outcomes == [("disk", True), ("disk", False), ("disk", False), ("disk", True)]
    assert [event["outcome"] for event in said] == ["fails", "passes again"]


def test_a_fault_of_the_server_itself_reaches_everybody_who_waits() -> None:
    def count(name: str, ok: bool) -> None:  # noqa: FBT001  # as Health calls it
        raise RuntimeError(f"{name} {ok}")

    slow = Slow()
    health = make_health([Check(name="slow", vital=True, run=slow.run)], Clock(), count)
    waiting = [asking(health) for _ in range(2)]
    faults: list[str] = []
    for deferred in waiting:
        deferred.addErrback(lambda failure: faults.append(str(failure.value)))
    slow.asked[0].callback(Finding(ok=True, message="fine"))
    assert faults == ["slow True", "slow True"]


@pytest.mark.parametrize("ready", [True, False])
def test_readiness_is_set_from_outside(ready: bool) -> None:  # noqa: FBT001  # pytest gives it
    assert make_health([], Clock(), ready=ready).ready is ready
