"""Chores come back, one at a time, and one that fails stops nobody."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs, formatEvent

from cloudsvc.drive.jobs import Job, Scheduler
from tests.support.coroutines import finish

Work = Callable[[], Awaitable[None]]


class Diary:
    """Chores that write down when they were begun, and end when they are told."""

    def __init__(self) -> None:
        self.begun: list[str] = []
        self.running: list[Deferred[None]] = []

    def work(self, name: str) -> Work:
        async def work() -> None:
            self.begun.append(name)
            done: Deferred[None] = Deferred()
            self.running.append(done)
            await done

        return work

    def end(self) -> None:
        self.running.pop(0).callback(None)


def keep(clock: Clock, **jobs: tuple[float, Work]) -> Scheduler:
    return Scheduler(clock=clock, jobs=[Job(name=name, every=every, work=work) for name, (every, work) in jobs.items()])


def test_jobs_are_done_at_once_and_again() -> None:
    done: list[str] = []

    async def sweep() -> None:
        done.append("sweep")

    clock = Clock()
    scheduler = keep(clock, sweep=(10, sweep))
    scheduler.lead()
    clock.pump([4, 4, 4, 4, 4])
    assert done == ["sweep"] * 3


def test_one_at_a_time() -> None:
    clock, diary = Clock(), Diary()
    scheduler = keep(clock, first=(10, diary.work("first")), second=(10, diary.work("second")))
    scheduler.lead()
    assert diary.begun == ["first"]
    clock.advance(35)
    diary.end()
    assert diary.begun == ["first", "second"]


def test_a_job_that_fails_is_logged_and_comes_back() -> None:
    tries: list[int] = []

    async def fail() -> None:
        tries.append(len(tries))
        raise OSError("the disk is gone")

    clock = Clock()
    scheduler = keep(clock, **{"empty the bin": (10, fail)})
    with capturedLogs() as events:
        scheduler.lead()
        clock.advance(10)
    assert tries == [0, 1]
    assert [formatEvent(event) for event in events] == ["could not empty the bin"] * 2
    assert events[0]["log_failure"].getErrorMessage() == "the disk is gone"


def test_in_a_hurry_it_is_done_between_rounds() -> None:
    clock, diary = Clock(), Diary()
    scheduler = keep(clock, slow=(100, diary.work("slow")), quick=(100, diary.work("quick")))
    scheduler.lead()
    assert diary.begun == ["slow"]
    for _ in range(2):
        diary.end()
    scheduler.trigger("quick")
    assert diary.begun == ["slow", "quick", "quick"]


def test_many_hurries_are_one() -> None:
    clock, diary = Clock(), Diary()
    scheduler = keep(clock, slow=(100, diary.work("slow")), quick=(100, diary.work("quick")))
    scheduler.lead()
    for _ in range(3):
        scheduler.trigger("quick")
    for _ in range(2):
        diary.end()
    assert diary.begun == ["slow", "quick"]


def test_one_that_runs_may_be_hurried_once_more() -> None:
    clock, diary = Clock(), Diary()
    scheduler = keep(clock, only=(100, diary.work("only")))
    scheduler.lead()
    for _ in range(3):
        scheduler.trigger("only")
    diary.end()
    diary.end()
    assert diary.begun == ["only", "only"]


def test_one_that_is_not_for_the_start_comes_after_its_time() -> None:
    clock, diary = Clock(), Diary()
    scheduler = Scheduler(clock=clock, jobs=[Job(name="late", every=10, work=diary.work("late"), at_once=False)])
    scheduler.lead()
    assert not diary.begun
    clock.advance(10)
    assert diary.begun == ["late"]


def test_stopping_waits_for_what_runs_and_begins_nothing() -> None:
    clock, diary = Clock(), Diary()
    scheduler = keep(clock, only=(10, diary.work("only")), other=(10, diary.work("other")))
    scheduler.lead()
    scheduler.trigger("only")
    stopped = Deferred.fromCoroutine(scheduler.stop())
    assert not stopped.called
    diary.end()
    assert stopped.called
    clock.advance(100)
    assert diary.begun == ["only"]
    assert not clock.getDelayedCalls()


def test_only_the_leader_does_what_is_not_for_everybody() -> None:
    clock, diary = Clock(), Diary()
    jobs = [
        Job(name="own", every=10, work=diary.work("own"), everywhere=True),
        Job(name="shared", every=10, work=diary.work("shared")),
    ]
    scheduler = Scheduler(clock=clock, jobs=jobs)
    scheduler.start()
    diary.end()
    assert diary.begun == ["own"]
    scheduler.lead()
    diary.end()
    assert diary.begun == ["own", "shared"]
    scheduler.follow()
    clock.advance(10)
    diary.end()
    assert diary.begun == ["own", "shared", "own"]


def test_whoever_does_not_lead_does_what_it_is_asked_for() -> None:
    diary = Diary()
    scheduler = keep(Clock(), only=(10, diary.work("only")))
    scheduler.start()
    scheduler.trigger("only")
    assert diary.begun == ["only"]


def test_whoever_has_stopped_does_not_begin_to_lead() -> None:
    clock, diary = Clock(), Diary()
    scheduler = keep(clock, only=(10, diary.work("only")))
    finish(scheduler.stop())
    scheduler.lead()
    assert not diary.begun
    assert not clock.getDelayedCalls()
