"""Coroutine runners: as far as one goes by itself, or to its end."""

from __future__ import annotations

import gc
import warnings

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from cloudsvc.core.coroutines import abandon, complete, shield, start


async def add(*terms: Deferred[int]) -> int:
    return sum([await term for term in terms])


def fired(value: int) -> Deferred[int]:
    deferred: Deferred[int] = Deferred()
    deferred.callback(value)
    return deferred


def test_what_never_waits_is_a_plain_call() -> None:
    assert start(add()) == 0


def test_what_it_raises_is_raised() -> None:
    async def fail() -> None:
        raise KeyError("x")

    with pytest.raises(KeyError):
        start(fail())


def test_what_waits_becomes_a_deferred() -> None:
    first: Deferred[int] = Deferred()
    second: Deferred[int] = Deferred()
    result = start(add(first, fired(10), second))
    assert isinstance(result, Deferred)
    second.callback(100)
    assert not result.called
    first.callback(1)
    results: list[int] = []
    result.addCallback(results.append)
    assert results == [111]


def test_a_failure_is_raised_where_it_is_awaited() -> None:
    async def recover(term: Deferred[int]) -> str:
        try:
            await term
        except ZeroDivisionError:
            return "recovered"
        return "nothing to recover from"

    term: Deferred[int] = Deferred()
    result = start(recover(term))
    term.errback(ZeroDivisionError())
    assert isinstance(result, Deferred)
    results: list[str] = []
    result.addCallback(results.append)
    assert results == ["recovered"]


def test_it_can_be_cancelled() -> None:
    result = start(add(Deferred()))
    assert isinstance(result, Deferred)
    result.cancel()
    failures: list[object] = []
    result.addErrback(lambda failure: failures.append(failure.type))
    assert failures == [CancelledError]


def test_what_is_given_up_is_closed() -> None:
    ended: list[str] = []

    async def work() -> None:
        try:
            await Deferred()
        finally:
            ended.append("closed")

    start(work())
    gc.collect()
    assert ended == ["closed"]


async def double(term: Deferred[int]) -> int:
    return 2 * await term


def test_shielded_work_is_awaited_as_ever() -> None:
    term: Deferred[int] = Deferred()
    results: list[int] = []
    shield(double(term)).addCallback(results.append)
    term.callback(4)
    assert results == [8]


def test_shielded_work_goes_on_when_its_caller_leaves() -> None:
    done: list[int] = []

    async def work() -> None:
        done.append(await term)

    term: Deferred[int] = Deferred()
    waiting = shield(work())
    waiting.addErrback(lambda failure: failure.trap(CancelledError))
    waiting.cancel()
    term.callback(4)
    assert done == [4]


def test_a_failure_of_shielded_work_reaches_its_caller_or_else_the_log() -> None:
    term: Deferred[int] = Deferred()
    caught: list[Failure] = []
    shield(double(term)).addErrback(caught.append)
    term.errback(ZeroDivisionError())
    assert [failure.type for failure in caught] == [ZeroDivisionError]

    term = Deferred()
    with capturedLogs() as events:
        waiting = shield(double(term))
        waiting.addErrback(lambda failure: failure.trap(CancelledError))
        waiting.cancel()
        term.errback(ZeroDivisionError())
    [event] = events
    assert event["log_failure"].type is ZeroDivisionError


def test_a_result_that_nobody_waits_for_can_be_undone() -> None:
    undone: list[int] = []
    claimed, abandoned = Deferred[int](), Deferred[int]()
    shield(double(claimed), undone.append)
    waiting = shield(double(abandoned), undone.append)
    waiting.addErrback(lambda failure: failure.trap(CancelledError))
    waiting.cancel()
    claimed.callback(1)
    abandoned.callback(2)
    assert undone == [4]


def test_an_abandoned_coroutine_never_begins() -> None:
    begun: list[bool] = []

    async def work() -> None:
        begun.append(True)

    with warnings.catch_warnings():
        warnings.simplefilter("error")
        abandon(work())
        gc.collect()
    assert begun == []


def test_an_abandoned_deferred_is_cancelled_and_its_end_is_nobody_s() -> None:
    cancelled: list[Deferred[None]] = []
    waiting: Deferred[None] = Deferred(cancelled.append)
    with capturedLogs() as logged:
        abandon(waiting)
        gc.collect()
    assert cancelled == [waiting]
    assert list(logged) == []


def test_what_is_to_be_completed_is_awaited_however_often_its_caller_is_cancelled() -> None:
    term: Deferred[int] = Deferred()
    result = Deferred.fromCoroutine(complete(add(term)))
    failures: list[object] = []
    result.addErrback(lambda failure: failures.append(failure.type))
    for _ in range(3):
        result.cancel()
        assert failures == []
    term.callback(1)
    assert failures == [CancelledError]


@pytest.mark.parametrize("is_cancelled", [False, True])
def test_what_completed_work_raises_is_raised(*, is_cancelled: bool) -> None:
    term: Deferred[int] = Deferred()
    result = Deferred.fromCoroutine(complete(add(term)))
    if is_cancelled:
        result.cancel()
    term.errback(KeyError())
    failures: list[object] = []
    result.addErrback(lambda failure: failures.append(failure.type))
    assert failures == [KeyError]


def test_what_completed_work_returns_is_returned() -> None:
    terms: list[Deferred[int]] = [fired(1), Deferred()]
    result = Deferred.fromCoroutine(complete(add(*terms)))
    assert not result.called
    terms[1].callback(2)
    results: list[int] = []
    result.addCallback(results.append)
    assert results == [3]
