"""The table of threats names tests that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import tests.threats

TESTS = Path(__file__).parents[1]
NAMED = re.findall(r"^ +([\w/]+\.py)::(?:Test\w+::)?(test_\w+)$", tests.threats.__doc__ or "", re.MULTILINE)


@pytest.mark.parametrize(("file", "name"), NAMED)
def test_the_named_test_exists(file: str, name: str) -> None:
    assert re.search(rf"^\s*(async )?def {name}\(", (TESTS / file).read_text(), re.MULTILINE)


def test_every_test_of_threats_is_in_the_table() -> None:
    mine = {
        (f"threats/{file.name}", name)
        for file in Path(__file__).parent.glob("test_*.py")
        if file != Path(__file__)
        for name in re.findall(r"^\s*(?:async )?def (test_\w+)\(", file.read_text(), re.MULTILINE)
    }
    assert mine <= set(NAMED)
