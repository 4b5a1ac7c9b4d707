"""Administration of a drive whose blobs are in a bucket: it knows no difference."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cloudsvc.administration.cleaning import Freed, clean
from cloudsvc.administration.exporting import Exporter
from cloudsvc.administration.importing import Importer
from cloudsvc.administration.planning import Existing, Planner
from cloudsvc.administration.progress import SILENCE
from cloudsvc.administration.source import read_tree
from cloudsvc.administration.target import Target
from cloudsvc.administration.verification import Verdict, verify_drive
from cloudsvc.core.actors import OWNER
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import BlobId
from cloudsvc.drive.verification import Damage
from cloudsvc.storage.blobs.objects.keys import Keys
from cloudsvc.storage.opened import OpenedDrive
from tests.support.administration import FILES, fill, find, load_all, read_files, store
from tests.support.blobs import list_blobs, list_quarantined, store_blob
from tests.support.object_stores import ObjectServer, run_moto
from tests.support.reactors import in_reactor
from tests.support.replacements import BucketPlace

LARGE = bytes(range(256)) * 16 * 1024


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectServer]:
    with run_moto(tmp_path_factory.mktemp("moto")) as running:
        yield running


@pytest.fixture
def place(server: ObjectServer, tmp_path: Path) -> BucketPlace:
    return BucketPlace(tmp_path / "drive", server, server.choose_prefix())


@pytest.fixture
def client(server: ObjectServer) -> Iterator[Any]:
    with server.connect() as connected:
        yield connected


async def verify(drive: OpenedDrive) -> Verdict:
    return await verify_drive(drive.catalogue, drive.blobs, drive.disk, SILENCE)


async def clean_up(drive: OpenedDrive) -> Freed:
    return await clean(drive.catalogue, drive.blobs, drive.collection, drive.limits, drive.now)


@in_reactor
async def test_every_byte_is_read_again(place: BucketPlace, client: Any) -> None:
    async with place.open() as drive:
        await fill(drive, {**FILES, "large": LARGE})
        verdict = await verify(drive)
        assert (verdict.blobs, verdict.damaged) == (len(FILES) + 1, [])
        altered = {
            "large": (bytes([LARGE[0] ^ 1]) + LARGE[1:], Damage.CONTENT),
            "plain.txt": (FILES["plain.txt"][:-1], Damage.SIZE),
            'quo"te': (None, Damage.MISSING),
        }
        for path, (content, _) in altered.items():
            key = Keys.below(place.settings.prefix).find((await find(drive, path)).version.blob.id)
            if content is None:
                client.delete_object(Bucket=place.settings.bucket, Key=key)
            else:
                client.put_object(Bucket=place.settings.bucket, Key=key, Body=content)
        found = (await verify(drive)).damaged
        assert {str(each.users[0][0]): each.damage for each in found} == {
            path: damage for path, (_, damage) in altered.items()
        }


@in_reactor
async def test_what_is_thrown_away_is_given_back_and_what_is_orphaned_put_aside(place: BucketPlace) -> None:
    async with place.open() as drive:
        await fill(drive, {"kept": b"kept", "gone": LARGE})
        await drive.drive.discard(OWNER, parse_path("gone"))
        await drive.drive.purge(OWNER, None)
        orphaned = await store_blob(drive.blobs, b"of an upload whose process was killed")
        assert await clean_up(drive) == Freed(size=len(LARGE), blobs=1, orphaned=1)
        assert await list_quarantined(drive.blobs) == {orphaned.id}
        assert await list_blobs(drive.blobs) == {(await find(drive, "kept")).version.blob.id}
        assert await clean_up(drive) == Freed(size=0, blobs=0, orphaned=0)


@in_reactor
async def test_what_the_catalogue_knows_after_all_comes_back(place: BucketPlace) -> None:
    async with place.open() as drive:
        known = (await store(drive, "known", b"known")).version.blob.id
        await drive.blobs.quarantine([known])
        assert [each.damage for each in (await verify(drive)).damaged] == [Damage.MISSING]
        assert await drive.collection.quarantine_orphans() == 0
        assert (await verify(drive)).damaged == []


@in_reactor
async def test_an_upload_of_what_was_damaged_mends_it(place: BucketPlace, client: Any) -> None:
    async with place.open() as drive:
        blob = (await store(drive, "a", LARGE)).version.blob.id
        key = Keys.below(place.settings.prefix).find(BlobId(blob))
        client.put_object(Bucket=place.settings.bucket, Key=key, Body=LARGE[:-1])
        await store(drive, "again", LARGE)
        assert (await load_all(drive))["again"] == LARGE


@in_reactor
async def test_plain_files_go_out_and_in(place: BucketPlace, server: ObjectServer, tmp_path: Path) -> None:
    files = {**FILES, "large": LARGE}
    async with place.open() as drive:
        await fill(drive, files)
        target = Target.open(tmp_path / "out", resume=False)
        async with drive.copies.hold() as snapshot:
            exporter = Exporter(catalogue=snapshot.catalogue, blobs=drive.blobs, disk=drive.disk, metadata_file=None)
            await exporter.export(target, SILENCE)
        target.close(complete=True)
    assert read_files(tmp_path / "out") == files
    another = BucketPlace(tmp_path / "another", server, server.choose_prefix())
    async with another.open() as drive:
        planner = Planner(
            actor=OWNER, uploads=drive.uploads, disk=drive.disk, into=parse_path(""), existing=Existing.REFUSE
        )
        plan = await planner.plan(read_tree(tmp_path / "out", plain=False), SILENCE)
        imported = await Importer(drive=drive.drive, actor=OWNER, disk=drive.disk).carry_out(plan, SILENCE)
        assert (imported.files, imported.faults) == (len(files), [])
        assert await load_all(drive) == files
