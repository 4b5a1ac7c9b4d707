"""Reference of cloudsvc.extend: the page is what its docstrings make of it, and tells of every name."""

from __future__ import annotations

import inspect
import re
from typing import Any

from cloudsvc import extend
from cloudsvc.extend import audit, drive, identity, webhooks
from scripts.reference import PAGE, render


def test_it_is_current() -> None:
    assert PAGE.read_text() == render(), "make reference"


def test_it_tells_of_every_name() -> None:
    assert re.findall(r"^### `(\w+)`$", PAGE.read_text(), re.MULTILINE) == [
        name
        for module in (extend, drive, identity, audit, webhooks)
        for is_kind in (_is_class, _is_function, _is_value)
        for name in sorted(name for name in module.__all__ if is_kind(getattr(module, name)))
    ]


def test_what_it_tells_is_plain_markdown() -> None:
    page = PAGE.read_text()
    assert not re.search(r":(?:class|meth|func|exc|ivar|param|raises)", page)
    assert not re.search(r"0x[0-9a-f]{6}", page)


def test_it_is_the_same_under_every_python() -> None:
    """An alias of a built-in type has our words for it, and not those of the interpreter."""
    assert "### `Instant`\n\n`int`\n\nMicroseconds since the epoch; negative before it.\n" in PAGE.read_text()


def test_its_lines_fit() -> None:
    assert [line for line in PAGE.read_text().splitlines() if len(line) > 100] == []


def _is_class(value: object) -> bool:
    return isinstance(value, type) and value.__module__ != "builtins"


def _is_function(value: Any) -> bool:
    return hasattr(inspect.unwrap(value), "__code__")


def _is_value(value: object) -> bool:
    return not _is_class(value) and not _is_function(value)
