"""The running reactor in tests: asynchronous tests, typed, and threads that hand their results to it."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

import pytest_twisted  # type: ignore[import-untyped]  # has no types
from twisted.internet.defer import Deferred

from cloudsvc.core.threads import WorkerThreads

P = ParamSpec("P")
T = TypeVar("T")


def in_reactor(test: Callable[P, Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Run an asynchronous test in the reactor."""
    decorated: Callable[P, None] = pytest_twisted.ensureDeferred(test)
    return decorated


def wait_for(coroutine: Coroutine[Any, Any, T]) -> T:
    """What ``coroutine`` returns, for fixtures, which are not asynchronous."""
    result: T = pytest_twisted.blockon(Deferred.fromCoroutine(coroutine))
    return result


@contextmanager
def run_threads(most: int) -> Iterator[WorkerThreads]:
    """At most so many threads, gone at the end."""
    from twisted.internet import reactor  # noqa: PLC0415 - installed by then

    threads = WorkerThreads(reactor=reactor, most=most, name="test")  # type: ignore[arg-type]  # the module stands for it
    threads.start()
    try:
        yield threads
    finally:
        threads.stop()
