from __future__ import annotations

import gc

import pytest
from twisted.internet.defer import CancelledError, Deferred

from cloudsvc.core.coroutines import start


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
