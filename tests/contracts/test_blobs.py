"""Contract of blob stores."""

from __future__ import annotations

import hashlib
import os
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from twisted.internet.defer import Deferred

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.threads import WorkerThreads
from cloudsvc.drive.blobs import BlobInUse, BlobMissing, BlobStore
from cloudsvc.drive.nodes import Blob, BlobId
from cloudsvc.drive.spooling import Spooler
from cloudsvc.drive.verification import Damage, verify_blob
from cloudsvc.storage.blobs.memory import MemoryBlobs, Shelf
from tests.support.blobs import (
    ENGINES,
    SERVED,
    Engine,
    OpenStore,
    find_files,
    list_blobs,
    list_quarantined,
    list_suspended,
    load_blob,
    read_all,
    read_part,
    reading,
    store_blob,
)
from tests.support.reactors import in_reactor, run_threads

MIB = 2**20
SECOND = 1_000_000
LARGE = hashlib.shake_128(b"a blob").digest(3 * MIB + 12_345)
ABSENT = Blob(id=BlobId("0" * 32), size=0, digest=None)


@pytest.fixture
def threads() -> Iterator[WorkerThreads]:
    with run_threads(2) as runner:
        yield runner


@pytest.fixture(
    scope="module",
    params=[pytest.param(name, marks=pytest.mark.slow if name in SERVED else ()) for name in ENGINES],
)
def engine(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with ENGINES[request.param](tmp_path_factory.mktemp(request.param)) as running:
        yield running


@pytest.fixture
def open_store(engine: Engine) -> OpenStore:
    return engine.begin()


@pytest.mark.parametrize(
    "pieces",
    [
        [],
        [b""],
        [b"a"],
        [b"a", b"", b"bc"],
        [b"x" * MIB],
        [b"x" * (MIB - 1), b"y"],
        [b"x" * (MIB + 1)],
        [LARGE],
        [LARGE[start : start + 65_536] for start in range(0, len(LARGE), 65_536)],
    ],
    ids=["nothing", "empty", "byte", "few", "piece", "two for a piece", "more than a piece", "at once", "stream"],
)
@in_reactor
async def test_what_was_written_is_read(
    open_store: OpenStore, tmp_path: Path, threads: WorkerThreads, pieces: list[bytes]
) -> None:
    whole = b"".join(pieces)
    async with open_store(tmp_path, threads) as store:
        writer = await store.create()
        for piece in pieces:
            await writer.write(piece)
        assert writer.size == len(whole)
        blob = await writer.seal()
        assert blob == Blob(
            id=writer.id, size=len(whole), digest=hashlib.sha256(whole).digest(), crc32=zlib.crc32(whole)
        )
        assert await load_blob(store, blob) == whole
        writer.close()
        assert await load_blob(store, blob) == whole


@in_reactor
async def test_ids_are_random_digits(open_store: OpenStore, tmp_path: Path, threads: WorkerThreads) -> None:
    async with open_store(tmp_path, threads) as store:
        ids = [(await store_blob(store, b"same")).id for _ in range(3)]
        assert len(set(ids)) == 3
        assert all(len(each) == 32 and set(each) <= set("0123456789abcdef") for each in ids)


@in_reactor
async def test_any_part_can_be_read(open_store: OpenStore, tmp_path: Path, threads: WorkerThreads) -> None:
    async with open_store(tmp_path, threads) as store:
        blob = await store_blob(store, LARGE)
        async with reading(store, blob) as reader:
            assert reader.size == len(LARGE)
            for start, stop in [(0, 10), (MIB - 5, MIB + 5), (5, 2 * MIB), (len(LARGE) - 3, len(LARGE)), (7, 7)]:
                assert await read_part(reader, start, stop) == LARGE[start:stop]


@pytest.mark.parametrize("size", [10, len(LARGE)])
@in_reactor
async def test_what_is_not_there_is_no_shorter_answer(
    open_store: OpenStore, tmp_path: Path, threads: WorkerThreads, size: int
) -> None:
    async with open_store(tmp_path, threads) as store:
        blob = await store_blob(store, LARGE[:size])
        async with reading(store, blob) as reader:
            with pytest.raises(CloudError):
                await read_part(reader, size - 5, size + 1)
            assert await read_part(reader, size - 5, size) == LARGE[size - 5 : size]


@in_reactor
async def test_a_small_blob_can_be_read_where_one_is(
    engine: Engine, open_store: OpenStore, tmp_path: Path, threads: WorkerThreads
) -> None:
    async with open_store(tmp_path, threads) as store:
        blob = await store_blob(store, b"a little")
        if not engine.is_near:
            assert store.read_small(blob) is None
            return
        for content in (b"", b"a little"):
            blob = await store_blob(store, content)
            reader = store.read_small(blob)
            assert reader is not None
            assert await read_all(reader) == content
        assert store.read_small(await store_blob(store, LARGE)) is None
        await store.delete([blob.id])
        with pytest.raises(BlobMissing):
            store.read_small(blob)


@in_reactor
async def test_whoever_leaves_a_stream_reads_on(open_store: OpenStore, tmp_path: Path, threads: WorkerThreads) -> None:
    async with open_store(tmp_path, threads) as store:
        blob = await store_blob(store, LARGE)
        async with reading(store, blob) as reader:
            left = reader.stream(0, len(LARGE))
            first = await anext(left)
            assert LARGE.startswith(first)
            await left.aclose()
            assert await read_all(reader) == LARGE


@pytest.mark.parametrize("content", [b"a little", LARGE], ids=["little", "much"])
@in_reactor
async def test_whoever_needs_a_file_has_one(
    open_store: OpenStore, tmp_path: Path, threads: WorkerThreads, content: bytes
) -> None:
    spooler = Spooler(directory=tmp_path, threads=threads, most_bytes=len(LARGE))
    async with open_store(tmp_path / "store", threads) as store:
        blob = await store_blob(store, content)
        async with reading(store, blob) as reader, spooler.spool(reader) as descriptor:
            assert os.read(descriptor, 4) == content[:4]
            assert await read_part(reader, 0, 2) == content[:2]
            assert os.pread(descriptor, len(LARGE), 4) == content[4:]
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.read(descriptor, 1)
    assert not [place for place in find_files(tmp_path) if "/" not in place]


@in_reactor
async def test_what_is_not_there_is_missing(open_store: OpenStore, tmp_path: Path, threads: WorkerThreads) -> None:
    async with open_store(tmp_path, threads) as store:
        with pytest.raises(BlobMissing):
            await store.open(ABSENT)
        writer = await store.create()
        await writer.write(LARGE)
        with pytest.raises(BlobMissing):
            await store.open(Blob(id=writer.id, size=len(LARGE), digest=None))
        await writer.discard()


@in_reactor
async def test_deleting(open_store: OpenStore, tmp_path: Path, threads: WorkerThreads) -> None:
    async with open_store(tmp_path, threads) as store:
        first, second, third = [await store_blob(store, each) for each in (b"1", b"2", b"3")]
        assert await store.delete([]) == []
        gone = [first.id, ABSENT.id, third.id]
        assert await store.delete(gone) == gone
        assert await list_blobs(store) == {second.id}
        with pytest.raises(BlobMissing):
            await store.open(first)
        assert await load_blob(store, second) == b"2"


@in_reactor
async def test_an_open_blob_outlives_its_deletion(
    open_store: OpenStore, tmp_path: Path, threads: WorkerThreads
) -> None:
    async with open_store(tmp_path, threads) as store:
        blob = await store_blob(store, LARGE)
        async with reading(store, blob) as reader:
            await store.delete([blob.id])
            assert await read_all(reader) == LARGE


@in_reactor
async def test_a_reader_may_be_closed_twice(open_store: OpenStore, tmp_path: Path, threads: WorkerThreads) -> None:
    async with open_store(tmp_path, threads) as store:
        blob = await store_blob(store, b"a")
        async with reading(store, blob) as reader:
            await reader.close()


@in_reactor
async def test_only_what_is_sealed_and_has_no_writer_is_listed(
    engine: Engine, open_store: OpenStore, tmp_path: Path, threads: WorkerThreads
) -> None:
    async with open_store(tmp_path, threads) as store, open_store(tmp_path, threads) as other:
        writer = await store.create()
        await writer.write(LARGE)
        assert await list_blobs(store) == set()
        assert await list_blobs(other) == set()
        await writer.seal()
        for each in (store, other) if engine.knows_others else (store,):
            assert await list_blobs(each) == set()
        writer.close()
        for each in (store, other):
            assert await list_blobs(each) == {writer.id}


@in_reactor
async def test_what_is_young_is_not_listed(open_store: OpenStore, tmp_path: Path, threads: WorkerThreads) -> None:
    """Nobody could tell it from what is about to be known, whichever machine its writer is on."""
    async with open_store(tmp_path, threads) as store:
        before = time.time_ns() // 1000 - SECOND
        blob = await store_blob(store, b"young")
        assert await list_blobs(store, before) == set()
        assert await list_blobs(store, before + 3600 * SECOND) == {blob.id}


@in_reactor
async def test_the_store_is_closed_when_all_writers_have_ended(
    open_store: OpenStore, tmp_path: Path, threads: WorkerThreads
) -> None:
    context = open_store(tmp_path, threads)
    store = await context.__aenter__()
    first, second = await store.create(), await store.create()
    closing = Deferred.fromCoroutine(context.__aexit__(None, None, None))
    await first.discard()
    assert not closing.called
    await second.write(b"stored")
    blob = await second.seal()
    second.close()
    await closing
    async with open_store(tmp_path, threads) as again:
        assert await load_blob(again, blob) == b"stored"


@pytest.mark.parametrize("is_there", [True, False])
@in_reactor
async def test_one_can_take_the_place_of_another(
    open_store: OpenStore, tmp_path: Path, threads: WorkerThreads, *, is_there: bool
) -> None:
    async with open_store(tmp_path, threads) as store:
        old = await store_blob(store, LARGE)
        if not is_there:
            await store.delete([old.id])
        writer = await store.create()
        await writer.write(LARGE)
        await writer.seal()
        await writer.replace(old.id)
        assert await list_blobs(store) == {old.id}
        assert await load_blob(store, old) == LARGE


@in_reactor
async def test_what_is_in_quarantine_can_be_released(
    open_store: OpenStore, tmp_path: Path, threads: WorkerThreads
) -> None:
    async with open_store(tmp_path, threads) as store:
        first, second = [await store_blob(store, each) for each in (b"1", b"2")]
        assert await store.quarantine([first.id, ABSENT.id]) == [first.id, ABSENT.id]
        assert (await list_blobs(store), await list_quarantined(store)) == ({second.id}, {first.id})
        with pytest.raises(BlobMissing):
            await store.open(first)
        await store.release([first.id])
        assert (await list_blobs(store), await list_quarantined(store)) == ({first.id, second.id}, set())
        assert await load_blob(store, first) == b"1"


@in_reactor
async def test_what_is_there_again_stays(open_store: OpenStore, tmp_path: Path, threads: WorkerThreads) -> None:
    async with open_store(tmp_path, threads) as store:
        old = await store_blob(store, b"damaged meanwhile")
        await store.quarantine([old.id])
        writer = await store.create()
        await writer.write(b"whole")
        await writer.seal()
        await writer.replace(old.id)
        await store.release([old.id])
        assert await load_blob(store, old) == b"whole"
        assert await list_quarantined(store) == {old.id}


@in_reactor
async def test_quarantine_ends(open_store: OpenStore, tmp_path: Path, threads: WorkerThreads) -> None:
    async with open_store(tmp_path, threads) as store:
        before = time.time_ns() // 1000 - SECOND
        blob = await store_blob(store, b"1")
        await store.quarantine([blob.id])
        assert await store.purge_quarantine(before) == 0
        assert await list_quarantined(store) == {blob.id}
        assert await store.purge_quarantine(before + 3600 * SECOND) == 1
        assert await list_quarantined(store) == set()


@pytest.mark.parametrize("size", [0, 10, len(LARGE)])
@pytest.mark.parametrize("sealed", [False, True])
@in_reactor
async def test_what_is_discarded_is_gone(
    open_store: OpenStore, tmp_path: Path, threads: WorkerThreads, *, size: int, sealed: bool
) -> None:
    async with open_store(tmp_path, threads) as store:
        kept = await store_blob(store, b"kept")
        writer = await store.create()
        await writer.write(LARGE[:size])
        if sealed:
            await writer.seal()
        await writer.discard()
        await writer.discard()
        with pytest.raises(BlobMissing):
            await store.open(Blob(id=writer.id, size=len(LARGE), digest=None))
        assert await list_blobs(store) == {kept.id}


@in_reactor
async def test_blobs_are_there_when_the_store_is_opened_again(
    open_store: OpenStore, tmp_path: Path, threads: WorkerThreads
) -> None:
    async with open_store(tmp_path, threads) as store:
        blob = await store_blob(store, LARGE)
    async with open_store(tmp_path, threads) as store:
        assert await list_blobs(store) == {blob.id}
        assert await load_blob(store, blob) == LARGE


@in_reactor
async def test_writers_do_not_see_each_other(open_store: OpenStore, tmp_path: Path, threads: WorkerThreads) -> None:
    async with open_store(tmp_path, threads) as store:
        writers = [await store.create() for _ in range(3)]
        for start in range(0, len(LARGE), 100_000):
            for number, writer in enumerate(writers):
                await writer.write(bytes([number]) + LARGE[start : start + 100_000])
        blobs = [await writer.seal() for writer in writers]
        for number, blob in enumerate(blobs):
            content = await load_blob(store, blob)
            assert content[0] == number
            assert hashlib.sha256(content).digest() == blob.digest
        for writer in writers:
            writer.close()


@in_reactor
async def test_there_is_space(open_store: OpenStore, tmp_path: Path, threads: WorkerThreads) -> None:
    async with open_store(tmp_path, threads) as store:
        free = await store.free_bytes()
        assert free is None or free > 0


@in_reactor
async def test_a_blob_is_verified(open_store: OpenStore, tmp_path: Path, threads: WorkerThreads) -> None:
    async with open_store(tmp_path, threads) as store:
        for content in (b"", b"a", LARGE):
            blob = await store_blob(store, content)
            async with reading(store, blob) as reader:
                assert await verify_blob(reader, blob, threads) is None
                assert await verify_blob(reader, replace(blob, size=7), threads) is Damage.SIZE
                assert await verify_blob(reader, replace(blob, digest=bytes(32)), threads) is Damage.CONTENT
                unknown = replace(blob, digest=None, crc32=None)
                assert await verify_blob(reader, unknown, threads) is None
                assert await verify_blob(reader, replace(unknown, crc32=1), threads) is Damage.CONTENT


@pytest.mark.parametrize("cuts", [[], [0], [10], [MIB], [2 * MIB, 2 * MIB + 1], [len(LARGE)]], ids=str)
@in_reactor
async def test_what_was_suspended_is_resumed(
    open_store: OpenStore, tmp_path: Path, threads: WorkerThreads, cuts: list[int]
) -> None:
    """In a process of its own each time, and behind what is durable."""
    async with open_store(tmp_path, threads) as store:
        blob_id = await begin(store)
    start = 0
    for stop in cuts:
        async with open_store(tmp_path, threads) as store:
            writer = await store.resume(blob_id)
            assert (writer.id, writer.size) == (blob_id, start)
            await writer.write(LARGE[start:stop])
            assert await writer.suspend() == writer.size == stop
            assert await list_suspended(store) == {blob_id}
            assert await list_blobs(store) == set()
            start = stop
    async with open_store(tmp_path, threads) as store:
        writer = await store.resume(blob_id)
        await writer.write(LARGE[start:])
        blob = await writer.seal()
        writer.close()
        assert await load_blob(store, blob) == LARGE
        assert blob == Blob(id=blob_id, size=len(LARGE), digest=sha256(LARGE), crc32=zlib.crc32(LARGE))
        assert (await list_blobs(store), await list_suspended(store)) == ({blob_id}, set())
        with pytest.raises(BlobMissing):
            await store.resume(blob_id)


async def begin(store: BlobStore) -> BlobId:
    """A blob of which nothing is there, and that is durable."""
    writer = await store.create()
    assert await writer.suspend() == 0
    return writer.id


@in_reactor
async def test_what_is_durable_can_be_had_again_whatever_came_after(
    open_store: OpenStore, tmp_path: Path, threads: WorkerThreads
) -> None:
    async with open_store(tmp_path, threads) as store:
        writer = await store.create()
        await writer.write(LARGE[:100])
        assert await writer.sync() == 100
        await writer.write(b"more")
        # As when this process is killed: what was not synced is nobody's.
        writer.close()
        again = await store.resume(writer.id)
        assert again.size == 100
        await again.discard()


@in_reactor
async def test_a_blob_has_one_writer(
    engine: Engine, open_store: OpenStore, tmp_path: Path, threads: WorkerThreads
) -> None:
    async with open_store(tmp_path, threads) as store, open_store(tmp_path, threads) as second:
        other = second if engine.knows_others else store
        writer = await store.create()
        await writer.sync()
        for each in (store, other):
            with pytest.raises(BlobInUse):
                await each.resume(writer.id)
            assert await list_suspended(each) == set()
        await writer.suspend()
        resumed = await other.resume(writer.id)
        with pytest.raises(BlobInUse):
            await store.resume(writer.id)
        with pytest.raises(ValueError, match="suspended"):
            await writer.write(b"late")
        # Whoever has suspended it has nothing to discard any more.
        await writer.discard()
        await resumed.suspend()
        assert await list_suspended(store) == {writer.id}


@pytest.mark.parametrize("is_suspended", [True, False])
@in_reactor
async def test_what_is_durable_can_be_discarded(
    open_store: OpenStore, tmp_path: Path, threads: WorkerThreads, *, is_suspended: bool
) -> None:
    async with open_store(tmp_path, threads) as store:
        writer = await store.create()
        await writer.write(LARGE)
        await writer.sync()
        if is_suspended:
            await writer.suspend()
            writer = await store.resume(writer.id)
        await writer.discard()
        assert (await list_blobs(store), await list_suspended(store)) == (set(), set())
        with pytest.raises(BlobMissing):
            await store.resume(writer.id)


@in_reactor
async def test_suspended_blobs_are_listed_when_they_are_old(
    open_store: OpenStore, tmp_path: Path, threads: WorkerThreads
) -> None:
    async with open_store(tmp_path, threads) as store:
        before = time.time_ns() // 1000 - SECOND
        blob_id = await begin(store)
        assert await list_suspended(store, before) == set()
        assert await list_suspended(store, before + 3600 * SECOND) == {blob_id}


@in_reactor
async def test_what_there_is_no_space_for_leaves_nothing(tmp_path: Path, threads: WorkerThreads) -> None:
    """In memory; what a disk does is its own suite's (tests/storage/blobs/test_writing.py)."""
    store = MemoryBlobs(now=lambda: 0, shelf=Shelf(capacity=100))
    kept = await store_blob(store, bytes(60))
    assert await store.free_bytes() == 40
    writer = await store.create()
    await writer.write(bytes(40))
    for late in (writer.write(b"1"), writer.seal(), writer.sync()):
        with pytest.raises(CloudError) as caught:
            await late
        assert caught.value.kind is Kind.NO_SPACE
    await writer.discard()
    assert await list_blobs(store) == {kept.id}
    await store.close()


def sha256(content: bytes) -> bytes:
    return hashlib.sha256(content).digest()
