"""Exceptions from the checks of the code: each says why it is one."""

from __future__ import annotations

import re
import tokenize
from collections.abc import Iterator
from io import StringIO

import pytest

from tests.packaging.conftest import ROOT, run

_CODES = r"[A-Z]+\d+(?:, *[A-Z]+\d+)*"
_EXCEPTION = re.compile(
    rf"(?:ruff: *)?noqa(?:: *{_CODES})?|type: *ignore(?:\[[\w-]+(?:, *[\w-]+)*\])?|nosec(?: +{_CODES})?"
    r"|pragma: *no *(?:cover|branch)|fmt: *(?:skip|off)|pylint: *disable=\S+"
)
_REASON = re.compile(r"\w+")


def find_unreasoned(text: str) -> Iterator[int]:
    """The numbers of the lines of a module that make an exception without a reason beside it."""
    for token in tokenize.generate_tokens(StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            said = _EXCEPTION.sub("", token.string)
            if said != token.string and not _REASON.search(said):
                yield token.start[0]


def test_every_exception_has_its_reason() -> None:
    modules = [ROOT / name for name in run("git", "ls-files", "-z", "*.py").split("\0") if name]
    found = [
        f"{module.relative_to(ROOT)}:{line}"
        for module in modules
        if module.is_file()
        for line in find_unreasoned(module.read_text())
    ]
    assert len(modules) > 100
    assert found == []


@pytest.mark.parametrize(
    ("line", "is_reasoned"),
    [
        ("a = 1  # noqa: S608", False),
        ("a = 1  # noqa", False),
        ("a = 1  # noqa: S608, E501  # constants", True),
        ("a = 1  # type: ignore[misc]  # noqa: S608", False),
        ("a = 1  # type: ignore[misc, arg-type]  # noqa: S608 - a lie of the stubs", True),
        ("a = 1  # pragma: no cover", False),
        ("a = 1  # fmt: skip", False),
        ("a = '# noqa: S608'", True),
        ("a = 1  # two", True),
    ],
)
def test_what_has_none_is_found(line: str, *, is_reasoned: bool) -> None:
    assert [*find_unreasoned(f"\n{line}\n")] == ([] if is_reasoned else [2])


def test_every_exception_of_the_configuration_has_its_reason() -> None:
    """In the lists of ``ignore`` beside each, elsewhere above it."""
    lines = (ROOT / "pyproject.toml").read_text().splitlines()
    listed = [line for line in lines if re.fullmatch(rf' *(?:"{_CODES}", *)+(?:#.*)?', line)]
    assert listed
    assert [line for line in listed if not re.search(r"# \w+", line)] == []
