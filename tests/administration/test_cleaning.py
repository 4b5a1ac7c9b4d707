"""Immediate reclamation of space that nothing needs, and of nothing else."""

from __future__ import annotations

from pathlib import Path

from attrs import evolve

from cloudsvc.administration.cleaning import Freed, clean
from cloudsvc.core.actors import OWNER
from cloudsvc.drive.names import parse_path
from cloudsvc.storage.opened import OpenedDrive
from tests.support.administration import load, load_all, opened, store
from tests.support.opened_drives import GENEROUS
from tests.support.reactors import in_reactor

IMPATIENT = evolve(GENEROUS, trash_seconds=0, version_seconds=0)


async def collect(drive: OpenedDrive) -> Freed:
    return await clean(drive.catalogue, drive.blobs, drive.collection, drive.limits, drive.now)


async def litter(drive: OpenedDrive) -> None:
    await store(drive, "kept", b"superseded")
    await store(drive, "kept", b"kept")
    await store(drive, "thrown away", b"thrown away")
    await drive.drive.discard(OWNER, parse_path("thrown away"))
    orphan = await drive.blobs.create()
    await orphan.write(b"orphan")
    await orphan.seal()
    orphan.close()


@in_reactor
async def test_what_is_still_to_be_kept_is_kept(tmp_path: Path) -> None:
    async with opened(tmp_path) as drive:
        await litter(drive)
        assert await collect(drive) == Freed(size=0, blobs=0, orphaned=1)
        assert len((await drive.drive.list_trash(OWNER, 10)).items) == 1
        assert len((await drive.drive.list_versions(OWNER, parse_path("kept"), 10)).items) == 2


@in_reactor
async def test_what_has_been_kept_long_enough_is_given_up(tmp_path: Path) -> None:
    async with opened(tmp_path, IMPATIENT) as drive:
        await litter(drive)
        assert await collect(drive) == Freed(size=len(b"superseded") + len(b"thrown away"), blobs=2, orphaned=1)
        assert await load_all(drive) == {"kept": b"kept"}
        assert await drive.catalogue.stored_bytes() == len(b"kept")
        assert await collect(drive) == Freed(size=0, blobs=0, orphaned=0)


@in_reactor
async def test_what_another_program_is_about_to_store_is_left_alone(tmp_path: Path) -> None:
    async with opened(tmp_path) as server, opened(tmp_path) as drive:
        writer = await server.blobs.create()
        await writer.write(b"in flight")
        blob = await writer.seal()
        assert await collect(drive) == Freed(size=0, blobs=0, orphaned=0)
        reader = await server.blobs.open(blob)
        await reader.close()
        await writer.discard()


@in_reactor
async def test_what_is_pinned_waits(tmp_path: Path) -> None:
    async with opened(tmp_path) as server, opened(tmp_path, IMPATIENT) as drive:
        await litter(server)
        async with server.copies.hold():
            assert (await collect(drive)).blobs == 0
        assert (await collect(drive)).blobs == 2
        assert await load(server, "kept") == b"kept"
