"""The judge of histories of a register refuses what cannot have happened, and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import permutations
from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.chaos.linearizability import Step, Test, Undecided, Value, explain, is_linearizable


def write(begin: float, end: float, value: str) -> Step:
    return Step(begin=begin, end=end, writes=True, result=value, who="write")


def delete(begin: float, end: float) -> Step:
    return Step(begin=begin, end=end, test=Test.IS_NOT, writes=True, who="delete")


def read(begin: float, end: float, value: Value) -> Step:
    return Step(begin=begin, end=end, test=Test.IS, operand=value, who="read")


def replace(begin: float, end: float, former: str, value: str) -> Step:
    return Step(begin=begin, end=end, test=Test.IS, operand=former, writes=True, result=value, who="replace")


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [read(0, 1, None)],
        [write(0, 1, "a"), read(2, 3, "a"), delete(4, 5), read(6, 7, None)],
        [write(0, 3, "a"), write(1, 2, "b"), read(4, 5, "a")],
        [write(0, 3, "a"), write(1, 2, "b"), read(4, 5, "b")],
        [write(0, 9, "a"), read(1, 2, None), read(3, 4, "a")],
        [write(0, inf, "a"), read(5, 6, None), read(7, 8, "a")],
        [write(0, inf, "a"), read(5, 6, None)],
        [write(0, 1, "a"), replace(2, 5, "a", "b"), replace(3, 6, "b", "c"), read(7, 8, "c")],
        [write(0, 1, "a"), delete(2, inf), read(3, 4, "a"), read(5, 6, None)],
    ],
)
def test_what_can_have_happened(steps: Sequence[Step]) -> None:
    assert is_linearizable(steps)


STALE = [write(0, 1, "a"), write(2, 3, "b"), read(4, 5, "a")]
LOST = [write(0, 1, "a"), replace(2, 5, "a", "b"), replace(3, 6, "a", "c")]
RESURRECTED = [write(0, 1, "a"), delete(2, 3), read(4, 5, "a")]


@pytest.mark.parametrize(
    "steps",
    [
        pytest.param(STALE, id="stale read"),
        pytest.param(LOST, id="lost update"),
        pytest.param(RESURRECTED, id="resurrected delete"),
        pytest.param([write(0, 1, "a"), read(2, 3, None)], id="lost write"),
        pytest.param([read(0, 1, "a"), write(2, inf, "a")], id="read before it was written"),
        pytest.param([write(0, 9, "a"), read(1, 2, "a"), read(3, 4, None)], id="there and gone"),
        pytest.param([write(0, inf, "a"), read(5, 6, "a"), read(7, 8, None)], id="done, then not done"),
        pytest.param([write(0, 1, "a"), delete(2, 5), delete(3, 6)], id="deleted twice"),
        pytest.param([read(0, 1, "a")], id="out of nowhere"),
    ],
)
def test_what_cannot_have_happened(steps: Sequence[Step]) -> None:
    assert not is_linearizable(steps)


def test_an_explanation_leaves_out_what_has_nothing_to_do_with_it() -> None:
    noise = [write(0, 1, "x"), read(2, 3, "x"), delete(4, 5), write(6, 7, "y"), read(8, 9, "y")]
    late = [write(10, 11, "a"), read(11.5, 11.6, "a"), write(12, 13, "b"), read(14, 15, "a"), read(16, 17, "b")]
    found = explain([*noise, *late])
    assert not is_linearizable(found)
    assert [each.begin for each in found] == [10, 12, 14]
    assert "read: found that it is a" in str(found[-1])


def test_what_was_overwritten_later_needs_no_explanation() -> None:
    steps = [*(write(2 * number, 2 * number + 1, str(number)) for number in range(10)), delete(30, 31)]
    doubt = Step(begin=24, end=25, test=Test.IS_NOT, operand="9", who="refusal")
    assert [each.who for each in explain([*steps, doubt])] == ["write", "refusal"]


def test_what_may_have_been_left_out_is_done_in_time_or_not_at_all() -> None:
    late = Step(begin=2, end=3, writes=True, result="b", is_optional=True)
    assert is_linearizable([write(0, 1, "a"), late, read(4, 5, "a")])
    assert is_linearizable([write(0, 1, "a"), late, read(4, 5, "b")])
    assert not is_linearizable([write(0, 1, "a"), late, read(4, 5, "a"), read(6, 7, "b")])
    assert is_linearizable([write(0, 1, "a"), late, read(2, 9, "b"), write(1.5, 10, "a"), read(4, 5, "a")])


def test_it_gives_up_after_so_many_states() -> None:
    steps = [write(0, inf, str(number)) for number in range(20)]
    with pytest.raises(Undecided):
        is_linearizable([*steps, read(1, 2, "a")], most=1000)


def is_linearizable_by_force(steps: Sequence[Step]) -> bool:
    """The same, by trying all orders of all choices."""
    uncertain = [step for step in steps if not step.is_certain]
    certain = [step for step in steps if step.is_certain]
    return any(
        _fits(order)
        for chosen in range(1 << len(uncertain))
        for order in permutations([*certain, *(step for number, step in enumerate(uncertain) if chosen >> number & 1)])
    )


def _fits(order: Sequence[Step]) -> bool:
    value: Value = None
    for number, step in enumerate(order):
        if any(later.end < step.begin for later in order[number + 1 :]) or not step.allows(value):
            return False
        value = step.after(value)
    return True


values = st.sampled_from(["a", "b", None])


@st.composite
def steps(draw: st.DrawFn) -> Step:
    begin = draw(st.integers(0, 12))
    return Step(
        begin=begin,
        end=draw(st.one_of(st.integers(begin + 1, 14), st.just(inf))),
        test=draw(st.sampled_from(Test)),
        operand=draw(values),
        writes=draw(st.booleans()),
        result=draw(values),
        is_optional=draw(st.booleans()),
    )


@given(st.lists(steps(), max_size=6))
def test_it_judges_as_all_orders_do(history: Sequence[Step]) -> None:
    assert is_linearizable(history) is is_linearizable_by_force(history)


@given(st.lists(steps(), max_size=6))
def test_an_explanation_is_a_contradiction(history: Sequence[Step]) -> None:
    if not is_linearizable(history):
        assert not is_linearizable(explain(history))
