"""Real stores of objects, each started once for all of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cloudsvc.core.threads import WorkerThreads
from tests.support.object_stores import ObjectServer, run_moto, run_seaweedfs
from tests.support.reactors import run_threads


@pytest.fixture
def threads() -> Iterator[WorkerThreads]:
    with run_threads(8) as runner:
        yield runner


@pytest.fixture(scope="package")
def seaweedfs(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    with run_seaweedfs(tmp_path_factory.mktemp("seaweedfs")) as server:
        yield server


@pytest.fixture(scope="package")
def moto(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    with run_moto(tmp_path_factory.mktemp("moto")) as server:
        yield server
