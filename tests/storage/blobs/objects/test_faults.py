"""Stores of objects that are stopped, hang, are slow, or lose and change what is sent."""

from __future__ import annotations

import hashlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define, evolve
from twisted.internet.defer import Deferred, DeferredList, gatherResults

from cloudsvc.core.errors import CloudError, Kind, OperatorError
from cloudsvc.core.threads import WorkerThreads
from cloudsvc.drive.blobs import BlobMissing, BlobReader, BlobStore
from cloudsvc.drive.nodes import Blob, BlobId
from cloudsvc.storage.blobs.objects import ObjectBlobs, ObjectStoreSettings
from cloudsvc.storage.blobs.objects.client import Note
from cloudsvc.storage.blobs.objects.deadlines import Patience
from cloudsvc.storage.blobs.objects.keys import Keys
from tests.support.blobs import EVER, list_blobs, list_suspended, load_blob, read_all, read_part, reading, store_blob
from tests.support.object_stores import KEY, SECRET, ObjectServer, open_bucket, run_seaweedfs
from tests.support.reactors import in_reactor
from tests.support.server import PATIENCE
from tests.support.tcp_proxy import Proxy, run_proxy
from tests.support.tls.certificates import logged

pytestmark = pytest.mark.slow

MIB = 2**20
LARGE = hashlib.shake_128(b"a blob that needs several parts").digest(12 * MIB + 345)
HURRIED = Patience(connect=0.5, silence=0.5, work=0.5, total=1.0, slowest=64 * MIB)
"""For what fails; on a busy machine anything may."""

ABSENT = Blob(id=BlobId("0" * 32), size=10, digest=None)


@pytest.fixture
def doomed(tmp_path: Path) -> Iterator[ObjectServer]:
    """A store that the test may kill."""
    with run_seaweedfs(tmp_path) as server:
        yield server


@asynccontextmanager
async def opened_through(
    server: ObjectServer, threads: WorkerThreads, patience: Patience | None = None
) -> AsyncIterator[tuple[ObjectBlobs, Proxy, ObjectStoreSettings]]:
    """A store behind a proxy, and the settings that lead to the same without it."""
    settings = server.choose_prefix()
    async with run_proxy(server.process.port) as proxy:
        behind = evolve(settings, endpoint=f"http://127.0.0.1:{proxy.port}")
        async with open_bucket(behind, threads, server.sizes, patience=patience) as store:
            yield store, proxy, settings


@asynccontextmanager
async def opened_hurried(
    settings: ObjectStoreSettings, server: ObjectServer, threads: WorkerThreads, note: Note | None = None
) -> AsyncIterator[ObjectBlobs]:
    """A store that fails soon, opened when that did not."""
    end = time.monotonic() + PATIENCE
    async with AsyncExitStack() as stack:
        while True:
            opening = open_bucket(settings, threads, server.sizes, patience=HURRIED, note=note)
            try:
                store = await stack.enter_async_context(opening)
                break
            except OperatorError:
                assert time.monotonic() < end
        yield store


@asynccontextmanager
async def opened_hurried_through(
    server: ObjectServer, threads: WorkerThreads
) -> AsyncIterator[tuple[ObjectBlobs, ObjectBlobs, Proxy]]:
    """A store behind a proxy that fails soon, and the same without one, which does not."""
    settings = server.choose_prefix()
    async with (
        open_bucket(settings, threads, server.sizes) as patient,
        run_proxy(server.process.port) as proxy,
        opened_hurried(evolve(settings, endpoint=f"http://127.0.0.1:{proxy.port}"), server, threads) as store,
    ):
        yield store, patient, proxy


@define
class After:
    """Does something with what comes when so many bytes have passed, and only once."""

    size: int
    then: Callable[[bytes], bytes | None]
    times: int = 1

    def __call__(self, data: bytes) -> bytes | None:
        self.size -= len(data)
        if self.size >= 0 or not self.times:
            return data
        self.times -= 1
        return self.then(data)


def lose(_data: bytes) -> None:
    """Cut the connection instead."""


def swallow(_data: bytes) -> bytes:
    """Let it be as if nothing had been sent."""
    return b""


def alter(data: bytes) -> bytes:
    """One bit of what is content is another."""
    return data[:-1] + bytes([data[-1] ^ 1]) if len(data) > 10_000 else data


async def assert_unavailable(work: Awaitable[object]) -> None:
    """It fails as it should, long before a client loses patience."""
    began = time.monotonic()
    with pytest.raises(CloudError) as caught:
        await work
    assert caught.value.kind is Kind.UNAVAILABLE
    assert time.monotonic() - began < PATIENCE


async def try_everything(store: BlobStore, blob: Blob) -> None:
    """Everything fails, and in time."""
    failing = [
        store_blob(store, b"new"),
        store_blob(store, LARGE),
        store.open(blob),
        store.open(ABSENT),
        store.resume(blob.id),
        list_blobs(store),
        list_suspended(store),
        store.purge_quarantine(EVER),
    ]
    await gatherResults([Deferred.fromCoroutine(assert_unavailable(each)) for each in failing])
    # Of another blob: a store that wakes again may do what it was asked for.
    assert await store.delete([ABSENT.id]) == []
    assert await store.quarantine([ABSENT.id]) == []


@in_reactor
async def test_a_store_that_is_stopped_is_unavailable_until_it_is_back(
    seaweedfs: ObjectServer, threads: WorkerThreads
) -> None:
    settings = seaweedfs.choose_prefix()
    async with (
        open_bucket(settings, threads, seaweedfs.sizes) as store,
        opened_hurried(settings, seaweedfs, threads) as hurried,
    ):
        blob = await store_blob(store, b"acknowledged")
        seaweedfs.process.freeze()
        try:
            with logged() as lines:
                await try_everything(hurried, blob)
        finally:
            seaweedfs.process.thaw()
        assert any("object store fails" in line for line in lines)
        assert not [line for line in lines if SECRET in line or KEY in line or "Signature" in line]
        assert await load_blob(store, blob) == b"acknowledged"
        # What it was sent and had not answered, it may have done when it woke. Those are orphaned blobs.
        assert blob.id in await list_blobs(store)


@in_reactor
async def test_nothing_that_was_acknowledged_is_lost_when_the_store_is_killed(
    doomed: ObjectServer, threads: WorkerThreads
) -> None:
    told: list[tuple[str, ...]] = []
    async with open_bucket(
        doomed.choose_prefix(), threads, doomed.sizes, note=lambda *each: told.append(each[:2])
    ) as store:
        small, large = await store_blob(store, b"small"), await store_blob(store, LARGE)
        suspended = await store.create()
        await suspended.write(LARGE)
        await suspended.suspend()
        doomed.process.stop()
        told.clear()
        await assert_unavailable(store.open(small))
        # Nothing listens: that is soon known, and tried again all the same.
        assert told == [("get_object", "unavailable")] * 4
        doomed.process.start()
        await wait_until_it_works(store)
        assert (await load_blob(store, small), await load_blob(store, large)) == (b"small", LARGE)
        resumed = await store.resume(suspended.id)
        assert resumed.size == len(LARGE)
        await resumed.discard()


async def wait_until_it_works(store: BlobStore) -> None:
    """It listens before it knows its volumes."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            await store.open(ABSENT)
        except BlobMissing:
            try:
                await store.delete([(await store_blob(store, b"probe")).id])
            except CloudError:
                pass
            else:
                return
        except CloudError:
            pass
        assert time.monotonic() < end


@in_reactor
async def test_an_upload_outlives_connections_that_are_cut(seaweedfs: ObjectServer, threads: WorkerThreads) -> None:
    async with opened_through(seaweedfs, threads) as (store, proxy, _):
        proxy.upstream = After(7 * MIB, lose)
        blob = await store_blob(store, LARGE)
        proxy.downstream = After(3 * MIB, lose)
        assert await load_blob(store, blob) == LARGE
        assert blob.digest == hashlib.sha256(LARGE).digest()


@in_reactor
async def test_an_answer_that_is_lost_is_asked_for_again(seaweedfs: ObjectServer, threads: WorkerThreads) -> None:
    """The upload is completed the first time, and there is none the second time."""
    async with opened_through(seaweedfs, threads) as (store, proxy, _):
        lost: list[bytes] = []

        def lose_the_first(data: bytes) -> bytes | None:
            if b"CompleteMultipartUploadResult" not in data or lost:
                return data
            lost.append(data)
            return None

        proxy.downstream = lose_the_first
        blob = await store_blob(store, LARGE)
        assert lost
        assert await load_blob(store, blob) == LARGE


@in_reactor
async def test_what_was_altered_on_the_way_is_sent_again(seaweedfs: ObjectServer, threads: WorkerThreads) -> None:
    """Without TLS nothing else finds it: the store verifies what it was told with the bytes."""
    async with opened_through(seaweedfs, threads) as (store, proxy, settings):
        for content, place in ((b"x" * MIB, MIB // 2), (LARGE, 8 * MIB)):
            proxy.upstream = After(place, alter)
            blob = await store_blob(store, content)
            assert proxy.upstream.times == 0
            async with open_bucket(settings, threads, seaweedfs.sizes) as other:
                assert await load_blob(other, blob) == content


@in_reactor
async def test_what_is_altered_each_time_is_refused_and_leaves_nothing(
    seaweedfs: ObjectServer, threads: WorkerThreads
) -> None:
    async with opened_hurried_through(seaweedfs, threads) as (store, patient, proxy):
        proxy.upstream = After(MIB // 2, alter, times=10**9)
        await assert_unavailable(store_blob(store, b"x" * MIB))
        assert await list_blobs(patient) == set()


@in_reactor
async def test_a_connection_that_falls_silent_is_given_up(seaweedfs: ObjectServer, threads: WorkerThreads) -> None:
    async with opened_through(seaweedfs, threads, Patience(silence=2.0, total=PATIENCE)) as (store, proxy, _):
        blob = await store_blob(store, LARGE)
        async with reading(store, blob) as reader:
            proxy.downstream = After(2 * MIB, swallow)
            assert await read_all(reader) == LARGE
            proxy.upstream = After(0, swallow)
            assert await read_all(reader) == LARGE


@in_reactor
async def test_bytes_that_drip_are_not_waited_for_without_end(seaweedfs: ObjectServer, threads: WorkerThreads) -> None:
    """Each of them comes in time."""
    async with opened_hurried_through(seaweedfs, threads) as (store, patient, proxy):
        blob = await store_blob(patient, LARGE)
        reader = await open_at_last(store, blob)
        try:
            proxy.downstream = drip
            await assert_unavailable(read_all(reader))
        finally:
            await reader.close()


async def open_at_last(store: BlobStore, blob: Blob) -> BlobReader:
    """Open a blob that is there, however often that takes too long."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            return await store.open(blob)
        except CloudError:
            assert time.monotonic() < end


def drip(data: bytes) -> bytes:
    time.sleep(0.2)
    return data[:1] if len(data) > 1000 else data


@in_reactor
async def test_whoever_waits_behind_those_that_hang_hangs_no_longer(
    seaweedfs: ObjectServer, threads: WorkerThreads
) -> None:
    asked: list[str] = []
    settings = seaweedfs.choose_prefix()
    async with (
        open_bucket(settings, threads, seaweedfs.sizes) as patient,
        opened_hurried(settings, seaweedfs, threads, lambda operation, *_: asked.append(operation)) as store,
    ):
        blob = await store_blob(patient, b"1")
        seaweedfs.process.freeze()
        try:
            asked.clear()
            waiting = [Deferred.fromCoroutine(store.open(blob)) for _ in range(100)]
            outcomes = await DeferredList(waiting, consumeErrors=True)
        finally:
            seaweedfs.process.thaw()
        assert [succeeded for succeeded, _ in outcomes] == [False] * 100
        # By the time at which a thread takes them up, nobody has any patience left: they are not even tried.
        assert len(asked) < 100


@in_reactor
async def test_an_upload_that_the_store_dies_under_leaves_nothing_in_the_end(
    seaweedfs: ObjectServer, threads: WorkerThreads
) -> None:
    async with opened_through(seaweedfs, threads) as (store, proxy, settings):
        proxy.upstream = After(8 * MIB, lose, times=10**9)
        await assert_unavailable(store_blob(store, LARGE))
    with seaweedfs.connect() as client:
        assert client.list_multipart_uploads(Bucket=settings.bucket, Prefix=settings.prefix).get("Uploads")
    async with open_bucket(settings, threads, seaweedfs.sizes) as store:
        assert await list_blobs(store) == set()
        assert await list_suspended(store) == set()
    with seaweedfs.connect() as client:
        assert not client.list_multipart_uploads(Bucket=settings.bucket, Prefix=settings.prefix).get("Uploads")


@in_reactor
async def test_bytes_of_another_place_are_not_taken(seaweedfs: ObjectServer, threads: WorkerThreads) -> None:
    """Of a store, or something before it, that knows no ranges."""

    def forget_ranges(data: bytes) -> bytes:
        return data.replace(b"\r\nRange: bytes=", b"\r\nX-None: bytes=").replace(b"range;", b"")

    async with opened_through(seaweedfs, threads) as (store, proxy, _):
        blob = await store_blob(store, LARGE)
        async with reading(store, blob) as reader:
            proxy.upstream = forget_ranges
            await assert_unavailable(read_part(reader, 5 * MIB, 6 * MIB))


@in_reactor
async def test_a_blob_that_has_become_shorter_is_no_shorter_answer(
    seaweedfs: ObjectServer, threads: WorkerThreads
) -> None:
    settings = seaweedfs.choose_prefix()
    async with open_bucket(settings, threads, seaweedfs.sizes) as store:
        blob = await store_blob(store, b"x" * MIB)
        async with reading(store, blob) as reader:
            with seaweedfs.connect() as client:
                client.put_object(
                    Bucket=settings.bucket, Key=Keys.below(settings.prefix).find(blob.id), Body=b"x" * (MIB - 1)
                )
            await assert_unavailable(read_all(reader))


@in_reactor
async def test_each_request_is_told_with_what_became_of_it(seaweedfs: ObjectServer, threads: WorkerThreads) -> None:
    told: list[tuple[str, str, float]] = []
    settings = seaweedfs.choose_prefix()

    def note(*each: Any) -> None:
        told.append(each)

    async with open_bucket(settings, threads, seaweedfs.sizes, note=note) as store:
        told.clear()
        await store_blob(store, b"stored")
        with pytest.raises(BlobMissing):
            await store.open(ABSENT)
    assert [each[:2] for each in told] == [("put_object", "done"), ("get_object", "missing")]
    async with opened_hurried(settings, seaweedfs, threads, note) as store:
        seaweedfs.process.freeze()
        try:
            told.clear()
            await assert_unavailable(store.open(ABSENT))
        finally:
            seaweedfs.process.thaw()
    assert {each[:2] for each in told} == {("get_object", "unavailable")}
    assert all(HURRIED.silence / 2 < seconds < PATIENCE for _, _, seconds in told)


@in_reactor
async def test_nobody_waits_until_what_failed_fails_to_be_removed(
    seaweedfs: ObjectServer, threads: WorkerThreads
) -> None:
    asked: list[str] = []
    settings = seaweedfs.choose_prefix()
    async with opened_hurried(settings, seaweedfs, threads, lambda operation, *_: asked.append(operation)) as store:
        writer = await store.create()
        await writer.write(b"a little")
        seaweedfs.process.freeze()
        try:
            asked.clear()
            await assert_unavailable(writer.seal())
            await writer.discard()
            assert {*asked} == {"put_object"}
        finally:
            seaweedfs.process.thaw()
    # But the store is closed when that is done, too.
    assert asked[-1] == "delete_objects"
    async with open_bucket(settings, threads, seaweedfs.sizes) as patient:
        assert await list_blobs(patient) <= {writer.id}
