"""Several things at a time, not all of them, and none begun after a failure."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred

from cloudsvc.administration.concurrency import for_each


class Works:
    """Works that end when the test says so."""

    def __init__(self) -> None:
        self.running: dict[int, Deferred[None]] = {}
        self.begun: list[int] = []

    async def do(self, number: int) -> None:
        self.begun.append(number)
        self.running[number] = Deferred()
        await self.running[number]

    def start(self) -> Deferred[None]:
        return Deferred.fromCoroutine(for_each(range(5), self.do, 2))


def test_so_many_run_at_a_time_until_all_are_done() -> None:
    works = Works()
    done = works.start()
    assert works.begun == [0, 1]
    works.running[1].callback(None)
    assert works.begun == [0, 1, 2]
    for number in (0, 2, 3):
        works.running[number].callback(None)
    assert works.begun == [0, 1, 2, 3, 4]
    assert not done.called
    works.running[4].callback(None)
    assert done.called


def test_a_failure_is_raised_when_what_was_begun_has_ended() -> None:
    works = Works()
    done = works.start()
    works.running[0].errback(KeyError("first"))
    assert not done.called
    works.running[1].errback(ValueError("second"))
    assert works.begun == [0, 1]
    failures: list[object] = []
    done.addErrback(lambda failure: failures.append(failure.value))
    with pytest.raises(KeyError, match="first"):
        raise failures[0]  # type: ignore[misc]  # it is an exception


def test_cancelling_cancels_all() -> None:
    works = Works()
    done = works.start()
    done.cancel()
    assert works.begun == [0, 1]
    failures: list[object] = []
    done.addErrback(lambda failure: failures.append(failure.type))
    assert failures == [CancelledError]


def test_nothing_is_done_at_once() -> None:
    assert Deferred.fromCoroutine(for_each([], Works().do)).called
