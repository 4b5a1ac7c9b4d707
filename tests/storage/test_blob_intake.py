"""Blobs that a storage is about to hold: until they are installed, nothing is taken from those that are there."""

from __future__ import annotations

import errno
import io
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from cloudsvc.core.errors import CloudError
from cloudsvc.drive.checksums import Checksums
from cloudsvc.drive.nodes import Blob, BlobId
from cloudsvc.drive.replacement import Unusable
from cloudsvc.storage.blob_intake import BlobIntake
from cloudsvc.storage.blobs.memory import MemoryBlobs
from tests.support.blobs import TrialDisk, list_blobs, list_quarantined, load_blob, open_local, store_blob
from tests.support.inline_threads import Inline
from tests.support.reactors import in_reactor

COMES = b"what comes"


def describe(content: bytes, blob: str = "0" * 32) -> Blob:
    checksums = Checksums()
    checksums.add(content)
    return Blob(id=BlobId(blob), size=len(content), digest=checksums.digest, crc32=checksums.crc32)


@asynccontextmanager
async def taking_in() -> AsyncIterator[tuple[MemoryBlobs, BlobIntake]]:
    blobs = MemoryBlobs(now=lambda: time.time_ns() // 1000)
    yield blobs, BlobIntake(blobs=blobs, threads=Inline())
    # Waits for ever where a writer was left.
    await blobs.close()


@in_reactor
async def test_what_is_new_has_its_own_id_and_goes_again_unless_it_is_kept() -> None:
    async with taking_in() as (blobs, intake):
        kept = await store_blob(blobs, b"kept")
        await intake.take(describe(COMES), io.BytesIO(COMES))
        assert await load_blob(blobs, describe(COMES)) == COMES
        await intake.undo()
        assert await list_blobs(blobs) == {kept.id}
        await intake.take(describe(COMES), io.BytesIO(COMES))
        await intake.replace()
        intake.keep()
        await intake.undo()
        assert await list_blobs(blobs) == {kept.id, describe(COMES).id}


@in_reactor
async def test_what_is_there_whole_is_only_compared() -> None:
    async with taking_in() as (blobs, intake):
        blob = await store_blob(blobs, COMES)
        content = io.BytesIO(COMES)
        await intake.take(blob, content)
        assert content.read() == b""
        with pytest.raises(Unusable):
            await intake.take(blob, io.BytesIO(b"other"))
        await intake.undo()
        assert await load_blob(blobs, blob) == COMES


@pytest.mark.parametrize("is_known", [True, False])
@in_reactor
async def test_nobodys_catalogue_takes_the_place_of_what_is_there_before_it_is_installed(*, is_known: bool) -> None:
    async with taking_in() as (blobs, intake):
        there = await store_blob(blobs, b"what is there")
        comes = describe(COMES, there.id)
        comes = comes if is_known else replace(comes, digest=None, crc32=None)
        await intake.take(comes, io.BytesIO(COMES))
        assert await load_blob(blobs, there) == b"what is there"
        await intake.undo()
        assert await load_blob(blobs, there) == b"what is there"
        assert await list_blobs(blobs) == {there.id}
        await intake.take(comes, io.BytesIO(COMES))
        await intake.replace()
        intake.keep()
        assert await load_blob(blobs, comes) == COMES
        assert await list_quarantined(blobs) == {there.id}


@in_reactor
async def test_what_is_refused_leaves_nothing() -> None:
    async with taking_in() as (blobs, intake):
        with pytest.raises(Unusable):
            await intake.take(describe(COMES), io.BytesIO(COMES + b"!"))
        await intake.undo()
        assert await list_blobs(blobs) == set()


@in_reactor
async def test_what_cannot_be_kept_stays_in_its_place(tmp_path: Path) -> None:
    trouble = TrialDisk({("touch", 0): OSError(errno.EIO, "a bad block")})
    async with open_local(tmp_path, Inline(), trouble) as blobs:
        there = await store_blob(blobs, b"what is there")
        intake = BlobIntake(blobs=blobs, threads=Inline())
        await intake.take(describe(COMES, there.id), io.BytesIO(COMES))
        with pytest.raises(CloudError):
            await intake.replace()
        await intake.undo()
        assert await load_blob(blobs, there) == b"what is there"
        assert await list_blobs(blobs) == {there.id}
