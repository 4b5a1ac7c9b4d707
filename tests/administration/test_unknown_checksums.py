"""Blobs whose checksums are not known yet: they are verified, backed up, restored and written out like any other."""

from __future__ import annotations

from pathlib import Path

from cloudsvc.administration.backup import Backup
from cloudsvc.administration.exporting import Exporter
from cloudsvc.administration.manifest import write_lines
from cloudsvc.administration.progress import SILENCE
from cloudsvc.administration.restoration import restore_backup
from cloudsvc.administration.target import Target
from cloudsvc.administration.verification import verify_drive
from cloudsvc.core.actors import OWNER
from cloudsvc.drive.commands import StoreFile
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.verification import Damage
from cloudsvc.storage.opened import OpenedDrive
from tests.support.administration import damage, find, find_content, load_all, open_tools, opened, read_files
from tests.support.blobs import store_blob
from tests.support.catalogues import hide_checksums
from tests.support.reactors import in_reactor

CONTENT = b"content" * 1000


async def store(drive: OpenedDrive) -> None:
    """A file as one that was resumed too late to be hashed."""
    blob = hide_checksums(await store_blob(drive.blobs, CONTENT))
    command = StoreFile(path=parse_path("a"), blob=blob, media_type="a/b", versions_kept=1)
    await drive.catalogue.apply(OWNER, [command])


@in_reactor
async def test_they_come_back_from_a_backup(tmp_path: Path) -> None:
    async with opened(tmp_path / "drive") as drive:
        await store(drive)
        backup = Backup(copies=drive.copies, blobs=drive.blobs, disk=drive.disk, now=drive.now)
        await backup.write(tmp_path / "backup", SILENCE)
    async with open_tools() as tools:
        await restore_backup(tmp_path / "backup", tmp_path / "new", tools, SILENCE, replace=False)
    async with opened(tmp_path / "new") as drive:
        assert await load_all(drive) == {"a": CONTENT}
        assert (await find(drive, "a")).version.blob.digest is None


@in_reactor
async def test_they_are_written_out_and_listed(tmp_path: Path) -> None:
    async with opened(tmp_path / "drive") as drive:
        await store(drive)
        target = Target.open(tmp_path / "out", resume=False)
        await Exporter(catalogue=drive.catalogue, blobs=drive.blobs, disk=drive.disk).export(target, SILENCE)
        target.close(complete=True)
        assert read_files(tmp_path / "out") == {"a": CONTENT}
        assert '"sha256": null' in write_lines([await find(drive, "a")])


@in_reactor
async def test_of_their_damages_those_are_found_that_can_be(tmp_path: Path) -> None:
    async with opened(tmp_path) as drive:
        await store(drive)
        assert (await verify_drive(drive.catalogue, drive.blobs, drive.disk, SILENCE)).damaged == []
        damage(find_content(tmp_path, CONTENT), "cut")
        [damaged] = (await verify_drive(drive.catalogue, drive.blobs, drive.disk, SILENCE)).damaged
        assert damaged.damage is Damage.SIZE
