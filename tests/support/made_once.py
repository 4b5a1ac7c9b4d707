"""A pytest plugin: with pytest-xdist's ``-n``, what takes long to make is made once."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st
from xdist import is_xdist_controller  # type: ignore[import-untyped]  # has no types
from xdist.scheduler import LoadScopeScheduling  # type: ignore[import-untyped]  # as above

_TOGETHER = {
    "tests/live/test_conformance.py": "the worked example",
    "tests/live/test_extending_guide.py": "the worked example",
    "tests/packaging/test_installation.py": "the wheel",
    "tests/packaging/test_metadata.py": "the wheel",
    "tests/packaging/test_wheel.py": "the wheel",
    "tests/storage/blobs/objects/test_faults.py": "stores of objects",
    "tests/storage/blobs/objects/test_opening.py": "stores of objects",
    "tests/storage/blobs/objects/test_parts.py": "stores of objects",
}
"""Modules that share a fixture of the session, or of their folder. All others share at most what is theirs alone."""


class _Modules(LoadScopeScheduling):  # type: ignore[misc]  # as above
    """Gives whole modules to the workers, in the order of the files: the short ones that come last fill the gaps."""

    def _split_scope(self, nodeid: str) -> str:
        module = nodeid.partition("::")[0]
        return _TOGETHER.get(module, module)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    config.option.loadscopereorder = False
    return _Modules(config, log)


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """
    Let Hypothesis find out what text is, while the workers look for tests.

    It tries every character there is, which takes seconds, and keeps the result in ``.hypothesis`` for all of them.
    """
    if is_xdist_controller(session):
        st.text().validate()
