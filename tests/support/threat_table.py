"""Table of threats: the tests that the docstring of :mod:`tests.threats` names."""

from __future__ import annotations

import re
from functools import cache

import tests.threats

_ROW = re.compile(r"^ +([\w/]+\.py)::(?:Test\w+::)?(test_\w+)$", re.MULTILINE)


@cache
def list_threat_tests() -> frozenset[tuple[str, str]]:
    """The file of each, below ``tests``, and its name."""
    return frozenset(_ROW.findall(tests.threats.__doc__ or ""))
