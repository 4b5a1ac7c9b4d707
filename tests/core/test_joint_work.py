"""Joint work: done once for all who ask at the same time."""

from __future__ import annotations

import pytest
from twisted.internet.defer import CancelledError, Deferred

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.joint_work import JointWork
from tests.support.blobs import take_result


class Work:
    """A work that ends when a test says so, as often as it is done."""

    def __init__(self) -> None:
        self.begun: list[Deferred[int]] = []

    async def __call__(self) -> int:
        self.begun.append(Deferred())
        return await self.begun[-1]


def ask(joint: JointWork, work: Work, mark: str = "a", *, is_fresh: bool = False) -> Deferred[int]:
    return Deferred.fromCoroutine(joint.do(mark, work, is_fresh=is_fresh))


def test_all_who_ask_meanwhile_have_the_same() -> None:
    joint, work = JointWork(), Work()
    asked = [ask(joint, work) for _ in range(3)]
    other = ask(joint, work, "b")
    assert len(work.begun) == 2
    work.begun[0].callback(7)
    assert [take_result(each) for each in asked] == [7] * 3
    work.begun[1].callback(8)
    assert take_result(other) == 8
    ask(joint, work)
    assert len(work.begun) == 3


def test_whoever_leaves_takes_nothing_away() -> None:
    joint, work = JointWork(), Work()
    first, second = ask(joint, work), ask(joint, work)
    first.cancel()
    with pytest.raises(CancelledError):
        take_result(first)
    work.begun[0].callback(7)
    assert take_result(second) == 7


def test_a_failure_is_everybody_s() -> None:
    joint, work = JointWork(), Work()
    asked = [ask(joint, work) for _ in range(2)]
    work.begun[0].errback(CloudError(Kind.UNAVAILABLE, "it", "It fails."))
    for each in asked:
        with pytest.raises(CloudError):
            take_result(each)


@pytest.mark.parametrize("fails", [False, True])
def test_what_began_before_does_not_count_for_who_wants_it_fresh(fails: bool) -> None:  # noqa: FBT001  # a parameter
    joint, work = JointWork(), Work()
    first = ask(joint, work)
    fresh = [ask(joint, work, is_fresh=True) for _ in range(2)]
    if fails:
        work.begun[0].errback(CloudError(Kind.UNAVAILABLE, "it", "It fails."))
        first.addErrback(lambda _: None)
    else:
        work.begun[0].callback(1)
        assert take_result(first) == 1
    assert len(work.begun) == 2
    work.begun[1].callback(2)
    assert [take_result(each) for each in fresh] == [2, 2]
