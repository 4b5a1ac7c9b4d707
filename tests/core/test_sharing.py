"""Many who ask the same get one answer, which is never older than their wish."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred

from cloudsvc.core.sharing import SharedQuestion


class Oracle:
    """Answers when the test says so."""

    def __init__(self) -> None:
        self.asked: list[Deferred[int]] = []
        self.question = SharedQuestion(self.put)

    async def put(self) -> int:
        self.asked.append(Deferred())
        return await self.asked[-1]

    def ask(self) -> Deferred[int]:
        return Deferred.fromCoroutine(self.question.ask())


def result(waiting: Deferred[int]) -> object:
    found: list[object] = []
    waiting.addBoth(found.append)
    return found[0] if found else None


def test_whoever_comes_while_it_is_asked_gets_the_next_answer() -> None:
    oracle = Oracle()
    first = oracle.ask()
    later = [oracle.ask() for _ in range(300)]
    assert len(oracle.asked) == 1
    oracle.asked[0].callback(1)
    assert result(first) == 1
    assert len(oracle.asked) == 2
    assert not any(waiting.called for waiting in later)
    oracle.asked[1].callback(2)
    assert [result(waiting) for waiting in later] == [2] * 300
    assert len(oracle.asked) == 2
    assert not oracle.ask().called
    assert len(oracle.asked) == 3


def test_an_error_is_everybodys() -> None:
    oracle = Oracle()
    oracle.ask().addErrback(lambda _: None)
    later = [oracle.ask() for _ in range(2)]
    oracle.asked[0].errback(ZeroDivisionError())
    oracle.asked[1].errback(ZeroDivisionError())
    for waiting in later:
        waiting.addErrback(lambda failure: failure.type)
        assert result(waiting) is ZeroDivisionError


def test_one_that_leaves_takes_it_from_nobody() -> None:
    oracle = Oracle()
    leaving, staying = oracle.ask(), oracle.ask()
    leaving.cancel()
    leaving.addErrback(lambda failure: failure.trap(CancelledError))
    oracle.asked[0].callback(1)
    oracle.asked[1].callback(2)
    assert result(staying) == 2


def test_where_all_have_left_it_is_not_asked() -> None:
    oracle = Oracle()
    first, leaving = oracle.ask(), oracle.ask()
    leaving.cancel()
    leaving.addErrback(lambda failure: failure.trap(CancelledError))
    oracle.asked[0].callback(1)
    assert result(first) == 1
    assert len(oracle.asked) == 1
    assert not oracle.ask().called
    assert len(oracle.asked) == 2


@pytest.mark.parametrize("times", [1, 3])
def test_one_after_the_other_each_is_asked(times: int) -> None:
    oracle = Oracle()
    for number in range(times):
        waiting = oracle.ask()
        oracle.asked[-1].callback(number)
        assert result(waiting) == number
    assert len(oracle.asked) == times
