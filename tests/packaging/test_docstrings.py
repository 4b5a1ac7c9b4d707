"""Module docstrings: the first line of each is a noun phrase in the field's words."""

from __future__ import annotations

import ast

import pytest

from tests.packaging.conftest import ROOT

FOLDERS = ("bench", "cloudsvc", "scripts", "tests", "twisted")
MODULES = sorted(file.relative_to(ROOT) for folder in FOLDERS for file in (ROOT / folder).rglob("*.py"))
QUESTIONS = frozenset(
    ["what", "who", "whose", "whom", "whether", "how", "why", "when", "where", "which", "is", "are", "does", "can"]
)
VERBS = frozenset(
    ["ask", "asks", "begin", "bring", "do", "does", "find", "finds", "give", "gives", "make", "makes", "open", "opens"]
) | frozenset(["send", "sends", "take", "takes", "tell", "tells", "write", "writes"])
"""Words with which a sentence about a module tends to begin where its name is missing."""


def find_fault(text: str | None) -> str:
    """What is wrong with the docstring of a module; empty where nothing is."""
    if not text:
        return "there is none"
    line = text.partition("\n")[0]
    first = line.split()[0].strip(",:").lower()
    if first in QUESTIONS:
        return f"it begins with a question word: {line}"
    if first in VERBS:
        return f"it begins with a verb: {line}"
    return ""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Upload checks: where a file may be.", False),
        ("``cloudsvc health``.", False),
        ("What happens.", True),
        ("Whether it works, and why.", True),
        ("Give back the space.", True),
        ("", True),
        (None, True),
    ],
)
def test_the_form(text: str | None, found: bool) -> None:  # noqa: FBT001 - a parameter of the test
    assert bool(find_fault(text)) == found


def test_every_module_says_what_it_is_in_a_noun_phrase() -> None:
    found = {}
    for file in MODULES:
        tree = ast.parse((ROOT / file).read_text())
        silent = not tree.body or file.name == "conftest.py"
        text = ast.get_docstring(tree)
        if (text or not silent) and (fault := find_fault(text)):
            found[str(file)] = fault
    assert found == {}
