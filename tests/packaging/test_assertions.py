"""Assertions of the tests: each can fail. The check itself is :mod:`tests.support.vacuous_assertions`."""

from __future__ import annotations

import pytest

from tests.packaging.conftest import ROOT
from tests.support.vacuous_assertions import find_vacuous_assertions

VACUOUS = """
assert True
assert (x == 1, "a message")
assert [x]
assert {x: y}
assert f"it is {x}"
assert "text"
assert (each == 1 for each in x)
assert lambda: x
assert x or True
assert x == 1 or "text"
assert (a, b) == (c, d) if e else (200, "old")
assert x == x
assert (x, y.z) == (1, y.z)
assert (x, y) == ((404, y) if z else (200, "old"))
assert x.y <= x.y
assert not None
assert len(x) >= 0
assert Mock()
assert all([])
assert (y := (1, 2))
"""

UNREACHED = [
    "def f():\n    return 1\n    assert x",
    "with pytest.raises(ValueError):\n    f()\n    assert x",
    "async def f():\n    async with g(), raises(ValueError):\n        assert x",
    "for x in ():\n    assert x",
    "if False:\n    assert x",
    "try:\n    assert x\nexcept Exception:\n    pass",
    "try:\n    assert x\nexcept:\n    pass",
    "with suppress(AssertionError):\n    assert x",
    "async def f(): ...\nassert f()",
]

SOUND = """
async def f(): ...
async def g():
    assert await f()
assert x == 1, "a message"
assert (x, y) == (1, 2)
assert [each for each in x]
assert all(each == 1 for each in x)
assert x or y
assert f"{x}"
assert not x
assert make() == make()
assert (x if y else z) == 1
assert len(x) >= 1
with pytest.raises(ValueError) as caught:
    f()
assert caught
try:
    assert x
except AssertionError:
    raise
for x in (1, 2):
    assert x
def h():
    if x:
        return
    assert x
"""


@pytest.mark.parametrize("line", VACUOUS.strip().splitlines())
def test_one_that_is_always_true_is_found(line: str) -> None:
    assert find_vacuous_assertions(line)


@pytest.mark.parametrize("source", UNREACHED)
def test_one_that_never_runs_or_whose_failure_is_lost_is_found(source: str) -> None:
    assert find_vacuous_assertions(source)


def test_no_other_is() -> None:
    assert find_vacuous_assertions(SOUND) == []


def test_every_assertion_can_fail() -> None:
    files = sorted((ROOT / "tests").rglob("*.py"))
    assert len(files) > 200
    found = [
        f"{file.relative_to(ROOT)}:{line}: {reason}"
        for file in files
        for line, reason in find_vacuous_assertions(file.read_text())
    ]
    assert found == []
