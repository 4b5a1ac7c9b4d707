"""Files that are set aside."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.logger import capturedLogs, formatEvent

from cloudsvc.core.threads import PoolRunner
from cloudsvc.drive.nodes import BlobId
from tests.support.blobs import TrialDisk, list_aside, list_blobs, open_local, store_blob
from tests.support.reactors import in_reactor, run_threads


@pytest.fixture
def threads() -> Iterator[PoolRunner]:
    with run_threads(1) as runner:
        yield runner


def find_file(directory: Path, blob: BlobId) -> Path:
    return directory / "blobs" / blob[:2] / blob


@in_reactor
async def test_their_time_begins_then(tmp_path: Path, threads: PoolRunner) -> None:
    async with open_local(tmp_path, threads) as store:
        blob = (await store_blob(store, b"bytes")).id
        os.utime(find_file(tmp_path, blob), (0, 0))
        before = time.time_ns() // 1000 - 1_000_000
        await store.set_aside([blob])
        assert await store.clear_aside(before) == 0
        assert await list_aside(store) == {blob}


@in_reactor
async def test_what_has_another_name_need_not_be_kept_under_this_one(tmp_path: Path, threads: PoolRunner) -> None:
    async with open_local(tmp_path, threads) as store:
        blob = (await store_blob(store, b"bytes")).id
        (tmp_path / "kept").hardlink_to(find_file(tmp_path, blob))
        assert await store.set_aside([blob]) == [blob]
        assert (await list_blobs(store), await list_aside(store)) == (set(), set())
        assert (tmp_path / "kept").read_bytes() == b"bytes"


@in_reactor
async def test_one_that_stays_where_it_is_holds_up_no_other(tmp_path: Path, threads: PoolRunner) -> None:
    disk = TrialDisk()
    async with open_local(tmp_path, threads, disk) as store:
        first, second = [(await store_blob(store, each)).id for each in (b"1", b"2")]
        disk.trouble["rename", disk.calls.count("rename")] = OSError(errno.EIO, "Input/output error")
        with capturedLogs() as events:
            assert await store.set_aside([first, second]) == [second]
        assert [formatEvent(event) for event in events] == ["a blob cannot be set aside: [Errno 5] Input/output error"]
        assert (await list_blobs(store), await list_aside(store)) == ({first}, {second})
