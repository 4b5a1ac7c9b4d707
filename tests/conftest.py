"""Rules for every test: it ends in time, and leaves nothing behind."""

from __future__ import annotations

import signal
import sys
import threading
import time
import venv
from collections.abc import Generator, Iterator
from pathlib import Path
from threading import Thread
from traceback import format_stack, walk_stack
from types import FrameType
from typing import NoReturn

import greenlet
import pytest
from hypothesis import HealthCheck, settings

from tests.support.leaks import check_leaks

SECONDS = 600.0
"""
For which a test may run, its fixtures included; ``@pytest.mark.seconds(n)`` gives it another time.

Like every limit here, it is for what will never happen, and some ten times of what the longest takes on a busy machine.
"""

_TESTS = Path(__file__).parent

# A machine that is busy with something else is no fault of what is tested.
settings.register_profile("patient", settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")


def pytest_configure() -> None:
    signal.signal(signal.SIGALRM, _time_out)
    # A shell that begins the tests in the background has it ignored, which every program that they run would inherit.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    Thread(target=_take_turns, name="turns", daemon=True).start()


def _take_turns() -> NoReturn:
    """
    Take the interpreter's lock now and then.

    A thread that gives it up waits until another has taken it, and was seen to sleep on when one had. Where all others
    wait for that very thread, as a test does for its clients, nobody takes it ever again. (A wake-up may be lost by
    glibc before 2.41, its bug 25847.)
    """
    while True:
        time.sleep(0.2)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Every test has its time."""
    marker = item.get_closest_marker("seconds")
    signal.setitimer(signal.ITIMER_REAL, marker.args[0] if marker else SECONDS)
    try:
        return (yield)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)


def _time_out(_number: int, frame: FrameType | None) -> None:
    problem = pytest.fail.Exception(f"it did not end in time:\n{_describe_threads()}")
    waiting = greenlet.getcurrent().parent
    # While a test waits for the reactor, the reactor would only log what is raised.
    if waiting is None or any(Path(each.f_code.co_filename).is_relative_to(_TESTS) for each, _ in walk_stack(frame)):
        raise problem
    waiting.throw(problem)


def _describe_threads() -> str:
    """Where each of the other threads is: what is waited for may be there."""
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    return "".join(
        f"{names.get(number)}:\n{''.join(format_stack(frame))}"
        for number, frame in sys._current_frames().items()
        if number != threading.main_thread().ident
    )


@pytest.fixture(autouse=True, scope="module")
def _leave_nothing_behind() -> Iterator[None]:
    """As below, for fixtures of a module."""
    yield from check_leaks()


@pytest.fixture(autouse=True)
def _leave_nothing(_leave_nothing_behind: None) -> Iterator[None]:
    """A test that leaves a timer, a socket, a file descriptor, a thread or a process behind fails."""
    yield from check_leaks()


@pytest.fixture(scope="session")
def pip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program of this environment, or, where it has none, as uv makes them, of another."""
    own = Path(sys.executable).with_name("pip")
    if own.exists():
        return own
    directory = tmp_path_factory.mktemp("pip")
    venv.create(directory, with_pip=True)
    return directory / "bin" / "pip"
