"""Snapshots in files: nothing is left of them, and a disk that does not take them is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.storage.catalogue.sqlite.copying import copy_database
from cloudsvc.storage.work_directories import WORK_NAME
from tests.support.catalogues import NAME, Trial, Watch, open_sqlite
from tests.support.reactors import in_reactor


@in_reactor
async def test_it_lies_beside_the_database_for_as_long_as_it_is_open(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path, Watch()) as catalogue:
        async with catalogue.snapshot():
            assert len([*(tmp_path / WORK_NAME).iterdir()]) == 1
        assert [*(tmp_path / WORK_NAME).iterdir()] == []


@in_reactor
async def test_a_disk_that_takes_none_is_told(tmp_path: Path) -> None:
    watch = Watch()
    (tmp_path / WORK_NAME).write_bytes(b"no folder")
    async with open_sqlite(tmp_path, watch) as catalogue:
        with pytest.raises(CloudError) as caught:
            async with catalogue.snapshot():
                pass
        assert caught.value.kind is Kind.UNAVAILABLE
        await Trial(catalogue, watch).store("a")


@in_reactor
async def test_what_has_the_name_already_is_left_alone(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path, Watch()) as catalogue:
        for number, destination in enumerate((tmp_path / "taken", tmp_path / "missing/x")):
            if not number:
                destination.write_bytes(b"another's")
            with pytest.raises(CloudError) as caught:
                await copy_database(catalogue._readers, tmp_path / NAME, destination)
            assert caught.value.kind is Kind.UNAVAILABLE
        assert (tmp_path / "taken").read_bytes() == b"another's"
