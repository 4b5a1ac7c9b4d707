"""Blobs that are read: at once where the system has them in memory, in a thread otherwise."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cloudsvc.core.errors import CloudError
from cloudsvc.storage.blobs import open_blobs
from cloudsvc.storage.blobs.disk import Disk
from cloudsvc.storage.blobs.reading import PIECE, SMALL
from tests.support.blobs import SteppingThreads, TrialDisk, read_all, read_part, store_blob

CONTENT = bytes(range(256)) * (3 * PIECE // 256)


class Memory(Disk):
    """A disk whose files are all in memory, whatever the file system of the tests can tell."""

    def read_cached(self, descriptor: int, length: int, offset: int) -> bytes | None:
        """As the real one would."""
        return os.pread(descriptor, length, offset)


class Magnet(Disk):
    """A disk of which nothing is in memory."""

    def read_cached(self, descriptor: int, length: int, offset: int) -> bytes | None:
        """As the real one would."""
        return None


@pytest.mark.parametrize("size", [0, 10, SMALL])
def test_a_small_blob_takes_one_trip_and_no_descriptor(tmp_path: Path, size: int) -> None:
    threads, disk = SteppingThreads(), TrialDisk()
    store = threads.do(open_blobs(tmp_path, threads, disk=disk))
    blob = threads.do(store_blob(store, CONTENT[:size]))
    before = threads.steps
    reader = threads.do(store.open(blob))
    assert threads.do(read_all(reader)) == CONTENT[:size]
    assert threads.steps == before + 1
    assert disk.calls[-3:] == ["open", "size", "read"]
    threads.do(store.close())


@pytest.mark.parametrize(("disk", "steps"), [(Memory(), 0), (Magnet(), 3)], ids=["in memory", "not in memory"])
def test_what_is_in_memory_needs_no_thread(tmp_path: Path, disk: Disk, steps: int) -> None:
    threads = SteppingThreads()
    store = threads.do(open_blobs(tmp_path, threads, disk=disk))
    blob = threads.do(store_blob(store, CONTENT))
    reader = threads.do(store.open(blob))
    before = threads.steps
    assert threads.do(read_part(reader, 3, 2 * PIECE + 4)) == CONTENT[3 : 2 * PIECE + 4]
    assert threads.steps == before + steps
    threads.do(reader.close())
    with pytest.raises(ValueError, match="closed"):
        threads.do(read_part(reader, 0, 1))
    threads.do(store.close())


def test_a_blob_that_has_become_shorter_is_told_by_reading(tmp_path: Path) -> None:
    threads, disk = SteppingThreads(), TrialDisk()
    store = threads.do(open_blobs(tmp_path, threads, disk=disk))
    blob = threads.do(store_blob(store, CONTENT))
    reader = threads.do(store.open(blob))
    os.truncate(tmp_path / "blobs" / blob.id[:2] / blob.id, 5)
    assert threads.do(read_part(reader, 0, 5)) == CONTENT[:5]
    with pytest.raises(CloudError):
        threads.do(read_part(reader, 0, 6))
    assert disk.calls[-2:] == ["read_cached", "read"]
    threads.do(reader.close())
    # What is opened now has that size, which whoever opens it compares.
    assert threads.do(store.open(blob)).size == 5
    threads.do(store.close())


def test_what_cannot_be_had_at_once_is_nothing(tmp_path: Path) -> None:
    file, disk = tmp_path / "file", Disk()
    file.write_bytes(CONTENT)
    readable, writable = os.open(file, os.O_RDONLY), os.open(file, os.O_WRONLY)
    try:
        assert disk.read_cached(readable, len(CONTENT), 0) in {CONTENT, None}
        assert disk.read_cached(readable, 5, len(CONTENT) - 3) is None
        assert disk.read_cached(writable, 1, 0) is None
    finally:
        os.close(readable)
        os.close(writable)
