"""
Linearizability of a register: whether what several clients saw of one path could have happened one after the other.

The search is that of Wing and Gong (Testing and Verifying Concurrent Objects, 1993), with the memory of Lowe (Testing
for Linearizability, 2017): a state that was reached with the same steps done need not be tried again.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import Enum
from math import inf
from typing import Final, TypeAlias

from attrs import define, evolve, field, frozen

Value: TypeAlias = str | None
"""What is at a path: the name of a content, or ``None`` where there is nothing."""

STATES: Final = 400_000
"""States that are looked at before the search gives up: some hundred megabytes."""

_SOON: Final = 5_000
"""States that are looked at for each part of an explanation: there are as many parts as steps."""


class Test(Enum):
    """What a step asks of the register."""

    __test__ = False  # it is no test of pytest's

    ANY = "any"
    IS = "is"
    IS_NOT = "is not"


@frozen(kw_only=True)
class Step:
    """
    What one operation did with one register, at one moment between its begin and its end.

    :ivar begin: in seconds of the clock of the history.
    :ivar end: likewise; infinite where nobody knows whether, and when, it was done.
    :ivar operand: with what the register is compared.
    :ivar writes: whether it leaves ``result``; otherwise it leaves what was there.
    :ivar is_optional: whether it may have been left out; otherwise that is so only where its end is infinite.
    :ivar who: client and operation, for whoever reads an explanation.
    """

    begin: float
    end: float
    test: Test = Test.ANY
    operand: Value = None
    writes: bool = False
    result: Value = None
    is_optional: bool = False
    who: str = ""

    @property
    def is_certain(self) -> bool:
        """Whether it has been done for sure."""
        return self.end < inf and not self.is_optional

    def allows(self, value: Value) -> bool:
        """Whether it can be done to a register with ``value``."""
        return self.test is Test.ANY or (value == self.operand) is (self.test is Test.IS)

    def after(self, value: Value) -> Value:
        """What it leaves."""
        return self.result if self.writes else value

    def __str__(self) -> str:
        asked = "" if self.test is Test.ANY else f"found that it {self.test.value} {self.operand or 'nothing'}"
        done = f"made it {self.result or 'nothing'}" if self.writes else ""
        end = f"{self.end:.3f}" if self.end < inf else "?"
        return f"[{self.begin:.3f} .. {end}] {self.who}: {' and '.join(filter(None, (asked, done)))}"


class Undecided(Exception):  # noqa: N818  # neither a fault nor none
    """There were too many states to look at."""


@define
class _Search:
    """Looks for an order of steps, which are sorted by their begin."""

    steps: Sequence[Step]
    most: int
    _seen: set[tuple[int, Value]] = field(factory=set)

    def succeeds(self, initial: Value) -> bool:
        certain = sum(1 << number for number, step in enumerate(self.steps) if step.is_certain)
        todo = [(0, 0, initial, -inf)]
        while todo:
            done, first, value, latest = todo.pop()
            if done & certain == certain:
                return True
            while done >> first & 1:
                first += 1
            for number in self._choose(done, first, value, latest):
                step = self.steps[number]
                state = (done | 1 << number, step.after(value))
                if state not in self._seen:
                    if len(self._seen) >= self.most:
                        raise Undecided
                    self._seen.add(state)
                    todo.append((state[0], first, state[1], max(latest, step.begin)))
        return False

    def _choose(self, done: int, first: int, value: Value, latest: float) -> Sequence[int]:
        """
        Steps that can come next.

        :param latest: the last begin of all that are done. What ended before it, and was left out, comes too late.
        """
        following = [number for number in self._list_next(done, first) if self.steps[number].end >= latest]
        possible = [number for number in following if self.steps[number].allows(value)]
        first_end = min((self.steps[number].end for number in following), default=inf)
        for number in possible:
            if not self.steps[number].writes and self.steps[number].begin <= first_end:
                # It changes nothing, and makes none come too late: whatever comes later can come after it as well.
                return [number]
        return possible

    def _list_next(self, done: int, first: int) -> Iterator[int]:
        """Steps before which no other has to be done, because it ended before they began."""
        bound = inf
        for number in range(first, len(self.steps)):
            step = self.steps[number]
            if step.begin > bound:
                return
            if not done >> number & 1:
                bound = min(bound, step.end if step.is_certain else inf)
                yield number


def is_linearizable(steps: Sequence[Step], initial: Value = None, most: int = STATES) -> bool:
    """
    Whether there is an order of ``steps`` in which each could be done, and none comes before one that had ended.

    Those that are not certain may be left out.

    :param most: states that are looked at.
    :raises Undecided: these are not enough.
    """
    # What may not have been done, and changes nothing, says nothing.
    relevant = [step for step in steps if step.is_certain or step.writes]
    return _Search(sorted(relevant, key=lambda step: step.begin), most).succeeds(initial)


def explain(steps: Sequence[Step], initial: Value = None) -> Sequence[Step]:
    """
    Steps that contradict each other, as few as are found by giving up one certainty after the other.

    :param steps: are not linearizable.
    """
    core = _cut(sorted(steps, key=lambda step: step.begin), initial)
    for number in range(len(core)):
        weaker = [*core]
        weaker[number] = evolve(core[number], is_optional=True)
        if _is_contradiction(weaker, initial):
            core = weaker
    named = {step.operand for step in core if step.is_certain and step.test is Test.IS} - {None}
    return [step for step in core if step.is_certain or (step.writes and step.result in named)]


def _cut(steps: Sequence[Step], initial: Value) -> Sequence[Step]:
    """What had begun when the first contradiction was there; what had not ended then may not have been done."""
    moments = sorted(step.end for step in steps if step.is_certain)
    first, last = 0, len(moments) - 1
    while first < last:
        middle = (first + last) // 2
        if _is_contradiction(_stop(steps, moments[middle]), initial):
            last = middle
        else:
            first = middle + 1
    return _stop(steps, moments[last])


def _stop(steps: Sequence[Step], moment: float) -> Sequence[Step]:
    return [step if step.end <= moment else evolve(step, end=inf) for step in steps if step.begin <= moment]


def _is_contradiction(steps: Sequence[Step], initial: Value) -> bool:
    """Whether that is found out soon."""
    try:
        return not is_linearizable(steps, initial, _SOON)
    except Undecided:
        return False
