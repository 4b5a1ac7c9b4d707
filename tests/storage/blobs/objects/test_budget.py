"""Budget of memory."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.defer import TimeoutError as NoTurn
from twisted.internet.task import Clock

from cloudsvc.storage.blobs.objects.budget import Budget
from tests.support.blobs import take_result


def take(budget: Budget, size: int) -> Deferred[None]:
    return Deferred.fromCoroutine(budget.take(size))


def test_whoever_comes_first_has_it_first() -> None:
    budget = Budget(most=10, clock=Clock(), patience=5)
    take_result(take(budget, 8))
    large, small = take(budget, 5), take(budget, 1)
    assert not large.called
    assert not small.called
    assert not budget.try_take(1)
    budget.give_back(8)
    take_result(large)
    take_result(small)
    assert budget.try_take(4)
    assert not budget.try_take(1)


def test_nobody_waits_without_end() -> None:
    clock = Clock()
    budget = Budget(most=10, clock=clock, patience=5)
    take_result(take(budget, 8))
    late, fitting = take(budget, 5), take(budget, 2)
    clock.advance(4.9)
    assert not late.called
    clock.advance(0.1)
    with pytest.raises(NoTurn):
        take_result(late)
    # It could have been there all the time, but for who was before it.
    assert fitting.called


def test_whoever_leaves_holds_up_nobody() -> None:
    budget = Budget(most=10, clock=Clock(), patience=5)
    take_result(take(budget, 8))
    left, next_one = take(budget, 5), take(budget, 2)
    left.cancel()
    with pytest.raises(CancelledError):
        take_result(left)
    take_result(next_one)


def test_who_wants_more_than_there_is_has_it_alone() -> None:
    budget = Budget(most=10, clock=Clock(), patience=5)
    take_result(take(budget, 30))
    other = take(budget, 1)
    assert not other.called
    budget.give_back(30)
    take_result(other)
