"""A history says of each path what was done for sure, what may have been done, and what a refusal has told."""

from __future__ import annotations

import json
from math import inf
from pathlib import Path

from tests.support.chaos.history import History, Operation, Outcome, list_registers
from tests.support.chaos.linearizability import Step, Test, is_linearizable

STEP = Step(begin=0, end=0, writes=True, result="1")
SEEN = Step(begin=0, end=0, test=Test.IS, operand="1")


def make_operation(outcome: Outcome, *steps: tuple[str, Step], begin: float = 1) -> Operation:
    return Operation(client="c", kind="k", path="a", begin=begin, end=begin + 1, outcome=outcome, steps=steps)


def test_what_nobody_knows_may_be_done_at_any_time_later() -> None:
    [step] = list_registers([make_operation(Outcome.UNKNOWN, ("a", STEP))])["a"]
    assert (step.begin, step.end) == (1, inf)


def test_what_a_refusal_has_told_was_seen_while_it_was_asked_for() -> None:
    [step] = list_registers([make_operation(Outcome.REFUSED, ("a", SEEN))])["a"]
    assert (step.begin, step.end, step.writes) == (1, 2, False)


def test_what_was_refused_without_a_word_says_nothing() -> None:
    assert list_registers([make_operation(Outcome.REFUSED)]) == {}


def test_a_move_is_a_step_at_each_of_its_paths() -> None:
    gone = Step(begin=0, end=0, test=Test.IS, operand="1", writes=True)
    operations = [
        make_operation(Outcome.DONE, ("a", STEP)),
        make_operation(Outcome.DONE, ("a", gone), ("b", STEP), begin=3),
        make_operation(Outcome.DONE, ("b", SEEN), begin=5),
    ]
    registers = list_registers(operations)
    assert [len(registers[path]) for path in "ab"] == [2, 2]
    assert all(is_linearizable(steps) for steps in registers.values())


def test_the_file_has_a_line_for_each_operation_and_event(tmp_path: Path) -> None:
    history = History.open(tmp_path / "history")
    history.tell(0.5, "begun")
    history.add(make_operation(Outcome.DONE, ("a", STEP)))
    history.close()
    event, operation = map(json.loads, (tmp_path / "history").read_text().splitlines())
    assert event == {"at": 0.5, "event": "begun"}
    assert operation["operation"]["steps"][0][1]["result"] == "1"
