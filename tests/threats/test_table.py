"""The table of threats names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.threat_table import list_threat_tests

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize(("file", "name"), sorted(list_threat_tests()))
def test_the_named_test_exists(file: str, name: str) -> None:
    assert re.search(rf"^\s*(async )?def {name}\(", (TESTS / file).read_text(), re.MULTILINE)


def test_every_test_of_threats_is_in_the_table() -> None:
    mine = {
        (f"threats/{file.name}", name)
        for file in Path(__file__).parent.glob("test_*.py")
        if file != Path(__file__)
        for name in re.findall(r"^\s*(?:async )?def (test_\w+)\(", file.read_text(), re.MULTILINE)
    }
    assert mine <= list_threat_tests()
