"""Blocking work runs outside the reactor's thread, and nothing of that work needs a global reactor."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from twisted.internet.defer import CancelledError, Deferred, gatherResults

from cloudsvc.core.threads import WorkerThreads
from tests.support.reactors import in_reactor, run_threads


@pytest.fixture
def runner() -> Iterator[WorkerThreads]:
    with run_threads(2) as runner:
        yield runner


@in_reactor
async def test_a_function_runs_in_another_thread(runner: WorkerThreads) -> None:
    assert await runner.run(threading.current_thread) is not threading.current_thread()


@in_reactor
async def test_a_cancelled_call_stops_waiting_while_the_function_ends_by_itself(runner: WorkerThreads) -> None:
    go_on = threading.Event()
    waiting = Deferred.fromCoroutine(runner.run(go_on.wait, 10))
    after = Deferred.fromCoroutine(runner.run(go_on.wait, 10))

    waiting.cancel()
    with pytest.raises(CancelledError):
        await waiting

    go_on.set()
    assert await after is True


@in_reactor
async def test_a_call_that_is_cancelled_before_it_begins_never_runs() -> None:
    with run_threads(1) as runner:
        go_on, ran = threading.Event(), threading.Event()
        running = Deferred.fromCoroutine(runner.run(go_on.wait, 100))
        queued = Deferred.fromCoroutine(runner.run(ran.set))
        last = Deferred.fromCoroutine(runner.run(ran.is_set))

        queued.cancel()
        with pytest.raises(CancelledError):
            await queued

        go_on.set()
        assert await running is True
        assert await last is False


@in_reactor
async def test_a_thread_is_made_when_the_others_are_busy_and_no_more_than_there_may_be() -> None:
    with run_threads(3) as runner:
        for _ in range(5):
            first = await runner.run(threading.current_thread)
            assert await runner.run(threading.current_thread) is first
        go_on, there = threading.Event(), threading.Semaphore(0)

        def wait() -> threading.Thread:
            there.release()
            go_on.wait(100)
            return threading.current_thread()

        busy = [Deferred.fromCoroutine(runner.run(wait)) for _ in range(5)]
        for _ in range(3):
            assert there.acquire(timeout=100)
        go_on.set()
        assert len({await each for each in busy}) == 3


@in_reactor
async def test_what_waits_for_the_start_is_done_then() -> None:
    from twisted.internet import reactor  # noqa: PLC0415 - installed by then

    runner = WorkerThreads(reactor=reactor, most=2, name="test")  # type: ignore[arg-type]  # a module
    waiting = [Deferred.fromCoroutine(runner.run(str, number)) for number in range(5)]
    runner.start()
    assert [await each for each in waiting] == ["0", "1", "2", "3", "4"]
    runner.stop()


@in_reactor
async def test_stopping_waits_for_what_was_asked_and_hands_it_over() -> None:
    with run_threads(1) as runner:
        asked = [Deferred.fromCoroutine(runner.run(str, number)) for number in range(100)]
    assert all(each.called for each in asked)
    assert [await each for each in asked] == [str(number) for number in range(100)]


@in_reactor
async def test_no_result_is_left_behind_however_they_come() -> None:
    """Threads wake the reactor once for many results; none of them may wait for a wake-up that nobody sends."""
    with run_threads(4) as runner:
        for round_ in range(50):
            asked = [Deferred.fromCoroutine(runner.run(int, number)) for number in range(40)]
            assert [await each for each in asked] == list(range(40)), round_


@in_reactor
async def test_where_the_system_gives_no_thread_those_there_are_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """As with a limit on the processes of a container."""
    from twisted.internet import reactor  # noqa: PLC0415 - installed by then

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    runner = WorkerThreads(reactor=reactor, most=2, name="test")  # type: ignore[arg-type]  # a module
    runner.start()
    ran: list[str] = []
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start"):
            await runner.run(ran.append, "refused")
    await runner.run(ran.append, "one")
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        await gatherResults([Deferred.fromCoroutine(runner.run(ran.append, "two")) for _ in range(3)])
    runner.stop()
    assert ran == ["one", "two", "two", "two"]


def test_the_module_installs_no_reactor() -> None:
    code = "import sys, cloudsvc.core.threads; sys.exit('twisted.internet.reactor' in sys.modules)"

    subprocess.run([sys.executable, "-c", code], check=True)
