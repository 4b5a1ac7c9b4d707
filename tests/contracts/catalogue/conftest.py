from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.catalogues import CATALOGUES, OpenCatalogue, Trial, Watch
from tests.support.reactors import wait_for


@pytest.fixture(params=CATALOGUES)
def open_any(request: pytest.FixtureRequest) -> OpenCatalogue:
    """A way to a catalogue of each kind."""
    return CATALOGUES[request.param]


@pytest.fixture
def trial(open_any: OpenCatalogue, tmp_path: Path) -> Iterator[Trial]:
    """An empty catalogue of each kind."""
    watch = Watch()
    opening = open_any(tmp_path, watch)
    yield Trial(wait_for(opening.__aenter__()), watch)
    wait_for(opening.__aexit__(None, None, None))
