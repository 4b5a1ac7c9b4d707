"""Contract of catalogues: files that are stored."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from msgspec.structs import replace

from cloudsvc.core.actors import make_full_actor
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.drive.changes import ChangeKind
from cloudsvc.drive.commands import (
    Command,
    Condition,
    Copy,
    DateFile,
    Discard,
    EditTags,
    MakeFolder,
    Move,
    Restore,
    RestoreVersion,
)
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import File, Folder, VersionId
from tests.support.catalogues import SECOND, TESTER, Trial, make_blob, store
from tests.support.opened_drives import refusal
from tests.support.reactors import in_reactor

A, B = parse_path("a"), parse_path("b")


@in_reactor
async def test_the_file_that_was_stored_is_found(trial: Trial) -> None:
    blob = make_blob(b"12345")
    stored = await trial.store("folder/deep/a", blob, media_type="text/x-poem")
    file = stored.file
    assert (stored.created, stored.deduplicated) == (True, False)
    assert (str(file.path), file.tags, file.created_at, file.updated_at) == (
        "folder/deep/a",
        (),
        trial.watch.now,
        trial.watch.now,
    )
    assert (file.version.blob, file.version.media_type, file.version.created_at) == (
        blob,
        "text/x-poem",
        trial.watch.now,
    )
    assert await trial.find("folder/deep/a") == file
    assert {path: type(node) for path, node in (await trial.tree()).items()} == {
        "folder": Folder,
        "folder/deep": Folder,
        "folder/deep/a": File,
    }


@in_reactor
async def test_when_a_content_was_changed_stays_with_it_wherever_it_goes(trial: Trial) -> None:
    first = (await trial.store("a", b"1", modified_at=-7)).file
    assert first.version.modified_at == -7
    second = (await trial.store("a", b"2")).file
    assert second.version.modified_at == second.version.created_at == trial.watch.now
    assert [version.modified_at for version in await trial.versions("a")] == [trial.watch.now, -7]
    trial.watch.pass_seconds(1)
    again: File = await trial.do(RestoreVersion(path=A, version=first.version.id, versions_kept=9))
    assert (again.version.modified_at, again.version.created_at) == (-7, trial.watch.now)
    moved: File = await trial.do(Move(path=A, destination=parse_path("b")))
    assert moved.version.modified_at == -7
    copied: File = await trial.do(Copy(source=parse_path("b"), destination=parse_path("c")))
    assert (copied.version.modified_at, copied.created_at) == (-7, trial.watch.now)
    entry = await trial.discard("b")
    restored: File = await trial.do(Restore(entry=entry.id))
    assert restored.version.modified_at == -7
    # Nor does it change with a folder that is copied, be it that nobody said it.
    told, untold = await trial.store("d/told", b"1", modified_at=-7), await trial.store("d/untold", b"2")
    trial.watch.pass_seconds(1)
    await trial.do(Copy(source=parse_path("d"), destination=parse_path("e")))
    for stored, path in ((told, "e/told"), (untold, "e/untold")):
        version = (await trial.find_file(path)).version
        assert (version.modified_at, version.created_at) == (stored.file.version.modified_at, trial.watch.now)


@in_reactor
async def test_the_same_content_may_have_been_changed_at_another_time(trial: Trial) -> None:
    first = (await trial.store("a", b"same", modified_at=5)).file
    later = trial.watch.pass_seconds(1)
    [*_, last] = await trial.changes()
    assert (await trial.store("a", b"same")).file == first
    assert (await trial.store("a", b"same", modified_at=5)).file == first
    assert await trial.changes(last.number) == []
    second = (await trial.store("a", b"same", modified_at=-6)).file
    assert second.version == replace(first.version, modified_at=-6)
    assert second.updated_at == later
    assert [change.kind for change in await trial.changes(last.number)] == [ChangeKind.CHANGED]
    assert len(await trial.versions("a")) == 1


@in_reactor
async def test_a_content_is_replaced_and_the_file_stays(trial: Trial) -> None:
    first = await trial.store("a", b"1")
    later = trial.watch.pass_seconds(1)
    second = await trial.store("a", b"2", media_type="text/html")
    assert (second.created, second.deduplicated, second.file.id) == (False, False, first.file.id)
    assert (second.file.created_at, second.file.updated_at) == (first.file.created_at, later)
    assert second.file.version.validator != first.file.version.validator
    assert second.file.version.id > first.file.version.id
    assert await trial.find_file("a") == second.file


@in_reactor
async def test_the_same_content_again_is_no_new_version(trial: Trial) -> None:
    first = await trial.store("a", b"same")
    [*_, change] = await trial.changes()
    trial.watch.pass_seconds(1)
    again = await trial.store("a", b"same")
    assert (again.created, again.deduplicated, again.file) == (False, True, first.file)
    assert await trial.changes(change.number) == []
    other_type = await trial.store("a", b"same", media_type="text/html")
    assert other_type.file.version.validator != first.file.version.validator


@in_reactor
async def test_equal_bytes_are_referred_to_once(trial: Trial) -> None:
    first = await trial.store("a", b"same")
    other = make_blob(b"same")
    second = await trial.store("b", other)
    assert second.deduplicated
    assert second.file.version.blob == first.file.version.blob
    assert await trial.catalogue.stored_bytes() == 4
    assert await trial.catalogue.find_unknown([other.id]) == [other.id]


@in_reactor
async def test_what_is_in_the_way(trial: Trial) -> None:
    await trial.store("folder/file", b"here")
    for path, code in [
        ("", "root_immutable"),
        ("folder", "is_folder"),
        ("folder/file/below", "is_file"),
        ("folder/file/deep/below", "is_file"),
    ]:
        assert await refusal(trial.store(path)) == code
    assert await refusal(trial.store("folder/file", replace=False)) == "already_exists"
    assert (await trial.store("folder/new", replace=False)).created
    assert [*await trial.tree()] == ["folder", "folder/file", "folder/new"]


@in_reactor
async def test_what_is_refused_leaves_nothing(trial: Trial) -> None:
    await trial.store("file", b"here")
    [*_, last] = await trial.changes()
    blob = make_blob(b"refused")
    assert await refusal(trial.store("new/folders/file", blob, condition=Condition(present=True)))
    assert [*await trial.tree()] == ["file"]
    assert await trial.changes(last.number) == []
    assert await trial.catalogue.find_unknown([blob.id]) == [blob.id]
    assert await trial.catalogue.stored_bytes() == 4


@pytest.mark.parametrize(
    ("fields", "with_file", "without_file"),
    [
        ({}, True, True),
        ({"absent": True}, False, True),
        ({"present": True}, True, False),
        ({"validators": "its"}, True, False),
        ({"validators": "another"}, False, False),
        ({"validators": "none"}, False, False),
        ({"excluded": "its"}, False, True),
        ({"excluded": "another"}, True, True),
        ({"present": True, "excluded": "its"}, False, False),
    ],
)
@in_reactor
async def test_conditions(trial: Trial, fields: dict[str, Any], with_file: bool, without_file: bool) -> None:  # noqa: FBT001  # from a table
    validator = (await trial.store("a", b"1")).file.version.validator
    sets = {"its": frozenset({validator, "x"}), "another": frozenset({"x"}), "none": frozenset()}
    condition = Condition(**{name: sets.get(str(value), value) for name, value in fields.items()})
    for path, holds in [("a", with_file), ("b", without_file)]:
        if holds:
            await trial.store(path, b"2", condition=condition)
        else:
            assert await refusal(trial.store(path, b"2", condition=condition)) == "precondition_failed"
    assert ("b" in await trial.tree()) == without_file


@pytest.mark.parametrize(
    "make_command",
    [
        lambda stale, condition: EditTags(path=A, add=("x",), most=3, condition=condition),
        lambda stale, condition: Move(path=A, destination=parse_path("b"), condition=condition),
        lambda stale, condition: Discard(path=A, condition=condition),
        lambda stale, condition: RestoreVersion(path=A, version=stale, versions_kept=9, condition=condition),
    ],
    ids=["EditTags", "Move", "Discard", "RestoreVersion"],
)
@in_reactor
async def test_every_command_on_a_file_heeds_its_condition(
    trial: Trial, make_command: Callable[[VersionId, Condition], Command]
) -> None:
    stale = (await trial.store("a", b"1")).file.version
    fresh = (await trial.store("a", b"2")).file.version
    before = await trial.tree()
    old, new = (
        make_command(stale.id, Condition(validators=frozenset({version.validator}))) for version in (stale, fresh)
    )
    assert await refusal(trial.do(old)) == "precondition_failed"
    assert await trial.tree() == before
    await trial.do(new)
    assert await trial.tree() != before


@in_reactor
async def test_a_date_is_compared_by_its_second(trial: Trial) -> None:
    trial.watch.now += SECOND // 2
    version = (await trial.store("a", b"1")).file.version
    second = trial.watch.now // SECOND
    trial.watch.pass_seconds(10)
    for moment, refused in [(second - 1, True), (second, False), (second + 1, False)]:
        condition = Condition(unmodified_since=moment)
        for command in (
            store("a", b"1", condition=condition),
            EditTags(path=A, most=3, condition=condition),
            RestoreVersion(path=A, version=version.id, versions_kept=9, condition=condition),
        ):
            if refused:
                assert await refusal(trial.do(command)) == "precondition_failed"
            else:
                await trial.do(command)
        for leaving in (Move(path=A, destination=B, condition=condition), Discard(path=A, condition=condition)):
            # What the second command refuses is undone with the first.
            code = "precondition_failed" if refused else "not_found"
            assert await refusal(trial.do(leaving, Discard(path=parse_path("x")))) == code


@in_reactor
async def test_a_date_that_was_brought_along_is_no_older_than_its_arrival(trial: Trial) -> None:
    await trial.store("a", b"1")
    stored = trial.watch.now // SECOND
    await trial.do(DateFile(path=A, created_at=0, updated_at=5 * SECOND))
    assert (await trial.find_file("a")).updated_at == 5 * SECOND
    for moment, refused in [(4, True), (5, False), (6, True), (stored - 1, True), (stored, False)]:
        condition = Condition(unmodified_since=moment)
        if refused:
            assert await refusal(trial.store("a", b"1", condition=condition)) == "precondition_failed"
        else:
            await trial.store("a", b"1", condition=condition)


@in_reactor
async def test_a_date_is_not_asked_of_what_is_no_file(trial: Trial) -> None:
    condition = Condition(unmodified_since=0)
    await trial.store("new", condition=condition)
    await trial.do(MakeFolder(path=A, condition=condition))
    await trial.do(Discard(path=A, condition=condition))
    assert [*await trial.tree()] == ["new"]


@in_reactor
async def test_commands_are_done_together_or_not_at_all(trial: Trial) -> None:
    await trial.store("a", b"1")
    before = await trial.tree()
    [*_, last] = await trial.changes()
    move, missing = Move(path=A, destination=parse_path("b/c")), Discard(path=parse_path("x"))
    with pytest.raises(CloudError) as caught:
        await trial.do(move, EditTags(path=parse_path("b/c"), add=("x",), most=1), missing, move)
    assert caught.value.code == "not_found"
    assert caught.value.kind is Kind.NOT_FOUND
    assert caught.value.message.startswith("Operation 3: ")
    assert await trial.tree() == before
    assert await trial.changes(last.number) == []
    with pytest.raises(CloudError) as alone:
        await trial.do(missing)
    assert "Operation" not in alone.value.message
    assert await trial.catalogue.apply(TESTER, []) == []

    moved, thrown = await trial.catalogue.apply(make_full_actor("somebody"), [move, Discard(path=parse_path("b/c"))])
    assert (str(moved.path), thrown.node.path, thrown.actor) == ("b/c", moved.path, "somebody")
    changes = await trial.changes(last.number)
    assert [(change.kind, str(change.path), change.actor) for change in changes] == [
        (ChangeKind.CREATED, "b", "somebody"),
        (ChangeKind.MOVED, "b/c", "somebody"),
        (ChangeKind.DISCARDED, "b/c", "somebody"),
    ]
