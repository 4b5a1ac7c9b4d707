"""Draining signal: whoever waits for it is woken, and streams without an end get one."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import pytest
from twisted.internet.defer import CancelledError, Deferred

from cloudsvc.core.draining import Draining
from tests.support.blobs import take_result


async def count(last: int, closed: list[str]) -> AsyncGenerator[int, None]:
    """Numbers up to the last one, and then nothing ever after."""
    try:
        for number in range(last + 1):
            yield number
        never: Deferred[None] = Deferred()
        await never
    finally:
        closed.append("closed")


async def gather(pieces: AsyncGenerator[int, None], gathered: list[int]) -> str:
    async for piece in pieces:
        gathered.append(piece)  # noqa: PERF401  # a test looks before the end
    return "done"


def test_everyone_who_waits_is_told() -> None:
    draining = Draining()
    waiting = [Deferred.fromCoroutine(draining.wait()) for _ in range(3)]
    assert not any(each.called for each in waiting)
    draining.begin()
    assert all(each.called for each in waiting)
    assert Deferred.fromCoroutine(draining.wait()).called


def test_who_waits_no_more_is_forgotten() -> None:
    draining = Draining()
    waiting = Deferred.fromCoroutine(draining.wait())
    waiting.addErrback(lambda failure: failure.trap(CancelledError))
    waiting.cancel()
    assert not draining._waiting
    draining.begin()


def test_a_stream_that_waits_ends() -> None:
    draining, gathered, closed = Draining(), list[int](), list[str]()
    done = Deferred.fromCoroutine(gather(draining.until(count(2, closed)), gathered))
    assert (gathered, done.called) == ([0, 1, 2], False)
    draining.begin()
    assert (done.result, closed) == ("done", ["closed"])
    assert not draining._waiting


def test_a_stream_that_begins_too_late_ends_at_once() -> None:
    draining, gathered, closed = Draining(), list[int](), list[str]()
    draining.begin()
    done = Deferred.fromCoroutine(gather(draining.until(count(2, closed)), gathered))
    assert (done.result, gathered) == ("done", [])


def test_a_stream_whose_client_leaves_is_cancelled_as_any_other() -> None:
    draining, gathered, closed = Draining(), list[int](), list[str]()
    done = Deferred.fromCoroutine(gather(draining.until(count(0, closed)), gathered))
    done.cancel()
    with pytest.raises(CancelledError):
        take_result(done)
    assert closed == ["closed"]
    assert not draining._waiting


def test_a_stream_that_fails_fails() -> None:
    async def fail() -> AsyncGenerator[int, None]:
        yield 1
        raise ValueError("spilt milk")

    draining, gathered = Draining(), list[int]()
    failures = list[object]()
    done = Deferred.fromCoroutine(gather(draining.until(fail()), gathered))
    done.addErrback(lambda failure: failures.append(failure.value))
    assert gathered == [1]
    assert isinstance(failures[0], ValueError)
