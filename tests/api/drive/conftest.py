from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.drive_site import DriveSite, open_site
from tests.support.reactors import wait_for


@pytest.fixture
def drive(tmp_path: Path) -> Iterator[DriveSite]:
    """A site with a drive of its own."""
    context = open_site(tmp_path)
    site = wait_for(context.__aenter__())
    yield site
    wait_for(context.__aexit__(None, None, None))
