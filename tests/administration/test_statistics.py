"""The numbers of a drive are right."""

from __future__ import annotations

from pathlib import Path

from cloudsvc.administration.statistics import gather_statistics
from cloudsvc.core.actors import OWNER
from cloudsvc.drive.names import parse_path
from tests.support.administration import opened, store
from tests.support.reactors import in_reactor


@in_reactor
async def test_everything_is_counted(tmp_path: Path) -> None:
    async with opened(tmp_path) as drive:
        for size in (1, 300, 20):
            await store(drive, f"folder/{size}", b"x" * size)
        await store(drive, "folder/20", b"y" * 21)
        await store(drive, "gone", b"gone")
        await drive.drive.discard(OWNER, parse_path("gone"))
        found = await gather_statistics(drive.catalogue, drive.blobs, drive.limits, 2)
        assert [str(file.path) for file in found.largest] == ["folder/300", "folder/20"]
        assert (found.usage.files, found.usage.versions, found.usage.blobs) == (3, 5, 5)
        assert (found.usage.stored_bytes, found.usage.trash_entries) == (1 + 300 + 20 + 21 + 4, 1)
        assert found.reclaimable == 20 + 4
        assert found.capacity == drive.limits.capacity
        assert found.disk_free
        assert (await gather_statistics(drive.catalogue, drive.blobs, drive.limits, 0)).largest == []
