"""Blobs in several parts: how they come to be, go on later, and are copied."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import partial
from typing import Any

import pytest
from attrs import define
from twisted.internet.defer import CancelledError, Deferred

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.threads import WorkerThreads
from cloudsvc.drive.blobs import BlobMissing
from cloudsvc.drive.nodes import Blob, BlobId
from cloudsvc.storage.blobs.layout import make_blob_id
from cloudsvc.storage.blobs.objects import ObjectStoreSettings, drafts
from cloudsvc.storage.blobs.objects.keys import Keys
from tests.support.blobs import (
    EVER,
    list_blobs,
    list_quarantined,
    list_suspended,
    load_blob,
    read_all,
    read_part,
    reading,
    store_blob,
)
from tests.support.object_stores import ObjectServer, open_bucket
from tests.support.reactors import in_reactor

pytestmark = pytest.mark.slow


def make_content(size: int) -> bytes:
    return hashlib.shake_128(b"content").digest(size)


@pytest.fixture(params=["seaweedfs", "moto"])
def server(request: pytest.FixtureRequest, seaweedfs: ObjectServer, moto: ObjectServer) -> ObjectServer:
    return {"seaweedfs": seaweedfs, "moto": moto}[request.param]


@define
class Bucket:
    """What an operator sees of a store."""

    client: Any
    settings: ObjectStoreSettings

    def list_keys(self) -> set[str]:
        """The keys behind the prefix, but for the marker."""
        answer = self.client.list_objects_v2(Bucket=self.settings.bucket, Prefix=f"{self.settings.prefix}/")
        keys = {each["Key"].removeprefix(f"{self.settings.prefix}/") for each in answer.get("Contents", [])}
        return keys - {"installation.json"}

    def list_uploads(self) -> list[str]:
        """The ids of uploads that were neither completed nor aborted."""
        answer = self.client.list_multipart_uploads(Bucket=self.settings.bucket, Prefix=f"{self.settings.prefix}/")
        return [each["UploadId"] for each in answer.get("Uploads", [])]

    def list_parts(self, blob: BlobId) -> list[tuple[int, str, object]]:
        """Number, tag and moment of each part of the upload of a blob."""
        [upload] = self.list_uploads()
        answer = self.client.list_parts(Bucket=self.settings.bucket, Key=self.keys.find(blob), UploadId=upload)
        return [(each["PartNumber"], each["ETag"], each["LastModified"]) for each in answer.get("Parts", [])]

    def find_date(self, key: str) -> datetime:
        """When an object was stored, as the store says."""
        found: datetime = self.client.head_object(Bucket=self.settings.bucket, Key=key)["LastModified"]
        return found

    @property
    def keys(self) -> Keys:
        return Keys.below(self.settings.prefix)


@pytest.fixture
def bucket(server: ObjectServer) -> Iterator[Bucket]:
    with server.connect() as client:
        yield Bucket(client, server.choose_prefix())


@pytest.mark.parametrize("parts", [1, 1.0001, 2, 2.5, 3, 4.25])
@in_reactor
async def test_what_was_written_in_parts_is_read(
    server: ObjectServer, bucket: Bucket, threads: WorkerThreads, parts: float
) -> None:
    content = make_content(int(parts * server.sizes.first))
    async with open_bucket(bucket.settings, threads, server.sizes) as store:
        blob = await store_blob(store, *(content[at : at + 300_000] for at in range(0, len(content), 300_000)))
        assert (blob.digest, blob.crc32) == (hashlib.sha256(content).digest(), zlib.crc32(content))
        assert await load_blob(store, blob) == content
        async with reading(store, blob) as reader:
            assert (
                await read_part(reader, len(content) // 3, len(content) // 2)
                == (content[len(content) // 3 : len(content) // 2])
            )
        # Who has seen it being sealed takes that back before the store is closed.
    assert bucket.list_keys() == {f"blobs/{blob.id[:2]}/{blob.id}"}
    assert bucket.list_uploads() == []


@in_reactor
async def test_going_on_later_stores_nothing_twice(
    server: ObjectServer, bucket: Bucket, threads: WorkerThreads
) -> None:
    part = server.sizes.first
    content = make_content(int(4.5 * part))
    async with open_bucket(bucket.settings, threads, server.sizes) as store:
        writer = await store.create()
        await writer.write(content[: int(2.5 * part)])
        assert await writer.suspend() == int(2.5 * part)
    parts = bucket.list_parts(writer.id)
    assert [number for number, _, _ in parts] == [1, 2]
    async with open_bucket(bucket.settings, threads, server.sizes) as store:
        writer = await store.resume(writer.id)
        assert writer.size == int(2.5 * part)
        await writer.write(content[writer.size :])
        assert bucket.list_parts(writer.id)[:2] == parts
        blob = await writer.seal()
        writer.close()
        assert await load_blob(store, blob) == content
        assert (blob.digest, blob.crc32) == (hashlib.sha256(content).digest(), zlib.crc32(content))
        with pytest.raises(BlobMissing):
            await store.resume(writer.id)
    assert bucket.list_keys() == {f"blobs/{blob.id[:2]}/{blob.id}"}
    assert bucket.list_uploads() == []


@in_reactor
async def test_what_came_behind_the_last_sync_is_not_in_it(
    server: ObjectServer, bucket: Bucket, threads: WorkerThreads
) -> None:
    part = server.sizes.first
    content, other = make_content(int(4.5 * part)), bytes(3 * part)
    async with open_bucket(bucket.settings, threads, server.sizes) as store:
        writer = await store.create()
        await writer.write(content[: int(1.5 * part)])
        await writer.sync()
        await writer.write(other)
        # As when this process is killed.
        writer.close()
    async with open_bucket(bucket.settings, threads, server.sizes) as store:
        writer = await store.resume(writer.id)
        assert writer.size == int(1.5 * part)
        await writer.write(content[writer.size :])
        blob = await writer.seal()
        writer.close()
        assert await load_blob(store, blob) == content


@in_reactor
async def test_whoever_thinks_that_it_still_has_it_takes_nothing_away(
    server: ObjectServer, bucket: Bucket, threads: WorkerThreads
) -> None:
    """A process that was stopped, and goes on after another has taken over."""
    part = server.sizes.first
    content = make_content(int(3.5 * part))
    async with (
        open_bucket(bucket.settings, threads, server.sizes) as former,
        open_bucket(bucket.settings, threads, server.sizes) as store,
    ):
        late = await former.create()
        await late.write(content[: int(1.5 * part)])
        await late.sync()
        writer = await store.resume(late.id)
        await writer.write(content[writer.size : int(2.5 * part)])
        await writer.sync()
        await late.sync()
        await writer.suspend()
        writer = await store.resume(late.id)
        assert writer.size == int(2.5 * part)
        await writer.write(content[writer.size :])
        blob = await writer.seal()
        writer.close()
        assert await load_blob(store, blob) == content
        with pytest.raises(CloudError):
            await late.seal()
        await late.discard()
        assert await load_blob(store, blob) == content


@in_reactor
async def test_checksums_of_what_is_too_large_to_read_again_are_unknown(
    moto: ObjectServer, threads: WorkerThreads, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drafts, "UNHASHED", 2 * moto.sizes.first)
    content = make_content(int(2.5 * moto.sizes.first))
    async with open_bucket(moto.choose_prefix(), threads, moto.sizes) as store:
        writer = await store.create()
        await writer.write(content[: int(1.5 * moto.sizes.first)])
        await writer.suspend()
        writer = await store.resume(writer.id)
        await writer.write(content[writer.size :])
        blob = await writer.seal()
        writer.close()
        assert blob == Blob(id=writer.id, size=len(content), digest=None)
        assert await load_blob(store, blob) == content


@in_reactor
async def test_a_blob_can_be_copied_in_pieces(server: ObjectServer, bucket: Bucket, threads: WorkerThreads) -> None:
    content = make_content(int(2.5 * server.sizes.copied))
    async with open_bucket(bucket.settings, threads, server.sizes) as store:
        blob = await store_blob(store, content)
        assert await store.quarantine([blob.id]) == [blob.id]
        assert (await list_blobs(store), await list_quarantined(store)) == (set(), {blob.id})
        await store.release([blob.id])
        assert await load_blob(store, blob) == content
        writer = await store.create()
        await writer.write(content)
        await writer.seal()
        await writer.replace(blob.id)
        assert await list_blobs(store) == {blob.id}
        assert await load_blob(store, blob) == content
    assert bucket.list_keys() == {f"blobs/{blob.id[:2]}/{blob.id}"}
    assert bucket.list_uploads() == []


@in_reactor
async def test_there_is_a_largest_blob(moto: ObjectServer, threads: WorkerThreads) -> None:
    settings, sizes = moto.choose_prefix(), moto.sizes
    largest = sum(sizes.find(number) for number in range(1, sizes.most + 1))
    async with open_bucket(settings, threads, sizes) as store:
        for size in (largest, largest + 1):
            writer = await store.create()
            try:
                for _ in range(size // sizes.first):
                    await writer.write(bytes(sizes.first))
                await writer.write(bytes(size % sizes.first))
                assert size == largest
                await writer.seal()
            except CloudError as problem:
                assert (size, problem.kind) == (largest + 1, Kind.TOO_LARGE)
            await writer.discard()
        assert await list_blobs(store) == set()


@in_reactor
async def test_memory_is_given_back(moto: ObjectServer, threads: WorkerThreads) -> None:
    """Whatever becomes of an upload; and meanwhile it has no more than three parts of its size."""
    part = moto.sizes.first
    async with open_bucket(moto.choose_prefix(), threads, moto.sizes) as store:
        for end in ("seal", "suspend", "discard"):
            writer = await store.create()
            for _ in range(20):
                await writer.write(bytes(part // 4))
                assert store._writing._taken <= 3 * moto.sizes.find(4) + part
            await getattr(writer, end)()
            writer.close()
            assert store._writing._taken == 0
        resumed = await store.resume(next(iter(await list_suspended(store))))
        await resumed.discard()
        assert store._writing._taken == 0


@in_reactor
async def test_what_is_being_read_is_deleted_another_time(moto: ObjectServer, threads: WorkerThreads) -> None:
    async with open_bucket(moto.choose_prefix(), threads, moto.sizes) as store:
        blob = await store_blob(store, make_content(300_000))
        async with reading(store, blob) as reader, reading(store, blob):
            assert await store.delete([blob.id]) == []
            assert await store.quarantine([blob.id]) == []
            assert len(await read_all(reader)) == 300_000
        assert await store.delete([blob.id]) == [blob.id]
        with pytest.raises(BlobMissing):
            await store.open(blob)


@in_reactor
async def test_what_somebody_else_has_deleted_ends_a_stream(moto: ObjectServer, threads: WorkerThreads) -> None:
    settings = moto.choose_prefix()
    async with (
        open_bucket(settings, threads, moto.sizes) as store,
        open_bucket(settings, threads, moto.sizes) as other,
    ):
        blob = await store_blob(store, make_content(10 * 2**20))
        async with reading(store, blob) as reader:
            stream = reader.stream(0, blob.size)
            await anext(stream)
            await other.delete([blob.id])
            with pytest.raises(CloudError) as caught:
                async for _ in stream:
                    pass
            assert caught.value.kind is Kind.UNAVAILABLE
        assert store._reading._taken == 0


@in_reactor
async def test_readers_that_leave_let_go(moto: ObjectServer, threads: WorkerThreads) -> None:
    async with open_bucket(moto.choose_prefix(), threads, moto.sizes) as store:
        content = make_content(8 * 2**20)
        blob = await store_blob(store, content)
        async with reading(store, blob) as reader:

            async def read() -> None:
                async for _ in reader.stream(0, blob.size):
                    pass

            reads = [Deferred.fromCoroutine(read()) for _ in range(5)]
            assert store._reading._taken
            for each in reads:
                each.cancel()
                with pytest.raises(CancelledError):
                    await each
            assert store._reading._taken == 0
            left = reader.stream(0, blob.size)
            await anext(left)
            await left.aclose()
            assert store._reading._taken == 0
            assert await read_all(reader) == content


@in_reactor
async def test_who_finds_no_memory_to_read_ahead_reads_less(moto: ObjectServer, threads: WorkerThreads) -> None:
    async with open_bucket(moto.choose_prefix(), threads, moto.sizes) as store:
        content = make_content(3 * 2**20)
        blob = await store_blob(store, content)
        await store._reading.take(128 * 2**20)
        async with reading(store, blob) as reader:
            pieces = [piece async for piece in reader.stream(0, blob.size)]
        assert b"".join(pieces) == content
        assert max(map(len, pieces)) <= 256 * 1024


@in_reactor
async def test_uploads_that_nobody_can_resume_are_given_up_when_they_are_old(
    server: ObjectServer, bucket: Bucket, threads: WorkerThreads
) -> None:
    part = server.sizes.first
    async with open_bucket(bucket.settings, threads, server.sizes) as store:
        killed = await store.create()
        await killed.write(bytes(int(1.5 * part)))
        suspended = await store.create()
        await suspended.write(bytes(int(1.5 * part)))
        await suspended.suspend()
        at_work = await store.create()
        await at_work.write(bytes(int(1.5 * part)))
        await wait_for_parts(killed, at_work)
        assert len(bucket.list_uploads()) == 3
        # As when this process is killed.
        killed.close()
        assert await list_suspended(store, 0) == set()
        assert len(bucket.list_uploads()) == 3
        assert await list_suspended(store, EVER) == {suspended.id}
        assert len(bucket.list_uploads()) == 2
        blob = await at_work.seal()
        at_work.close()
        assert await load_blob(store, blob) == bytes(int(1.5 * part))
        await (await store.resume(suspended.id)).discard()
        assert bucket.list_uploads() == []
        assert bucket.list_keys() == {f"blobs/{blob.id[:2]}/{blob.id}"}


async def wait_for_parts(*writers: Any) -> None:
    for writer in writers:
        await writer._settle()


@in_reactor
async def test_what_was_just_sealed_is_young_however_old_its_upload_is(
    server: ObjectServer, bucket: Bucket, threads: WorkerThreads
) -> None:
    """In S3 a blob is as old as the beginning of its upload, which may be a week ago."""
    async with (
        open_bucket(bucket.settings, threads, server.sizes) as store,
        open_bucket(bucket.settings, threads, server.sizes) as other,
    ):
        writer = await store.create()
        await writer.write(bytes(2 * server.sizes.first))
        await writer.seal()
        key, mark = bucket.keys.find(writer.id), bucket.keys.find_mark(writer.id)
        assert mark.removeprefix(f"{bucket.settings.prefix}/") in bucket.list_keys()
        while (marked_at := bucket.find_date(mark)) <= bucket.find_date(key):
            bucket.client.put_object(Bucket=bucket.settings.bucket, Key=mark)
        between = int(marked_at.timestamp() * 1_000_000)
        assert await list_blobs(other, between) == set()
        assert await list_blobs(other, between + 1) == {writer.id}
        # That it was has been forgotten by then, as nobody could have waited for it so long.
        assert await list_blobs(other, between) == {writer.id}
        writer.close()


@in_reactor
async def test_a_state_that_is_damaged_is_no_state_of_something_else(
    moto: ObjectServer, threads: WorkerThreads
) -> None:
    settings = moto.choose_prefix()
    async with open_bucket(settings, threads, moto.sizes) as store:
        writer = await store.create()
        await writer.write(b"some")
        await writer.suspend()
        with moto.connect() as client:
            key = Keys.below(settings.prefix).find_state(writer.id, 4)
            client.put_object(Bucket=settings.bucket, Key=key, Body=b"nonsense")
        with pytest.raises(CloudError):
            await store.resume(writer.id)
        assert await list_suspended(store) == {writer.id}


@in_reactor
async def test_a_bucket_may_keep_versions(server: ObjectServer, threads: WorkerThreads) -> None:
    settings = server.choose_versioned()
    async with open_bucket(settings, threads, server.sizes) as store:
        first, second = await store_blob(store, b"1"), await store_blob(store, bytes(2 * server.sizes.first))
        await store.quarantine([first.id])
        await store.release([first.id])
        assert await load_blob(store, first) == b"1"
        assert await store.delete([first.id, second.id]) == [first.id, second.id]
        with pytest.raises(BlobMissing):
            await store.open(first)
        assert (await list_blobs(store), await list_quarantined(store)) == (set(), set())
        assert not await store.holds_blobs()
        writer = await store.create()
        await writer.write(b"some")
        await writer.suspend()
        await (await store.resume(writer.id)).discard()
        assert await list_suspended(store) == set()


@in_reactor
async def test_what_a_rule_of_the_bucket_has_given_up_is_gone(
    server: ObjectServer, bucket: Bucket, threads: WorkerThreads
) -> None:
    """Whoever wants to go on is told so at once, and begins anew."""
    async with open_bucket(bucket.settings, threads, server.sizes) as store:
        writer = await store.create()
        await writer.write(bytes(2 * server.sizes.first))
        await writer.suspend()
        [upload] = bucket.list_uploads()
        bucket.client.abort_multipart_upload(
            Bucket=bucket.settings.bucket, Key=bucket.keys.find(writer.id), UploadId=upload
        )
        with pytest.raises(BlobMissing):
            await store.resume(writer.id)
        assert bucket.list_keys() == set()


@in_reactor
async def test_what_was_sealed_by_a_process_that_was_killed_is_sealed(
    server: ObjectServer, bucket: Bucket, threads: WorkerThreads
) -> None:
    """Right after it, and before it has deleted what was needed to go on."""
    content = make_content(2 * server.sizes.first)
    async with open_bucket(bucket.settings, threads, server.sizes) as store:
        writer = await store.create()
        await writer.write(content)
        await writer.sync()
        state = bucket.keys.find_state(writer.id, len(content))
        left = bucket.client.get_object(Bucket=bucket.settings.bucket, Key=state)["Body"].read()
        blob = await writer.seal()
        writer.close()
        bucket.client.put_object(Bucket=bucket.settings.bucket, Key=state, Body=left)
        with pytest.raises(BlobMissing):
            await store.resume(blob.id)
        assert await list_suspended(store) == set()
        assert await load_blob(store, blob) == content


@in_reactor
async def test_what_does_not_fit_into_one_page_is_listed_and_deleted(
    seaweedfs: ObjectServer, threads: WorkerThreads
) -> None:
    """Nor into one request: S3 has 1,000 of each."""
    settings = seaweedfs.choose_prefix()
    keys, blobs = Keys.below(settings.prefix), [make_blob_id() for _ in range(1001)]
    async with open_bucket(settings, threads, seaweedfs.sizes) as store:
        with seaweedfs.connect() as client, ThreadPoolExecutor(8) as pool:
            put = partial(client.put_object, Bucket=settings.bucket, Body=b"")
            for _ in pool.map(lambda blob: put(Key=keys.find(blob)), blobs):
                pass
        assert await list_blobs(store) == {*blobs}
        assert await store.delete(blobs) == blobs
        assert await list_blobs(store) == set()
