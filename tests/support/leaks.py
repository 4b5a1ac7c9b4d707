"""Leak check: a test leaves no timer, socket, file descriptor, thread or child process behind."""

from __future__ import annotations

import gc
import os
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest_twisted  # type: ignore[import-untyped]  # has no types
from twisted.internet.defer import Deferred

PATIENCE = 30.0
"""Seconds in which what has been closed must be gone: much more than it takes on a busy machine."""

_RESERVE = Path(os.devnull)
"""Twisted keeps one open, to have a descriptor to give up when there are no more."""

_POOL = "PoolThread-twisted.internet.reactor"
"""Threads of the reactor's own pool stay for the next who needs one."""

_SERVER = "(postgres"
"""The database server of a session is started by the first test that needs it (``tests/support/postgresql.py``)."""


def check_leaks() -> Iterator[None]:
    """Fail when the test that runs meanwhile leaves something behind."""
    _spin(0)  # the reactor opens a few descriptors of its own when it starts
    before = _look()
    yield
    left = _look() - before
    end = time.monotonic() + PATIENCE
    while left and time.monotonic() < end:
        # What waits for the garbage collector is closed by it, and pytest makes an error of the warning.
        gc.collect()
        _spin(0.02)
        left = _look() - before
    assert not left, "left behind: " + ", ".join(sorted(left))


def _look() -> Counter[str]:
    return Counter([*_descriptors(), *_threads(), *_children(), *_scheduled()])


def _descriptors() -> Iterator[str]:
    for entry in Path("/proc/self/fd").iterdir():
        try:
            target = entry.readlink()
        except FileNotFoundError:  # that of the listing itself
            continue
        if target != _RESERVE:
            yield f"file descriptor of {target}"


def _threads() -> Iterator[str]:
    return (f"thread {thread.name}" for thread in threading.enumerate() if not thread.name.startswith(_POOL))


def _children() -> Iterator[str]:
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:  # there are none, which costs less than to look at all processes
        return
    me = str(os.getpid())
    for entry in Path("/proc").iterdir():
        if not entry.name.isdecimal():
            continue
        try:
            name, _, rest = (entry / "stat").read_text().rpartition(")")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if rest.split()[1] == me and not name.endswith(_SERVER):
            yield f"process {name})"


def _scheduled() -> Iterator[str]:
    reactor: Any = sys.modules.get("twisted.internet.reactor")
    if reactor is not None:
        yield from (f"timer of {call.func!r}" for call in reactor.getDelayedCalls())
        yield from (f"reader {reader!r}" for reader in reactor.getReaders())
        yield from (f"writer {writer!r}" for writer in reactor.getWriters())


def _spin(seconds: float) -> None:
    """Let the reactor work off what is due."""
    reactor: Any = sys.modules.get("twisted.internet.reactor")
    if reactor is None:
        time.sleep(seconds)
        return
    passed: Deferred[None] = Deferred()
    reactor.callLater(seconds, passed.callback, None)
    pytest_twisted.blockon(passed)
