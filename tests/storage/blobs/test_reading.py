"""Blobs that are read: at once where the system has them in memory, in a thread otherwise."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cloudsvc.core.errors import CloudError
from cloudsvc.storage.blobs import open_blobs
from cloudsvc.storage.blobs.disk import Disk
from tests.support.blobs import SteppingThreads, TrialDisk, store_blob

CONTENT = b"0123456789"
LARGE = 256 * 1024


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


@pytest.mark.parametrize(
    ("disk", "length", "steps"),
    [(Memory(), 4, 0), (Memory(), LARGE, 0), (Memory(), LARGE + 1, 1), (Magnet(), 4, 1)],
    ids=["in memory", "much", "too much to copy", "not in memory"],
)
def test_what_is_in_memory_needs_no_thread(tmp_path: Path, disk: Disk, length: int, steps: int) -> None:
    threads = SteppingThreads()
    store = threads.do(open_blobs(tmp_path, threads, disk=disk))
    blob = threads.do(store_blob(store, CONTENT))
    reader = threads.do(store.open(blob.id))
    before = threads.steps
    assert threads.do(reader.read(3, length)) == CONTENT[3 : 3 + length]
    assert threads.steps == before + steps
    threads.do(reader.close())
    with pytest.raises(ValueError, match="closed"):
        threads.do(reader.read(0, 1))
    threads.do(store.close())


def test_a_blob_that_has_become_shorter_is_told_by_reading(tmp_path: Path) -> None:
    threads, disk = SteppingThreads(), TrialDisk()
    store = threads.do(open_blobs(tmp_path, threads, disk=disk))
    blob = threads.do(store_blob(store, CONTENT))
    reader = threads.do(store.open(blob.id))
    os.truncate(tmp_path / "blobs" / blob.id[:2] / blob.id, 5)
    assert threads.do(reader.read(0, 5)) == CONTENT[:5]
    with pytest.raises(CloudError):
        threads.do(reader.read(0, 6))
    assert disk.calls[-2:] == ["read_cached", "read"]
    threads.do(reader.close())
    threads.do(store.close())


def test_what_cannot_be_had_at_once_is_nothing(tmp_path: Path) -> None:
    file, disk = tmp_path / "file", Disk()
    file.write_bytes(CONTENT)
    readable, writable = os.open(file, os.O_RDONLY), os.open(file, os.O_WRONLY)
    try:
        assert disk.read_cached(readable, len(CONTENT), 0) in {CONTENT, None}
        assert disk.read_cached(readable, 5, 7) is None
        assert disk.read_cached(writable, 1, 0) is None
    finally:
        os.close(readable)
        os.close(writable)
