from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cloudsvc.identity.store import IdentityStore
from tests.support.identity_stores import IDENTITY_STORES, OpenIdentity
from tests.support.reactors import wait_for


@pytest.fixture(params=IDENTITY_STORES)
def open_any(request: pytest.FixtureRequest) -> OpenIdentity:
    """A way to a store of each kind."""
    return IDENTITY_STORES[request.param]


@pytest.fixture
def store(open_any: OpenIdentity, tmp_path: Path) -> Iterator[IdentityStore]:
    """An empty store of each kind."""
    opening = open_any(tmp_path)
    yield wait_for(opening.__aenter__())
    wait_for(opening.__aexit__(None, None, None))
