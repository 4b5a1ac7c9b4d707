"""The faults that ``make mutants`` puts into the program: each is one, and is told where it is."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

from scripts.mutants.mutations import Mutation, find_mutations
from scripts.mutants.trials import Mutant

ROOT = Path(__file__).parents[2]
GUARD = b'''"""Documentation."""
import logging
async def admit(key: int, most: int = 3) -> bool:
    """Says 1 < 2."""
    _log.info("not", 1)
    if not key or key >= most and (await look(key, most)) is None:
        raise KeyError(key)
    with lock:
        tally(key)
    self.last = "\xc3\xa4", key + 1
    return True
'''


def mutate(source: bytes, line: int) -> dict[str, str]:
    """What becomes of a line, by kind of change; of several of a kind, the last."""
    return {
        each.kind: each.apply(source).decode().splitlines()[line - 1].strip()
        for each in find_mutations(source)
        if each.line == line
    }


def test_the_parts_of_a_guard_are_changed_one_by_one() -> None:
    assert mutate(GUARD, 6) == {
        "condition turned round": "if not (not key or key >= most and (await look(key, most)) is None):",
        "not left out": "if (key) or key >= most and (await look(key, most)) is None:",
        "or to and": "if not key and key >= most and (await look(key, most)) is None:",
        "and to or": "if not key or key >= most or (await look(key, most)) is None:",
        "comparison": "if not key or key >= most and (await look(key, most)) is not None:",
        "arguments swapped": "if not key or key >= most and (await look(most, key)) is None:",
    }


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (3, {"number": "async def admit(key: int, most: int = 4) -> bool:"}),
        (7, {"statement left out": "pass"}),
        (8, {"guard left out": "if True:"}),
        (
            10,
            {
                "statement left out": "pass",
                "number": 'self.last = "ä", key + 2',
                "operator": 'self.last = "ä", key - 1',
            },
        ),
        (11, {"nothing returned": "return None", "truth": "return False"}),
    ],
)
def test_statements_and_constants_are_changed(line: int, expected: dict[str, str]) -> None:
    assert mutate(GUARD, line) == expected


@pytest.mark.parametrize("line", [1, 2, 4, 5])
def test_what_is_only_said_is_left_alone(line: int) -> None:
    assert mutate(GUARD, line) == {}


@pytest.mark.parametrize("module", ["cloudsvc/web/authentication.py", "cloudsvc/storage/database/group_commit.py"])
def test_every_change_of_a_real_module_is_one(module: str) -> None:
    source = (ROOT / module).read_bytes()
    found = find_mutations(source)
    assert len(found) > 20
    assert len({each.apply(source) for each in found}) == len(found)
    whole = ast.dump(ast.parse(source))
    assert all(ast.dump(ast.parse(each.apply(source))) != whole for each in found)


def test_a_mutant_is_described_by_its_place_and_its_difference() -> None:
    mutation = Mutation(line=1, start=4, stop=5, new=b"2", kind="number")
    assert Mutant(module="a.py", mutation=mutation).describe(b"a = 1\nb = 1\n") == "a.py:1 (number)\n-a = 1\n+a = 2"
