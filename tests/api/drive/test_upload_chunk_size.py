"""``upload_chunk_size_kb``: how much of an upload arrives before it counts as stored."""

from __future__ import annotations

from pathlib import Path

import pytest

from cloudsvc.core.errors import CloudError
from tests.support.drive_site import FORM, DriveSite, make_form, open_site
from tests.support.reactors import in_reactor

KIB = 1024
MIB = 1024 * KIB


async def is_room(drive: DriveSite, size: int) -> bool:
    """Whether there is room for so many bytes beside what has arrived."""
    try:
        await drive.opened.capacity.check(size)
    except CloudError:
        return False
    return True


@pytest.mark.parametrize("kind", ["put", "form"])
@pytest.mark.parametrize(("gathered", "arrives"), [(8, True), (64, True), (1024, False)])
@in_reactor
async def test_less_than_that_is_seen_by_nobody(tmp_path: Path, kind: str, gathered: int, *, arrives: bool) -> None:
    content = bytes(100 * KIB)
    async with open_site(tmp_path, capacity_gb=1 / KIB, upload_chunk_size_kb=gathered) as drive:
        if kind == "put":
            client = drive.send("PUT", "/files/a", content, {"Content-Length": str(MIB)})
        else:
            head, tail = make_form(content)[:-30], {**FORM, "Content-Length": str(MIB)}
            client = drive.send("POST", "/files/a", head, tail)
        if arrives:
            await wait_until_it_is_seen(drive)
        else:
            await drive.ask("GET", "/files")
            assert await is_room(drive, MIB)
        client.leave()


async def wait_until_it_is_seen(drive: DriveSite) -> None:
    for _ in range(20_000):
        if not await is_room(drive, MIB - 64 * KIB):
            return
    pytest.fail("nobody sees what has arrived")
