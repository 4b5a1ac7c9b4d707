"""Coroutines that have a lock in turns."""

from __future__ import annotations

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure

from cloudsvc.core.locks import Lock


def test_thousands_that_wait_for_nothing_else_have_it_one_after_the_other() -> None:
    lock, order = Lock(), list[int]()

    async def hold(number: int, until: Deferred[None] | None = None) -> None:
        await lock.acquire()
        try:
            if until is not None:
                await until
            order.append(number)
        finally:
            lock.release()

    gate = Deferred[None]()
    all_ = [Deferred.fromCoroutine(hold(number, None if number else gate)) for number in range(10_000)]
    assert lock.is_wanted
    gate.callback(None)
    assert order == list(range(10_000))
    assert all(each.called for each in all_)
    assert not lock.is_wanted


def test_one_holds_it_at_a_time() -> None:
    lock, held = Lock(), list[int]()
    gates = [Deferred[None]() for _ in range(3)]

    async def hold(number: int) -> None:
        await lock.acquire()
        held.append(number)
        await gates[number]
        lock.release()

    for number in range(3):
        Deferred.fromCoroutine(hold(number))
    for number in range(3):
        assert held == list(range(number + 1))
        gates[number].callback(None)
    Deferred.fromCoroutine(lock.acquire())
    assert not lock.is_wanted


def test_whoever_gives_up_is_passed_over() -> None:
    lock, held = Lock(), list[str]()

    async def hold(name: str) -> None:
        await lock.acquire()
        held.append(name)

    Deferred.fromCoroutine(hold("first"))
    leaving, staying = (Deferred.fromCoroutine(hold(name)) for name in ("leaving", "staying"))
    leaving.cancel()
    reasons = list[Failure]()
    leaving.addErrback(reasons.append)
    assert reasons[0].check(CancelledError)
    lock.release()
    assert held == ["first", "staying"]
    assert staying.called
