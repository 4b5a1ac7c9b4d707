"""Contract of catalogues: blobs, and when they are let go."""

from __future__ import annotations

from cloudsvc.drive.commands import Copy, EditTags, Purge
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import BlobId
from tests.support.catalogues import SECOND, Trial, gather, make_blob
from tests.support.reactors import in_reactor

DAY = 24 * 3600


async def give_up(trial: Trial, path: str) -> None:
    """Let nothing refer to the content of a file any more."""
    await trial.discard(path)
    await trial.do(Purge(entry=None))
    while await trial.catalogue.remove_purged(100):
        pass


async def list_blobs(trial: Trial, size: int = 100) -> list[BlobId]:
    return [blob.id for blob in await gather(trial.catalogue.list_blobs, size)]


@in_reactor
async def test_blobs_are_listed_by_id_while_something_refers_to_them(trial: Trial) -> None:
    blobs = [(await trial.store(str(number), bytes([number]))).file.version.blob for number in range(7)]
    await trial.discard("1")
    await trial.store("2", b"new", versions_kept=1)
    expected = sorted({blob.id for blob in blobs} - {blobs[2].id} | {(await trial.find_file("2")).version.blob.id})
    for size in range(1, 9):
        assert await list_blobs(trial, size) == expected


@in_reactor
async def test_only_what_nothing_refers_to_is_marked(trial: Trial) -> None:
    twice = (await trial.store("a", b"same")).file.version.blob
    await trial.do(Copy(source=parse_path("a"), destination=parse_path("b")))
    once = (await trial.store("c", b"other")).file.version.blob
    await give_up(trial, "a")
    assert await trial.catalogue.mark_for_deletion(10) == []
    await give_up(trial, "c")
    assert await trial.catalogue.mark_for_deletion(10) == [once.id]
    await give_up(trial, "b")
    assert {*await trial.catalogue.mark_for_deletion(10)} == {once.id, twice.id}


@in_reactor
async def test_marked_blobs_come_again_until_they_are_forgotten(trial: Trial) -> None:
    for number in range(5):
        await trial.store("a", bytes([number]), versions_kept=1)
    first = await trial.catalogue.mark_for_deletion(2)
    assert len(first) == 2
    assert {*first} <= {*await trial.catalogue.mark_for_deletion(100)}
    assert await trial.catalogue.stored_bytes() == 5
    await trial.catalogue.forget(first)
    # Once more, as after a power failure between the two steps.
    await trial.catalogue.forget([*first, BlobId("0" * 32)])
    assert await trial.catalogue.stored_bytes() == 3
    rest = await trial.catalogue.mark_for_deletion(100)
    assert len(rest) == 2
    assert not {*rest} & {*first}
    await trial.catalogue.forget(rest)
    assert await trial.catalogue.mark_for_deletion(100) == []
    assert await trial.catalogue.stored_bytes() == 1


@in_reactor
async def test_what_is_not_marked_is_not_forgotten(trial: Trial) -> None:
    used = (await trial.store("a", b"used")).file.version.blob
    await trial.catalogue.forget([used.id])
    assert await list_blobs(trial) == [used.id]
    assert await trial.catalogue.stored_bytes() == 4


@in_reactor
async def test_what_is_unused_is_joined_until_it_is_marked(trial: Trial) -> None:
    old = (await trial.store("a", b"same")).file.version.blob
    await give_up(trial, "a")
    again = await trial.store("b", b"same")
    assert (again.deduplicated, again.file.version.blob) == (True, old)
    await give_up(trial, "b")
    assert await trial.catalogue.mark_for_deletion(10) == [old.id]

    fresh = make_blob(b"same")
    stored = await trial.store("c", fresh)
    assert (stored.deduplicated, stored.file.version.blob) == (False, fresh)
    joined = await trial.store("d", b"same")
    assert (joined.deduplicated, joined.file.version.blob) == (True, fresh)
    assert await trial.catalogue.stored_bytes() == 8
    assert await trial.catalogue.mark_for_deletion(10) == [old.id]
    await trial.catalogue.forget([old.id])
    assert await trial.catalogue.stored_bytes() == 4
    assert await trial.catalogue.find_unknown([old.id, fresh.id]) == [old.id]


@in_reactor
async def test_equal_digests_of_other_sizes_are_not_equal_bytes(trial: Trial) -> None:
    content = make_blob(b"1234")
    await trial.store("a", content)
    shorter = make_blob(b"123")
    stored = await trial.store("b", type(shorter)(id=shorter.id, size=3, digest=content.digest))
    assert not stored.deduplicated


@in_reactor
async def test_nothing_is_marked_while_anything_is_pinned(trial: Trial) -> None:
    for number in range(3):
        await trial.store("a", bytes([number]), versions_kept=1)
    assert len(await trial.catalogue.mark_for_deletion(1)) == 1
    first = await trial.catalogue.pin(trial.watch.now + 100 * SECOND)
    second = await trial.catalogue.pin(trial.watch.now + 10 * SECOND)
    assert first != second
    await trial.catalogue.unpin(first)
    assert await trial.catalogue.mark_for_deletion(10) == []
    # What was not marked before may be referred to again.
    await trial.catalogue.unpin(second)
    await trial.catalogue.unpin(second)
    assert len(await trial.catalogue.mark_for_deletion(10)) == 2


@in_reactor
async def test_a_pin_ends_by_itself(trial: Trial) -> None:
    await trial.store("a", b"1")
    await trial.store("a", b"2", versions_kept=1)
    await trial.catalogue.pin(trial.watch.now + 10 * SECOND)
    trial.watch.pass_seconds(9)
    assert await trial.catalogue.mark_for_deletion(10) == []
    trial.watch.pass_seconds(1)
    assert len(await trial.catalogue.mark_for_deletion(10)) == 1


@in_reactor
async def test_a_pin_by_a_clock_that_was_wrong_ends_when_it_is_set_right(trial: Trial) -> None:
    await trial.store("a", b"1")
    await trial.store("a", b"2", versions_kept=1)
    right = trial.watch.now
    trial.watch.pass_seconds(400 * DAY)
    await trial.catalogue.pin(trial.watch.now + 1800 * SECOND)
    assert await trial.catalogue.mark_for_deletion(10) == []
    trial.watch.now = right + 1800 * SECOND
    assert len(await trial.catalogue.mark_for_deletion(10)) == 1


@in_reactor
async def test_a_clock_that_is_set_back_a_little_ends_no_pin(trial: Trial) -> None:
    await trial.store("a", b"1")
    await trial.store("a", b"2", versions_kept=1)
    await trial.catalogue.pin(trial.watch.now + 1800 * SECOND)
    trial.watch.pass_seconds(-3600)
    assert await trial.catalogue.mark_for_deletion(10) == []
    # Nor does another one that comes.
    await trial.catalogue.unpin(await trial.catalogue.pin(trial.watch.now + 10 * SECOND))
    assert await trial.catalogue.mark_for_deletion(10) == []


@in_reactor
async def test_who_consists_of_a_blob(trial: Trial) -> None:
    blob = (await trial.store("x/a", b"same")).file.version.blob
    first = (await trial.find_file("x/a")).version
    await trial.store("x/a", b"other")
    second = (await trial.do(Copy(source=parse_path("x/a"), destination=parse_path("x/c")))).version
    third = (await trial.store("x/y/b", b"same")).file.version
    users = await trial.catalogue.find_users(blob.id)
    assert [(str(path), version) for path, version in users] == [("x/a", first.id), ("x/y/b", third.id)]
    await trial.discard("x")
    users = await trial.catalogue.find_users(blob.id)
    assert [(str(path), version) for path, version in users] == [("x/a", first.id), ("x/y/b", third.id)]
    assert [number for _, number in await trial.catalogue.find_users(second.blob.id)][-1:] == [second.id]
    await trial.do(Purge(entry=None))
    assert await trial.catalogue.find_users(blob.id) == []
    assert await trial.catalogue.find_users(BlobId("0" * 32)) == []


@in_reactor
async def test_what_could_be_reclaimed(trial: Trial) -> None:
    await trial.store("a", b"1" * 1)
    await trial.store("a", b"2" * 2)
    await trial.store("in trash/b", b"3" * 4)
    await trial.store("in trash/shared", b"2" * 2)
    await trial.store("purged", b"4" * 8)
    await trial.store("unused", b"5" * 16)
    await give_up(trial, "unused")
    await trial.discard("purged")
    await trial.do(Purge(entry=None))
    await trial.discard("in trash")
    assert await trial.catalogue.reclaimable_bytes() == 1 + 4 + 8 + 16
    assert await trial.catalogue.stored_bytes() == 1 + 2 + 4 + 8 + 16
    await trial.do(Purge(entry=None))
    assert len(await trial.collect()) == 3
    assert await trial.catalogue.reclaimable_bytes() == 1
    assert await trial.catalogue.stored_bytes() == 3


@in_reactor
async def test_a_folder_with_equal_files_is_copied_and_each_copy_counts(trial: Trial) -> None:
    same, other = make_blob(b"same"), make_blob(b"other")
    for path, blob in (("a/1", same), ("a/2", same), ("a/b/1", same), ("a/b/2", other), ("outside", same)):
        await trial.store(path, blob)
    await trial.do(EditTags(path=parse_path("a/2"), add=("red", "blue"), most=2))
    await trial.store("a/1", other)
    await trial.store("a/1", same)
    await trial.do(Copy(source=parse_path("a"), destination=parse_path("c")))
    assert [path for path in await trial.tree() if path.startswith("c")] == ["c", "c/1", "c/2", "c/b", "c/b/1", "c/b/2"]
    copied, original = await trial.find_file("c/2"), await trial.find_file("a/2")
    assert (copied.tags, copied.version.media_type) == (("blue", "red"), original.version.media_type)
    assert copied.version.validator != original.version.validator
    assert len(await trial.versions("c/1")) == 1
    assert sorted(str(path) for path, _ in await trial.catalogue.find_users(same.id)) == (
        sorted(["a/1", "a/1", "a/2", "a/b/1", "outside", "c/1", "c/2", "c/b/1"])
    )
    # A blob that were counted too seldom would go with the originals, one counted too often would stay for ever.
    for number, path in enumerate(("a", "outside", "c/1", "c/2")):
        await trial.discard(path)
        await trial.do(Purge(entry=None))
        assert await trial.collect() == [], number
    await trial.discard("c")
    await trial.do(Purge(entry=None))
    assert sorted(await trial.collect()) == sorted([same.id, other.id])
    assert await trial.catalogue.stored_bytes() == 0
