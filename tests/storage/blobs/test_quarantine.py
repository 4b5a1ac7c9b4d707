"""Files in quarantine."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from twisted.logger import capturedLogs, formatEvent

from cloudsvc.core.threads import WorkerThreads
from cloudsvc.drive.nodes import BlobId
from tests.support.blobs import TrialDisk, list_blobs, list_quarantined, open_local, store_blob
from tests.support.reactors import in_reactor, run_threads


@pytest.fixture
def threads() -> Iterator[WorkerThreads]:
    with run_threads(1) as runner:
        yield runner


def find_file(directory: Path, blob: BlobId) -> Path:
    return directory / "blobs" / blob[:2] / blob


@in_reactor
async def test_their_time_begins_then(tmp_path: Path, threads: WorkerThreads) -> None:
    async with open_local(tmp_path, threads) as store:
        blob = (await store_blob(store, b"bytes")).id
        os.utime(find_file(tmp_path, blob), (0, 0))
        before = time.time_ns() // 1000 - 1_000_000
        await store.quarantine([blob])
        assert await store.purge_quarantine(before) == 0
        assert await list_quarantined(store) == {blob}


@in_reactor
async def test_what_has_another_name_has_its_time_like_all(tmp_path: Path, threads: WorkerThreads) -> None:
    async with open_local(tmp_path, threads) as store:
        blob = (await store_blob(store, b"bytes")).id
        (tmp_path / "kept").hardlink_to(find_file(tmp_path, blob))
        assert await store.quarantine([blob]) == [blob]
        assert (await list_blobs(store), await list_quarantined(store)) == (set(), {blob})
        (tmp_path / "kept").unlink()
        assert await store.purge_quarantine(time.time_ns() // 1000 - 1_000_000) == 0
        await store.release([blob])
        assert await list_blobs(store) == {blob}


@in_reactor
async def test_what_is_in_quarantine_already_is_nowhere_else(tmp_path: Path, threads: WorkerThreads) -> None:
    async with open_local(tmp_path, threads) as store:
        blob = (await store_blob(store, b"bytes")).id
        await store.quarantine([blob])
        place = find_file(tmp_path, blob)
        place.hardlink_to(next((tmp_path / "quarantine").rglob(blob)))
        assert await store.quarantine([blob]) == [blob]
        assert (await list_blobs(store), await list_quarantined(store)) == (set(), {blob})


@in_reactor
async def test_one_that_stays_where_it_is_holds_up_no_other(tmp_path: Path, threads: WorkerThreads) -> None:
    disk = TrialDisk()
    async with open_local(tmp_path, threads, disk) as store:
        first, second = [(await store_blob(store, each)).id for each in (b"1", b"2")]
        disk.trouble["rename", disk.calls.count("rename")] = OSError(errno.EIO, "Input/output error")
        with capturedLogs() as events:
            assert await store.quarantine([first, second]) == [second]
        assert [formatEvent(event) for event in events] == [
            "a blob cannot be put in quarantine: [Errno 5] Input/output error"
        ]
        assert (await list_blobs(store), await list_quarantined(store)) == ({first}, {second})
