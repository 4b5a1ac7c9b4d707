"""Reading and changing: one guarded way to every file."""

from __future__ import annotations

from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from cloudsvc.core.actors import OWNER
from cloudsvc.core.errors import CloudError
from cloudsvc.drive.commands import Discard, EditTags, MakeFolder, Move
from cloudsvc.drive.names import ROOT, parse_path
from cloudsvc.drive.nodes import File, Folder, TrashId, VersionId
from cloudsvc.drive.pages import FileQuery
from cloudsvc.drive.tags import check_tags
from tests.support.opened_drives import GENEROUS, OpenDrive, open_drive, refusal
from tests.support.reactors import in_reactor


async def list_paths(opened: OpenDrive) -> list[str]:
    page = await opened.drive.list_files(opened.actor, FileQuery(), 100)
    return sorted(str(file.path) for file in page.items)


@in_reactor
async def test_what_is_not_there_is_refused(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        drive, actor = opened.drive, opened.actor
        await opened.store("folder/a", b"a")
        assert await refusal(drive.find(actor, parse_path("x"))) == "not_found"
        assert await refusal(drive.find_file(actor, parse_path("folder"))) == "file_not_found"
        assert await refusal(drive.open_file(actor, parse_path("folder"))) == "file_not_found"
        assert await refusal(drive.open_file(actor, parse_path("x"), VersionId(1))) == "file_not_found"
        assert await refusal(drive.open_file(actor, parse_path("folder/a"), VersionId(99))) == "version_not_found"
        assert await refusal(drive.restore(actor, TrashId(99))) == "trash_entry_not_found"
        assert await refusal(drive.list_children(actor, parse_path("folder/a"), 10)) == "folder_not_found"


@in_reactor
async def test_folders_are_made_moved_copied_thrown_away_and_restored(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        drive, actor = opened.drive, opened.actor
        made = await drive.make_folder(actor, parse_path("a/b"))
        assert made.created
        assert not (await drive.make_folder(actor, parse_path("a/b"))).created
        await opened.store("a/b/file", b"content")

        moved = await drive.move(actor, parse_path("a"), parse_path("c/d"), Folder)
        assert (str(moved.path), await opened.load("c/d/b/file")) == ("c/d", b"content")

        copied = await drive.copy(actor, parse_path("c/d"), parse_path("e"))
        assert isinstance(copied, Folder)
        assert await list_paths(opened) == ["c/d/b/file", "e/b/file"]
        assert len(await opened.list_blobs()) == 1

        thrown = await drive.discard(actor, parse_path("c"))
        assert (str(thrown.node.path), thrown.actor) == ("c", "owner")
        assert await list_paths(opened) == ["e/b/file"]
        restored = await drive.restore(actor, thrown.id, parse_path("f"))
        assert str(restored.path) == "f"
        assert await list_paths(opened) == ["e/b/file", "f/d/b/file"]
        children = await drive.list_children(actor, ROOT, 10)
        assert [(str(child.path), type(child)) for child in children.items] == [("e", Folder), ("f", Folder)]


@in_reactor
async def test_tags_and_path_change_in_one_step(tmp_path: Path) -> None:
    async with open_drive(tmp_path, evolve(GENEROUS, tags=3)) as opened:
        drive, actor = opened.drive, opened.actor
        await opened.store("a", b"a")
        await opened.store("taken", b"b")
        file = await drive.edit_file(actor, parse_path("a"), add=("sea", "blue"), destination=parse_path("b/a"))
        assert (str(file.path), file.tags) == ("b/a", ("blue", "sea"))
        file = await drive.edit_file(actor, file.path, add=("green",), remove=("sea", "never there"))
        assert file.tags == ("blue", "green")

        clash = drive.edit_file(actor, file.path, add=("red",), destination=parse_path("taken"))
        assert await refusal(clash) == "already_exists"
        assert await refusal(drive.edit_file(actor, file.path, add=("x", "y"))) == "too_many_tags"
        assert (await drive.find_file(actor, file.path)).tags == ("blue", "green")
        file = await drive.edit_file(actor, file.path, add=("red",) * 4)
        assert file.tags == ("blue", "green", "red")


@in_reactor
async def test_the_path_that_a_file_has_is_no_new_one(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        drive, actor = opened.drive, opened.actor
        await opened.store("\u00e9", b"a")
        composed, decomposed = parse_path("\u00e9"), parse_path("e\u0301")
        for path in (composed, decomposed):
            assert await refusal(drive.edit_file(actor, path, destination=composed, add=("x",))) == "already_exists"
        renamed = await drive.edit_file(actor, composed, destination=decomposed)
        assert (str(renamed.path), renamed.tags) == ("e\u0301", ())
        assert await refusal(drive.edit_file(actor, parse_path("b"), destination=parse_path("b"))) == "file_not_found"


@in_reactor
async def test_several_commands_are_done_together_or_not_at_all(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        drive, actor = opened.drive, opened.actor
        await opened.store("a", b"a")
        move = Move(path=parse_path("a"), destination=parse_path("b"))
        assert await refusal(drive.apply(actor, [move, Discard(path=parse_path("a"))])) == "not_found"
        bad_tag = EditTags(path=parse_path("b"), add=("",), most=10)
        assert await refusal(drive.apply(actor, [move, bad_tag])) == "invalid_tag"
        assert await list_paths(opened) == ["a"]
        _, moved = await drive.apply(actor, [MakeFolder(path=parse_path("c")), move])
        assert isinstance(moved, File)
        assert await list_paths(opened) == ["b"]


@in_reactor
async def test_an_earlier_version_becomes_current_again(tmp_path: Path) -> None:
    async with open_drive(tmp_path, evolve(GENEROUS, versions=3)) as opened:
        drive, actor = opened.drive, opened.actor
        versions = [(await opened.store("a", text)).file.version for text in (b"1", b"2", b"3")]
        file = await drive.restore_version(actor, parse_path("a"), versions[0].id)
        assert await opened.load("a") == b"1"
        assert file.version.validator not in {version.validator for version in versions}
        listed = await drive.list_versions(actor, parse_path("a"), 10)
        assert [version.id for version in listed.items] == [file.version.id, versions[2].id, versions[1].id]


@in_reactor
async def test_changes_are_numbered_and_remembered(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        drive, actor = opened.drive, opened.actor
        await opened.store("a", b"a")
        start = (await drive.read_changes(actor, 0, 100)).last
        await drive.move(actor, parse_path("a"), parse_path("b"))
        changes = await drive.read_changes(actor, start, 100)
        [change] = changes.items
        assert (change.kind.value, str(change.path), str(change.source)) == ("moved", "b", "a")
        assert changes.last > start
        assert await refusal(drive.read_changes(actor, changes.last + 1, 100)) == "change_unknown"


@in_reactor
async def test_whoever_waits_is_woken_by_changes_until_they_end_it(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        woken: list[None] = []
        end = opened.drive.on_change(lambda: woken.append(None))
        assert woken == []
        await opened.store("a", b"a")
        before = len(woken)
        assert before > 0
        end()
        await opened.store("b", b"b")
        assert len(woken) == before


@in_reactor
async def test_a_file_that_the_store_has_lost_is_a_failure_of_the_storage(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        stored = await opened.store("a", b"a")
        await opened.storage.blobs.delete([stored.file.version.blob.id])
        assert await refusal(opened.drive.open_file(opened.actor, parse_path("a"))) == "storage_failed"


@in_reactor
async def test_what_the_drive_holds(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        await opened.store("x/a", b"12345")
        await opened.store("x/a", b"123")
        await opened.store("b", b"1")
        await opened.drive.discard(opened.actor, parse_path("b"))
        usage = await opened.storage.catalogue.usage(OWNER)
        assert (usage.stored_bytes, usage.blobs, usage.files, usage.trash_entries) == (9, 3, 1, 1)


@given(st.lists(st.text(max_size=6), max_size=4), st.lists(st.text(max_size=6), max_size=2))
def test_tags_that_may_be_are_printable_and_short(add: list[str], remove: list[str]) -> None:
    limits = evolve(GENEROUS, tags=3, tag_length=5)
    command = EditTags(path=parse_path("a"), add=tuple(add), remove=tuple(remove), most=3)
    try:
        check_tags(command, limits)
    except CloudError as problem:
        assert problem.code in {"too_many_tags", "tag_too_long", "invalid_tag", "contradictory_tags"}
        return
    assert len({*add}) <= 3
    assert all(tag and len(tag) <= 5 and tag == tag.strip() and "\n" not in tag for tag in add)
    assert not {*add} & {*remove}


@pytest.mark.parametrize("tag", ["", " a", "a ", "a\nb", "\0", "x" * 51])
def test_tags_that_may_not_be(tag: str) -> None:
    with pytest.raises(CloudError):
        check_tags(EditTags(path=parse_path("a"), add=(tag,), most=10), GENEROUS)
