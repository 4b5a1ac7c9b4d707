"""Pytest plugin: the markers ``live``, ``slow`` and ``threat``, given to tests by where they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.threat_table import list_threat_tests

_TESTS = Path(__file__).parents[1]

LIVE = frozenset({"live"})
"""Folders whose tests start a server, open sockets of the loopback address, or need programs of the system."""

SLOW = frozenset({"administration", "bench", "durability", "live", "thumbnails"})
"""Folders whose tests start processes or fill disks. Others that take seconds are marked where they stand."""


@pytest.hookimpl
def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark a test by its folder, and by the table of threats."""
    if not item.path.is_relative_to(_TESTS):
        return
    file = item.path.relative_to(_TESTS)
    if file.parts[0] in LIVE:
        item.add_marker(pytest.mark.live)
    if file.parts[0] in SLOW:
        item.add_marker(pytest.mark.slow)
    name = getattr(item, "originalname", None) or item.name
    if file.parts[0] == "threats" or (file.as_posix(), name) in list_threat_tests():
        item.add_marker(pytest.mark.threat)
