from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.drive_site import DriveSite, open_site
from tests.support.reactors import wait_for


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Where the drive is. Nothing else is beside it."""
    place = tmp_path / "drive"
    place.mkdir()
    return place


@pytest.fixture
def drive(place: Path) -> Iterator[DriveSite]:
    """A site with a drive of its own."""
    context = open_site(place)
    site = wait_for(context.__aenter__())
    yield site
    wait_for(context.__aexit__(None, None, None))
