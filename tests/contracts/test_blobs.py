"""What every implementation of BlobStore does."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred

from cloudsvc.core.threads import PoolRunner
from cloudsvc.drive.blobs import BlobMissing
from cloudsvc.drive.nodes import BlobId
from cloudsvc.drive.verification import Damage, verify_blob
from tests.support.blobs import STORES, OpenStore, list_aside, list_blobs, load_blob, reading, store_blob
from tests.support.reactors import in_reactor, run_threads

MIB = 2**20
SECOND = 1_000_000
LARGE = hashlib.shake_128(b"a blob").digest(3 * MIB + 12_345)
ABSENT = BlobId("0" * 32)


@pytest.fixture
def threads() -> Iterator[PoolRunner]:
    with run_threads(2) as runner:
        yield runner


@pytest.fixture(params=STORES)
def open_store(request: pytest.FixtureRequest) -> OpenStore:
    return STORES[request.param]


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
    open_store: OpenStore, tmp_path: Path, threads: PoolRunner, pieces: list[bytes]
) -> None:
    whole = b"".join(pieces)
    async with open_store(tmp_path, threads) as store:
        writer = await store.create()
        for piece in pieces:
            await writer.write(piece)
        assert writer.size == len(whole)
        blob = await writer.seal()
        assert (blob.id, blob.size, blob.digest) == (writer.id, len(whole), hashlib.sha256(whole).digest())
        assert await load_blob(store, blob.id) == whole
        writer.release()
        assert await load_blob(store, blob.id) == whole


@in_reactor
async def test_ids_are_random_digits(open_store: OpenStore, tmp_path: Path, threads: PoolRunner) -> None:
    async with open_store(tmp_path, threads) as store:
        ids = [(await store_blob(store, b"same")).id for _ in range(3)]
        assert len(set(ids)) == 3
        assert all(len(each) == 32 and set(each) <= set("0123456789abcdef") for each in ids)


@in_reactor
async def test_any_part_can_be_read(open_store: OpenStore, tmp_path: Path, threads: PoolRunner) -> None:
    async with open_store(tmp_path, threads) as store:
        blob = await store_blob(store, LARGE)
        async with reading(store, blob.id) as reader:
            assert reader.size == len(LARGE)
            for offset, length in [(0, 10), (MIB - 5, 10), (5, 2 * MIB), (len(LARGE) - 3, 3), (0, len(LARGE))]:
                assert await reader.read(offset, length) == LARGE[offset : offset + length]


@in_reactor
async def test_less_is_read_at_the_end_only(open_store: OpenStore, tmp_path: Path, threads: PoolRunner) -> None:
    async with open_store(tmp_path, threads) as store:
        blob = await store_blob(store, b"0123456789")
        async with reading(store, blob.id) as reader:
            assert await reader.read(8, 10) == b"89"
            assert await reader.read(10, 10) == b""
            assert await reader.read(11, 10) == b""


@in_reactor
async def test_a_descriptor_begins_at_the_first_byte(
    open_store: OpenStore, tmp_path: Path, threads: PoolRunner
) -> None:
    async with open_store(tmp_path, threads) as store:
        blob = await store_blob(store, b"0123456789")
        async with reading(store, blob.id) as reader:
            await reader.read(3, 4)
            descriptor = await reader.descriptor()
            assert os.read(descriptor, 4) == b"0123"
            assert await reader.read(0, 2) == b"01"
            assert os.read(descriptor, 100) == b"456789"
            assert await reader.descriptor() == descriptor
        with pytest.raises(OSError, match="Bad file descriptor"):
            os.read(descriptor, 1)


@in_reactor
async def test_what_is_not_there_is_missing(open_store: OpenStore, tmp_path: Path, threads: PoolRunner) -> None:
    async with open_store(tmp_path, threads) as store:
        with pytest.raises(BlobMissing):
            await store.open(ABSENT)
        writer = await store.create()
        await writer.write(LARGE)
        with pytest.raises(BlobMissing):
            await store.open(writer.id)
        await writer.discard()


@in_reactor
async def test_deleting(open_store: OpenStore, tmp_path: Path, threads: PoolRunner) -> None:
    async with open_store(tmp_path, threads) as store:
        first, second, third = [(await store_blob(store, each)).id for each in (b"1", b"2", b"3")]
        assert await store.delete([]) == []
        assert await store.delete([first, ABSENT, third]) == [first, ABSENT, third]
        assert await list_blobs(store) == {second}
        with pytest.raises(BlobMissing):
            await store.open(first)
        assert await load_blob(store, second) == b"2"


@in_reactor
async def test_an_open_blob_outlives_its_deletion(open_store: OpenStore, tmp_path: Path, threads: PoolRunner) -> None:
    async with open_store(tmp_path, threads) as store:
        blob = await store_blob(store, LARGE)
        async with reading(store, blob.id) as reader:
            await store.delete([blob.id])
            assert await reader.read(0, len(LARGE)) == LARGE
            assert os.read(await reader.descriptor(), 10) == LARGE[:10]


@in_reactor
async def test_a_reader_may_be_closed_twice(open_store: OpenStore, tmp_path: Path, threads: PoolRunner) -> None:
    async with open_store(tmp_path, threads) as store:
        blob = await store_blob(store, b"a")
        async with reading(store, blob.id) as reader:
            await reader.close()


@in_reactor
async def test_only_what_is_sealed_is_listed_and_lands_when_it_is_released(
    open_store: OpenStore, tmp_path: Path, threads: PoolRunner
) -> None:
    async with open_store(tmp_path, threads) as store, open_store(tmp_path, threads) as other:
        writer = await store.create()
        await writer.write(LARGE)
        assert await list_blobs(store) == set()
        await writer.seal()
        for each in (store, other):
            assert await list_blobs(each) == {writer.id}
            assert await each.find_landed([writer.id]) == []
        writer.release()
        for each in (store, other):
            assert await each.find_landed([writer.id, ABSENT]) == [writer.id]


@in_reactor
async def test_the_store_is_closed_when_all_writers_have_ended(
    open_store: OpenStore, tmp_path: Path, threads: PoolRunner
) -> None:
    context = open_store(tmp_path, threads)
    store = await context.__aenter__()
    first, second = await store.create(), await store.create()
    closing = Deferred.fromCoroutine(context.__aexit__(None, None, None))
    await first.discard()
    assert not closing.called
    await second.write(b"stored")
    await second.seal()
    second.release()
    await closing
    async with open_store(tmp_path, threads) as again:
        assert await load_blob(again, second.id) == b"stored"


@pytest.mark.parametrize("is_there", [True, False])
@in_reactor
async def test_one_can_take_the_place_of_another(
    open_store: OpenStore, tmp_path: Path, threads: PoolRunner, *, is_there: bool
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
        assert await store.find_landed([old.id]) == [old.id]
        assert await load_blob(store, old.id) == LARGE


@in_reactor
async def test_what_is_set_aside_can_be_had_again(open_store: OpenStore, tmp_path: Path, threads: PoolRunner) -> None:
    async with open_store(tmp_path, threads) as store:
        first, second = [(await store_blob(store, each)).id for each in (b"1", b"2")]
        assert await store.set_aside([first, ABSENT]) == [first, ABSENT]
        assert (await list_blobs(store), await list_aside(store)) == ({second}, {first})
        with pytest.raises(BlobMissing):
            await store.open(first)
        await store.put_back([first])
        assert (await list_blobs(store), await list_aside(store)) == ({first, second}, set())
        assert await load_blob(store, first) == b"1"


@in_reactor
async def test_what_is_there_again_is_not_put_back(open_store: OpenStore, tmp_path: Path, threads: PoolRunner) -> None:
    async with open_store(tmp_path, threads) as store:
        old = await store_blob(store, b"damaged meanwhile")
        await store.set_aside([old.id])
        writer = await store.create()
        await writer.write(b"whole")
        await writer.seal()
        await writer.replace(old.id)
        await store.put_back([old.id])
        assert await load_blob(store, old.id) == b"whole"
        assert await list_aside(store) == {old.id}


@in_reactor
async def test_what_is_aside_goes_in_time(open_store: OpenStore, tmp_path: Path, threads: PoolRunner) -> None:
    async with open_store(tmp_path, threads) as store:
        before = time.time_ns() // 1000 - SECOND
        blob = await store_blob(store, b"1")
        await store.set_aside([blob.id])
        assert await store.clear_aside(before) == 0
        assert await list_aside(store) == {blob.id}
        assert await store.clear_aside(before + 3600 * SECOND) == 1
        assert await list_aside(store) == set()


@pytest.mark.parametrize("size", [0, 10, len(LARGE)])
@pytest.mark.parametrize("sealed", [False, True])
@in_reactor
async def test_what_is_discarded_is_gone(
    open_store: OpenStore, tmp_path: Path, threads: PoolRunner, *, size: int, sealed: bool
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
            await store.open(writer.id)
        assert await list_blobs(store) == {kept.id}


@in_reactor
async def test_blobs_are_there_when_the_store_is_opened_again(
    open_store: OpenStore, tmp_path: Path, threads: PoolRunner
) -> None:
    async with open_store(tmp_path, threads) as store:
        blob = await store_blob(store, LARGE)
    async with open_store(tmp_path, threads) as store:
        assert await list_blobs(store) == {blob.id}
        assert await load_blob(store, blob.id) == LARGE


@in_reactor
async def test_writers_do_not_see_each_other(open_store: OpenStore, tmp_path: Path, threads: PoolRunner) -> None:
    async with open_store(tmp_path, threads) as store:
        writers = [await store.create() for _ in range(3)]
        for start in range(0, len(LARGE), 100_000):
            for number, writer in enumerate(writers):
                await writer.write(bytes([number]) + LARGE[start : start + 100_000])
        blobs = [await writer.seal() for writer in writers]
        for number, blob in enumerate(blobs):
            content = await load_blob(store, blob.id)
            assert content[0] == number
            assert hashlib.sha256(content).digest() == blob.digest
        for writer in writers:
            writer.release()


@in_reactor
async def test_there_is_space(open_store: OpenStore, tmp_path: Path, threads: PoolRunner) -> None:
    async with open_store(tmp_path, threads) as store:
        assert await store.free_bytes() > 0


@in_reactor
async def test_a_blob_is_verified(open_store: OpenStore, tmp_path: Path, threads: PoolRunner) -> None:
    async with open_store(tmp_path, threads) as store:
        for content in (b"", b"a", LARGE):
            blob = await store_blob(store, content)
            async with reading(store, blob.id) as reader:
                assert await verify_blob(reader, blob, threads) is None
                assert await verify_blob(reader, evolve(blob, size=7), threads) is Damage.SIZE
                assert await verify_blob(reader, evolve(blob, digest=bytes(32)), threads) is Damage.CONTENT
