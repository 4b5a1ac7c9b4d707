"""What every catalogue does when a file is stored."""

from __future__ import annotations

from typing import Any

import pytest

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.drive.changes import ChangeKind
from cloudsvc.drive.commands import Condition, Discard, EditTags, Move, RestoreVersion
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import File, Folder
from tests.support.catalogues import Trial, make_blob
from tests.support.drives import refusal
from tests.support.reactors import in_reactor

A = parse_path("a")


@in_reactor
async def test_the_file_that_was_stored_is_found(trial: Trial) -> None:
    blob = make_blob(b"12345")
    stored = await trial.store("folder/deep/a", blob, media_type="text/x-poem")
    file = stored.file
    assert (stored.created, stored.joined) == (True, False)
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
async def test_a_content_is_replaced_and_the_file_stays(trial: Trial) -> None:
    first = await trial.store("a", b"1")
    later = trial.watch.pass_seconds(1)
    second = await trial.store("a", b"2", media_type="text/html")
    assert (second.created, second.joined, second.file.id) == (False, False, first.file.id)
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
    assert (again.created, again.joined, again.file) == (False, True, first.file)
    assert await trial.changes(change.number) == []
    other_type = await trial.store("a", b"same", media_type="text/html")
    assert other_type.file.version.validator != first.file.version.validator


@in_reactor
async def test_equal_bytes_are_referred_to_once(trial: Trial) -> None:
    first = await trial.store("a", b"same")
    other = make_blob(b"same")
    second = await trial.store("b", other)
    assert second.joined
    assert second.file.version.blob == first.file.version.blob
    assert await trial.catalogue.stored_bytes() == 4
    assert await trial.catalogue.find_unknown([other.id]) == [other.id]


@in_reactor
async def test_what_is_in_the_way(trial: Trial) -> None:
    await trial.store("folder/file", b"here")
    for path, code in [
        ("", "root_is_fixed"),
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


@in_reactor
async def test_every_command_on_a_file_heeds_its_condition(trial: Trial) -> None:
    stale = (await trial.store("a", b"1")).file.version
    fresh = (await trial.store("a", b"2")).file.version
    for version, refused in [(stale, True), (fresh, False)]:
        condition = Condition(validators=frozenset({version.validator}))
        for command in (
            EditTags(path=A, add=("x",), most=3, condition=condition),
            Move(path=A, destination=parse_path("b"), condition=condition),
            Discard(path=A, condition=condition),
            RestoreVersion(path=A, version=stale.id, versions_kept=9, condition=condition),
        ):
            if refused:
                assert await refusal(trial.do(command)) == "precondition_failed"
            else:
                await trial.do(command)
                break
    assert (await trial.find_file("a")).tags == ("x",)


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
    assert await trial.catalogue.apply([], "tester") == []

    moved, thrown = await trial.catalogue.apply([move, Discard(path=parse_path("b/c"))], "somebody")
    assert (str(moved.path), thrown.node.path, thrown.actor) == ("b/c", moved.path, "somebody")
    changes = await trial.changes(last.number)
    assert [(change.kind, str(change.path), change.actor) for change in changes] == [
        (ChangeKind.CREATED, "b", "somebody"),
        (ChangeKind.MOVED, "b/c", "somebody"),
        (ChangeKind.DISCARDED, "b/c", "somebody"),
    ]
