"""One version: what the wheel gets, what the package says, and the newest entry of the changelog."""

from __future__ import annotations

import re
import sys

from cloudsvc import __version__
from tests.packaging.conftest import ROOT, run


def test_the_wheel_gets_the_version_of_the_package() -> None:
    assert run(sys.executable, "-m", "hatchling", "version").strip() == __version__


def test_the_newest_entry_of_the_changelog_is_this_version() -> None:
    headings = re.findall(r"^## \[?(\d+\.\d+\.\d+)\]?", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert headings[0] == __version__


def test_the_changelog_counts_down() -> None:
    headings = re.findall(r"^## \[?(\d+)\.(\d+)\.(\d+)\]?", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    versions = [tuple(map(int, heading)) for heading in headings]
    assert versions == sorted(set(versions), reverse=True)
