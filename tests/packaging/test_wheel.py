"""The wheel holds the package, its plugins and its licence, and nothing else."""

from __future__ import annotations

from pathlib import Path
from zipfile import ZipFile

import pytest

from cloudsvc import __version__
from tests.packaging.conftest import run

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_only_the_package_its_plugins_and_its_metadata(names: set[str]) -> None:
    assert {name.split("/")[0] for name in names} == {"cloudsvc", "twisted", f"cloudsvc-{__version__}.dist-info"}


def test_every_tracked_file_of_the_package_is_in_it(names: set[str]) -> None:
    tracked = run("git", "ls-files", "cloudsvc", "twisted").splitlines()
    assert set(tracked) <= names


def test_twisted_stays_a_folder_that_only_adds_plugins(names: set[str]) -> None:
    plugins = {name for name in names if name.startswith("twisted/")}
    assert plugins
    assert all(name.startswith("twisted/plugins/cloudsvc_") for name in plugins)


def test_nothing_made_on_the_way_is_in_it(names: set[str]) -> None:
    assert not [name for name in names if name.endswith((".pyc", "dropin.cache", ".key", ".pem", ".env"))]


def test_types_licence_and_programs_come_along(wheel: Path, names: set[str]) -> None:
    metadata = f"cloudsvc-{__version__}.dist-info"
    assert {"cloudsvc/py.typed", f"{metadata}/licenses/LICENSE"} <= names
    with ZipFile(wheel) as archive:
        programs = archive.read(f"{metadata}/entry_points.txt").decode()
    assert "cloudsvc = " in programs
