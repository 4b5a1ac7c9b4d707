"""Pytest plugin: the markers ``live``, ``slow``, ``threat`` and ``one_python``, given to tests by where they stand."""

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

ONE_PYTHON = frozenset(
    {
        # The benchmark, which nobody runs on two.
        "bench",
        # System calls, SQLite and disks decide what is durable, and each kill is another one every time.
        "durability",
        # What a browser, a fuzzer, Prometheus, generated clients, a database server and an object store do.
        "live/test_conformance.py",
        "live/test_documentation_page.py",
        "live/test_engine_monitoring.py",
        "live/test_engine_refusals.py",
        "live/test_generated_clients.py",
        "live/test_migration.py",
        "live/test_nodes.py",
        "live/test_object_store_faults.py",
        "live/test_prometheus.py",
        "live/test_published_pages.py",
        "storage/postgresql",
        # Files of the repository, and programs that judge them. What is installed, and how, is another matter.
        "packaging/test_architecture.py",
        "packaging/test_assertions.py",
        "packaging/test_docstrings.py",
        "packaging/test_documents.py",
        "packaging/test_gate.py",
        "packaging/test_makefile.py",
        "packaging/test_monitoring.py",
        "packaging/test_proxies.py",
        "packaging/test_reasons.py",
        "packaging/test_repository.py",
        "packaging/test_scaling.py",
        # The tests' own tools.
        "tooling",
    }
)
"""
Folders and files whose tests are about another program, a disk, or the repository, and not about what an interpreter
could make a difference to. The gate runs them on one Python; whatever is not named here it runs on each.
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
    places = {each.as_posix() for each in (file, *file.parents)}
    if not SLOW.isdisjoint(places) or _needs_server(item):
        item.add_marker(pytest.mark.slow)
    if not ONE_PYTHON.isdisjoint(places):
        item.add_marker(pytest.mark.one_python)
    name = getattr(item, "originalname", None) or item.name
    if file.parts[0] == "threats" or (file.as_posix(), name) in list_threat_tests():
        item.add_marker(pytest.mark.threat)


def _needs_server(item: pytest.Item) -> bool:
    """Whether a test is the case of an engine that is a server."""
    call = getattr(item, "callspec", None)
    return call is not None and not ENGINES.isdisjoint(call.id.split("-"))
