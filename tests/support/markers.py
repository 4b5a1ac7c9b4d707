"""Pytest plugin: the markers ``live``, ``slow`` and ``threat``, given to tests by where they stand."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.threat_table import list_threat_tests

_TESTS = Path(__file__).parents[1]

LIVE = frozenset({"live"})
"""Folders whose tests start a server, open sockets of the loopback address, or need programs of the system."""

SLOW = frozenset(
    {
        "administration",
        "bench",
        "contracts/test_replacement.py",
        "durability",
        "live",
        "packaging",
        "storage/catalogue/test_connections.py",
        "storage/catalogue/test_searching.py",
        "storage/database/postgresql",
        "storage/identity/test_several_processes.py",
        "storage/postgresql",
        "test_private_names.py",
        "thumbnails",
    }
)
"""
Folders and files whose tests start processes, fill disks, or judge the repository as a whole. Others that take seconds
are marked where they stand.
"""

ENGINES = frozenset({"moto", "postgresql", "seaweedfs"})
"""Parameters of tests for which a server has to be started."""


@pytest.hookimpl
def pytest_itemcollected(item: pytest.Item) -> None:
    """Mark a test by its folder, and by the table of threats."""
    if not item.path.is_relative_to(_TESTS):
        return
    file = item.path.relative_to(_TESTS)
    if file.parts[0] in LIVE:
        item.add_marker(pytest.mark.live)
    if not SLOW.isdisjoint(each.as_posix() for each in (file, *file.parents)) or _needs_server(item):
        item.add_marker(pytest.mark.slow)
    name = getattr(item, "originalname", None) or item.name
    if file.parts[0] == "threats" or (file.as_posix(), name) in list_threat_tests():
        item.add_marker(pytest.mark.threat)


def _needs_server(item: pytest.Item) -> bool:
    """Whether a test is the case of an engine that is a server."""
    call = getattr(item, "callspec", None)
    return call is not None and not ENGINES.isdisjoint(call.id.split("-"))
