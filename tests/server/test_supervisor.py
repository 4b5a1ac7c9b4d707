"""Signals become calls in the reactor, and a manager that is not there is no trouble."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import Any

import pytest
from twisted.internet import reactor as _reactor
from twisted.internet.defer import Deferred
from twisted.logger import capturedLogs

from cloudsvc.server.supervisor import Notifier, Signals
from tests.support.reactors import in_reactor

reactor: Any = _reactor


@pytest.fixture
def _handlers_of_before() -> Iterator[None]:
    numbers = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    handlers = [signal.getsignal(number) for number in numbers]
    yield
    for number, handler in zip(numbers, handlers, strict=True):
        signal.signal(number, handler)


@pytest.mark.usefixtures("_handlers_of_before")
@pytest.mark.parametrize(
    ("number", "meaning"),
    [(signal.SIGTERM, "terminate"), (signal.SIGINT, "terminate"), (signal.SIGHUP, "reload")],
)
@in_reactor
async def test_a_signal_is_a_call_in_the_reactor(number: int, meaning: str) -> None:
    called: Deferred[str] = Deferred()
    Signals(terminate=lambda: called.callback("terminate"), reload=lambda: called.callback("reload")).install(reactor)
    os.kill(os.getpid(), number)
    assert not called.called
    assert await called == meaning


def test_nobody_is_told_where_nobody_asked() -> None:
    with capturedLogs() as events:
        Notifier.from_environment({}).ready()
    assert events == []


@pytest.mark.parametrize("address", ["/nowhere/at/all", "@nobody-listens-here"])
def test_a_manager_that_is_gone_is_one_line_in_the_log(address: str) -> None:
    with capturedLogs() as events:
        Notifier.from_environment({"NOTIFY_SOCKET": address}).stopping()
    assert [event["log_format"] for event in events] == ["cannot notify systemd: {problem}"]


@pytest.mark.parametrize(
    ("environ", "patience"),
    [
        ({}, None),
        ({"WATCHDOG_USEC": "1500000"}, 1.5),
        ({"WATCHDOG_USEC": "1500000", "WATCHDOG_PID": str(os.getpid())}, 1.5),
        ({"WATCHDOG_USEC": "1500000", "WATCHDOG_PID": str(os.getppid())}, None),
        ({"WATCHDOG_USEC": "soon"}, None),
    ],
)
def test_a_manager_may_be_patient(environ: dict[str, str], patience: float | None) -> None:
    assert Notifier.from_environment(environ).patience == patience
