"""Markers that tests are given by where they stand: the folders and files that are named for them exist."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.markers import LIVE, ONE_PYTHON, SLOW

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize("places", [LIVE, SLOW, ONE_PYTHON], ids=["live", "slow", "one_python"])
def test_what_is_named_is_there(places: frozenset[str]) -> None:
    assert [place for place in sorted(places) if not (TESTS / place).exists()] == []
