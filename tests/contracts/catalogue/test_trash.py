"""Contract of catalogues: the trash."""

from __future__ import annotations

from cloudsvc.drive.commands import Discard, Move, Purge, Restore
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import File, Folder, TrashId
from tests.support.catalogues import TESTER, Trial
from tests.support.opened_drives import refusal
from tests.support.reactors import in_reactor


@in_reactor
async def test_what_is_thrown_away_is_in_the_trash_and_nowhere_else(trial: Trial) -> None:
    file = (await trial.store("a/b", b"1")).file
    await trial.store("c", b"2")
    trial.watch.pass_seconds(1)
    thrown = await trial.discard("a")
    assert isinstance(thrown.node, Folder)
    assert (str(thrown.node.path), thrown.deleted_at, thrown.actor) == ("a", trial.watch.now, "tester")
    assert await trial.trash() == [thrown]
    assert [*await trial.tree()] == await trial.files() == ["c"]
    assert await trial.find("a/b") is None
    usage = await trial.catalogue.usage(TESTER)
    assert (usage.files, usage.trash_entries, usage.versions, usage.blobs, usage.stored_bytes) == (1, 1, 2, 2, 2)
    assert await trial.do(Restore(entry=thrown.id)) == await trial.find("a")
    assert await trial.find_file("a/b") == file
    assert await trial.trash() == []


@in_reactor
async def test_one_path_may_be_in_the_trash_many_times(trial: Trial) -> None:
    entries = []
    for content in (b"1", b"2", b"3"):
        await trial.store("a", content)
        entries.append(await trial.discard("a"))
    assert await trial.trash() == entries[::-1]
    assert [entry.id for entry in entries] == sorted(entry.id for entry in entries)
    restored = await trial.do(Restore(entry=entries[1].id))
    assert restored == await trial.find_file("a")
    assert restored.version.validator == entries[1].node.version.validator  # type: ignore[union-attr]  # a file
    assert await trial.trash() == [entries[2], entries[0]]


@in_reactor
async def test_a_restored_node_goes_where_there_is_room(trial: Trial) -> None:
    await trial.store("a/b/c", b"1")
    thrown = await trial.discard("a/b/c")
    await trial.discard("a")
    # The folders are made anew.
    await trial.do(Restore(entry=thrown.id))
    again = await trial.discard("a/b/c")
    await trial.store("a/b/c", b"2")
    await trial.store("file")
    before = await trial.tree()
    assert await refusal(trial.do(Restore(entry=again.id))) == "already_exists"
    for destination, code in [("", "root_immutable"), ("a", "already_exists"), ("file/x", "is_file")]:
        restore = Restore(entry=again.id, destination=parse_path(destination))
        assert await refusal(trial.do(restore)) == code
    assert await refusal(trial.do(Restore(entry=TrashId(999)))) == "trash_entry_not_found"
    assert await trial.tree() == before
    restored = await trial.do(Restore(entry=again.id, destination=parse_path("x/y")))
    assert restored == await trial.find_file("x/y")
    assert await refusal(trial.do(Restore(entry=again.id))) == "trash_entry_not_found"


@in_reactor
async def test_only_what_is_asked_for_is_thrown_away(trial: Trial) -> None:
    await trial.store("folder/file")
    kinds: list[tuple[str, type[File] | type[Folder] | None, str]] = [
        ("folder", File, "file_not_found"),
        ("folder/file", Folder, "folder_not_found"),
        ("missing", None, "not_found"),
    ]
    for path, kind, code in kinds:
        assert await refusal(trial.do(Discard(path=parse_path(path), kind=kind))) == code
    assert await trial.trash() == []


@in_reactor
async def test_what_is_purged_is_gone_for_good(trial: Trial) -> None:
    for number in range(4):
        await trial.store(f"{number}/file", bytes([number]))
    await trial.store("kept")
    entries = [await trial.discard(str(number)) for number in range(4)]
    assert await trial.do(Purge(entry=entries[1].id)) == 1
    assert await trial.trash() == [entries[3], entries[2], entries[0]]
    for command in (Purge(entry=entries[1].id), Restore(entry=entries[1].id)):
        assert await refusal(trial.do(command)) == "trash_entry_not_found"
    assert await trial.do(Purge(entry=None)) == 3
    assert await trial.do(Purge(entry=None)) == 0
    assert await trial.trash() == []
    assert await trial.collect()
    usage = await trial.catalogue.usage(TESTER)
    assert (usage.files, usage.versions, usage.blobs, usage.trash_entries) == (1, 1, 1, 0)


@in_reactor
async def test_what_was_purged_is_swept_bit_by_bit(trial: Trial) -> None:
    for number in range(10):
        await trial.store(f"a/{number % 3}/{number}", bytes([number]))
    await trial.discard("a")
    assert await trial.catalogue.remove_purged(5) == 0
    await trial.do(Purge(entry=None))
    rounds = 0
    while removed := await trial.catalogue.remove_purged(5):
        assert removed <= 5
        rounds += 1
    assert rounds >= 14 / 5
    assert len(await trial.catalogue.mark_for_deletion(100)) == 10


@in_reactor
async def test_expired_trash_is_purged(trial: Trial) -> None:
    for name in "abc":
        await trial.store(name, name.encode())
        await trial.discard(name)
        trial.watch.pass_seconds(10)
    [c, b, _] = await trial.trash()
    await trial.expire(trash_before=b.deleted_at)
    assert await trial.trash() == [c, b]
    await trial.expire(trash_before=b.deleted_at + 1)
    assert await trial.trash() == [c]
    assert len(await trial.collect()) == 2


@in_reactor
async def test_a_folder_in_the_trash_is_apart_from_its_successor(trial: Trial) -> None:
    await trial.store("a/x", b"1")
    thrown = await trial.discard("a")
    await trial.store("a/y", b"2")
    assert await trial.files() == ["a/y"]
    await trial.do(
        Move(path=parse_path("a"), destination=parse_path("b")),
        Restore(entry=thrown.id, destination=parse_path("b/a")),
    )
    assert [*await trial.tree()] == ["b", "b/a", "b/a/x", "b/y"]


@in_reactor
async def test_ids_of_what_is_gone_for_good_are_never_given_again(trial: Trial) -> None:
    seen: set[int] = set()
    for _ in range(3):
        await trial.store("a/b/file")
        ids = {node.id for node in (await trial.tree()).values()}
        assert len(ids) == 3
        assert not ids & seen
        seen |= ids
        await trial.discard("a")
        await trial.do(Purge(entry=None))
        await trial.collect()
