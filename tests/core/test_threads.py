"""Blocking work runs outside the reactor's thread, and nothing of that work needs a global reactor."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Iterator

import pytest
from twisted.internet.defer import CancelledError, Deferred

from cloudsvc.core.threads import PoolRunner
from tests.support.reactors import in_reactor, run_threads


@pytest.fixture
def runner() -> Iterator[PoolRunner]:
    with run_threads(2) as runner:
        yield runner


@in_reactor
async def test_a_function_runs_in_another_thread(runner: PoolRunner) -> None:
    assert await runner.run(threading.current_thread) is not threading.current_thread()


@in_reactor
async def test_a_cancelled_call_stops_waiting_while_the_function_ends_by_itself(runner: PoolRunner) -> None:
    go_on = threading.Event()
    waiting = Deferred.fromCoroutine(runner.run(go_on.wait, 10))
    after = Deferred.fromCoroutine(runner.run(go_on.wait, 10))

    waiting.cancel()
    with pytest.raises(CancelledError):
        await waiting

    go_on.set()
    assert await after is True


def test_the_module_installs_no_reactor() -> None:
    code = "import sys, cloudsvc.core.threads; sys.exit('twisted.internet.reactor' in sys.modules)"

    subprocess.run([sys.executable, "-c", code], check=True)
