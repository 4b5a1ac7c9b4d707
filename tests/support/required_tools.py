"""A pytest plugin: with CLOUDSVC_REQUIRE_TOOLS set, a test that would be skipped fails.

On a developer's machine a test that needs redis-server or promtool is skipped with its reason where they are missing.
Continuous integration installs all of them, and there a skip means that something was not tested.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator

import pytest


def require_tool(name: str, package: str) -> str:
    """The path of the program ``name``; skips the test where it is missing, and names its Debian package."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed (Debian's package {package})")
    return path


def _refuse_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{reason} (CLOUDSVC_REQUIRE_TOOLS is set)"


if os.environ.get("CLOUDSVC_REQUIRE_TOOLS"):

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        _refuse_skip(report)
        return report

    @pytest.hookimpl(wrapper=True)
    def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
        report = yield
        _refuse_skip(report)
        return report
