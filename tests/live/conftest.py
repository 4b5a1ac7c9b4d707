from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.extending_example import Example, make_example


@pytest.fixture(scope="session")
def example(pip: Path, tmp_path_factory: pytest.TempPathFactory) -> Example:
    """The worked example of docs/extending.md."""
    return make_example(tmp_path_factory.mktemp("extension"), pip)
