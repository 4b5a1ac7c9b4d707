"""Contract of catalogues: permissions of every command, for every role, inside and outside of what is granted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final, get_args

import pytest
from attrs import evolve, frozen

from cloudsvc.core.actors import ROOT_FOLDER, Actor, Role
from cloudsvc.core.errors import CloudError
from cloudsvc.drive.catalogue import Catalogue
from cloudsvc.drive.commands import (
    Command,
    Condition,
    Copy,
    DateFile,
    Discard,
    EditTags,
    MakeFolder,
    Move,
    Purge,
    Restore,
    RestoreVersion,
    SetQuota,
)
from cloudsvc.drive.names import DrivePath, parse_path
from cloudsvc.drive.nodes import File, Folder, TrashId, VersionId
from cloudsvc.drive.pages import Order
from cloudsvc.drive.permissions import RIGHTS, Right
from tests.support.actors import make_guest
from tests.support.catalogues import TESTER, OpenCatalogue, Trial, Watch, store
from tests.support.reactors import in_reactor

INSIDE: Final = "way/granted"
OUTSIDE: Final = "way/other"
NOWHERE: Final = TrashId(10**6)


@frozen
class Ground:
    """
    What there is in a catalogue, by where it is.

    :ivar entries: what was thrown away from there.
    :ivar versions: the first version of ``file`` there.
    """

    trial: Trial
    entries: Mapping[str, TrashId]
    versions: Mapping[str, VersionId]
    granted: int

    async def attempt(self, actor: Actor, *commands: Command) -> str:
        """What comes of commands: ``done``, or what their refusal says."""
        try:
            await self.trial.catalogue.apply(actor, commands)
        except CloudError as refused:
            return f"{refused.kind.name} {refused.code}: {refused.message}"
        return "done"


def at(place: str, name: str) -> DrivePath:
    return parse_path(f"{place}/{name}")


async def prepare(catalogue: Catalogue, *places: str) -> Ground:
    """Files, folders and things thrown away in each of ``places``."""
    entries, versions = {}, {}
    [made] = await catalogue.apply(TESTER, [MakeFolder(path=parse_path(INSIDE))])
    for place in places:
        _, _, first, _, entry = await catalogue.apply(
            TESTER,
            [
                store(f"{place}/gone", b"gone"),
                store(f"{place}/folder/below", b"below"),
                store(f"{place}/file", b"first"),
                store(f"{place}/file", b"second"),
                Discard(path=at(place, "gone")),
            ],
        )
        versions[place], entries[place] = first.file.version.id, entry.id
    return Ground(Trial(catalogue, Watch()), entries, versions, made.folder.id)


@frozen
class Case:
    """
    A command, as it would be given at a place.

    :ivar makes: whether it makes something there, which is refused to everybody alike who may not.
    :ivar needs: without these rights there it is refused.
    """

    give: Callable[[Ground, str], Command]
    needs: frozenset[Right]
    makes: bool = False


CASES: Final = {
    "store": Case(lambda _, place: store(f"{place}/new"), frozenset({Right.CREATE}), makes=True),
    "store deep": Case(lambda _, place: store(f"{place}/a/b/new"), frozenset({Right.CREATE}), makes=True),
    "replace": Case(lambda _, place: store(f"{place}/file"), frozenset({Right.CREATE, Right.CHANGE}), makes=True),
    "make folder": Case(
        lambda _, place: MakeFolder(path=at(place, "new")), frozenset({Right.CREATE, Right.SEE}), makes=True
    ),
    "make folder again": Case(
        lambda _, place: MakeFolder(path=at(place, "folder")), frozenset({Right.CREATE, Right.SEE}), makes=True
    ),
    "tag": Case(lambda _, place: EditTags(path=at(place, "file"), add=("red",), most=5), frozenset({Right.CHANGE})),
    "date": Case(
        lambda _, place: DateFile(path=at(place, "file"), created_at=1, updated_at=2), frozenset({Right.CHANGE})
    ),
    "restore version": Case(
        lambda ground, place: RestoreVersion(
            path=at(place, "file"), version=ground.versions.get(place, VersionId(10**6)), versions_kept=9
        ),
        frozenset({Right.CHANGE}),
    ),
    "move": Case(
        lambda _, place: Move(path=at(place, "file"), destination=at(place, "moved")),
        frozenset({Right.DISCARD, Right.CREATE}),
    ),
    "move folder": Case(
        lambda _, place: Move(path=at(place, "folder"), destination=at(place, "moved"), kind=Folder),
        frozenset({Right.DISCARD, Right.CREATE}),
    ),
    "copy": Case(
        lambda _, place: Copy(source=at(place, "folder"), destination=at(place, "copy")),
        frozenset({Right.SEE, Right.CREATE}),
    ),
    "discard": Case(lambda _, place: Discard(path=at(place, "file"), kind=File), frozenset({Right.DISCARD})),
    "discard folder": Case(lambda _, place: Discard(path=at(place, "folder")), frozenset({Right.DISCARD})),
    "restore": Case(
        lambda ground, place: Restore(entry=ground.entries.get(place, NOWHERE)),
        frozenset({Right.DISCARD, Right.CREATE}),
    ),
    "restore elsewhere": Case(
        lambda ground, place: Restore(entry=ground.entries.get(place, NOWHERE), destination=at(INSIDE, "back")),
        frozenset({Right.DISCARD, Right.CREATE}),
    ),
    # It is the right of the folder around; of a granted folder itself the one above would be needed.
    "set quota": Case(lambda _, place: SetQuota(path=at(place, "folder"), quota=9), frozenset({Right.SHARE})),
    "purge": Case(lambda ground, place: Purge(entry=ground.entries.get(place, NOWHERE)), frozenset({Right.PURGE})),
}


@in_reactor
async def test_every_command_is_among_the_cases(trial: Trial) -> None:
    ground = await prepare(trial.catalogue, INSIDE)
    assert {type(case.give(ground, INSIDE)) for case in CASES.values()} == {*get_args(Command)}


@pytest.mark.parametrize("name", CASES)
@in_reactor
async def test_who_has_the_rights_of_a_command_may_give_it(open_any: OpenCatalogue, tmp_path: Path, name: str) -> None:
    case = CASES[name]
    for role in Role:
        (directory := tmp_path / role.value).mkdir()
        async with open_any(directory, Watch()) as catalogue:
            ground = await prepare(catalogue, INSIDE)
            before = await ground.trial.tree()
            said = await ground.attempt(make_guest((role, ground.granted)), case.give(ground, INSIDE))
            rights = RIGHTS[role]
            if case.needs <= rights or (name == "replace" and role is Role.UPLOADER):
                assert said == "done", (name, role)
                continue
            # Who sees what is there is told that it is forbidden; to others, it is not there.
            told = "FORBIDDEN" if Right.SEE in rights or case.makes else "NOT_FOUND"
            assert said.startswith(told), (name, role, said)
            assert await ground.trial.tree() == before


@pytest.mark.parametrize("name", CASES)
@in_reactor
async def test_what_is_outside_of_the_grants_is_not_there(open_any: OpenCatalogue, tmp_path: Path, name: str) -> None:
    case, said = CASES[name], []
    for places in ((INSIDE, OUTSIDE), (INSIDE,)):
        (directory := tmp_path / str(len(places))).mkdir()
        async with open_any(directory, Watch()) as catalogue:
            ground = await prepare(catalogue, *places)
            before, trash = await ground.trial.tree(), await ground.trial.trash()
            actors = [make_guest(), *(make_guest((role, ground.granted)) for role in Role)]
            said.append([await ground.attempt(actor, case.give(ground, OUTSIDE)) for actor in actors])
            assert (await ground.trial.tree(), await ground.trial.trash()) == (before, trash)
    assert said[0] == said[1]
    assert {text.partition(" ")[0] for text in said[0]} == {"FORBIDDEN" if case.makes else "NOT_FOUND"}


@in_reactor
async def test_both_ends_of_a_move_and_of_a_copy_have_to_be_granted(trial: Trial) -> None:
    ground = await prepare(trial.catalogue, INSIDE, OUTSIDE)
    guest = make_guest((Role.MANAGER, ground.granted))
    for destination in (f"{OUTSIDE}/new", f"{OUTSIDE}/file", f"{OUTSIDE}/file/below", "nowhere/new", "new", "way"):
        for command in (
            Move(path=at(INSIDE, "file"), destination=parse_path(destination)),
            Copy(source=at(INSIDE, "file"), destination=parse_path(destination)),
            Restore(entry=ground.entries[INSIDE], destination=parse_path(destination)),
        ):
            said = await ground.attempt(guest, command)
            assert said.startswith("FORBIDDEN forbidden")
            assert destination in said
    both = make_guest((Role.EDITOR, ground.granted), (Role.EDITOR, (await trial.tree())[OUTSIDE].id))
    assert await ground.attempt(both, Move(path=at(INSIDE, "file"), destination=at(OUTSIDE, "new"))) == "done"


@in_reactor
async def test_a_granted_folder_itself_stays_where_it_is(trial: Trial) -> None:
    ground = await prepare(trial.catalogue, INSIDE)
    guest = make_guest((Role.MANAGER, ground.granted))
    before = await trial.tree()
    for path in (INSIDE, "way"):
        commands: list[Command] = [
            Discard(path=parse_path(path)),
            Move(path=parse_path(path), destination=at(INSIDE, "below")),
            Move(path=parse_path(path), destination=parse_path("elsewhere")),
        ]
        for command in commands:
            assert (await ground.attempt(guest, command)).startswith("FORBIDDEN")
    for path in ("", "way"):
        copy = Copy(source=parse_path(path), destination=at(INSIDE, "copy"))
        assert (await ground.attempt(guest, copy)).startswith("FORBIDDEN")
        assert (await ground.attempt(guest, MakeFolder(path=parse_path(path)))).startswith("FORBIDDEN")
    assert await ground.attempt(guest, MakeFolder(path=parse_path(INSIDE))) == "done"
    assert await trial.tree() == before


@in_reactor
async def test_nobody_takes_the_root_away(trial: Trial) -> None:
    for role in (Role.EDITOR, Role.MANAGER):
        ground, root = Ground(trial, {}, {}, 0), parse_path("")
        guest = make_guest((role, ROOT_FOLDER))
        for command in (Discard(path=root), Move(path=root, destination=parse_path("a"))):
            assert (await ground.attempt(guest, command)).startswith("INVALID root_immutable")


@in_reactor
async def test_a_grant_follows_its_folder_and_not_its_path(trial: Trial) -> None:
    ground = await prepare(trial.catalogue, INSIDE)
    guest = make_guest((Role.EDITOR, ground.granted))
    await trial.do(Move(path=parse_path("way"), destination=parse_path("other way")))
    await trial.do(Move(path=parse_path("other way/granted"), destination=parse_path("elsewhere")))
    await trial.store(f"{INSIDE}/file")
    assert await ground.attempt(guest, store("elsewhere/new")) == "done"
    assert (await ground.attempt(guest, store(f"{INSIDE}/new"))).startswith("FORBIDDEN")
    tag = EditTags(path=at(INSIDE, "file"), add=("red",), most=5)
    assert (await ground.attempt(guest, tag)).startswith("NOT_FOUND file_not_found")
    assert await ground.attempt(guest, evolve(tag, path=at("elsewhere", "file"))) == "done"


@pytest.mark.parametrize("thrown", [INSIDE, "way"])
@in_reactor
async def test_a_grant_sleeps_in_the_trash_and_wakes_when_it_is_restored(trial: Trial, thrown: str) -> None:
    ground = await prepare(trial.catalogue, INSIDE)
    guest = make_guest((Role.MANAGER, ground.granted))
    entry = await trial.discard(thrown)
    await trial.store(f"{INSIDE}/file")
    for path in (f"{INSIDE}/new", f"{INSIDE}/file"):
        assert (await ground.attempt(guest, store(path))).startswith("FORBIDDEN")
    for number in (ground.entries[INSIDE], entry.id):
        for command in (Restore(entry=number), Restore(entry=number, destination=parse_path("a")), Purge(entry=number)):
            assert (await ground.attempt(guest, command)).startswith("NOT_FOUND trash_entry_not_found")
    assert await trial.catalogue.apply(guest, [Purge(entry=None)]) == [0]
    await trial.do(Restore(entry=entry.id, destination=parse_path("back")))
    place = "back" if thrown == INSIDE else "back/granted"
    assert await ground.attempt(guest, store(f"{place}/new"), Restore(entry=ground.entries[INSIDE])) == "done"
    # It is where its folder is by now.
    assert f"{place}/gone" in await trial.tree()


@in_reactor
async def test_a_grant_ends_when_its_folder_is_purged(trial: Trial) -> None:
    ground = await prepare(trial.catalogue, INSIDE)
    guest = make_guest((Role.MANAGER, ground.granted))
    await trial.discard("way")
    await trial.do(Purge(entry=None))
    for _ in range(3):
        await trial.store(f"{INSIDE}/file")
        assert (await ground.attempt(guest, store(f"{INSIDE}/new"))).startswith("FORBIDDEN")
        await trial.collect()


@in_reactor
async def test_everything_is_purged_that_the_actor_may_purge(trial: Trial) -> None:
    ground = await prepare(trial.catalogue, INSIDE, OUTSIDE)
    manager = make_guest((Role.MANAGER, ground.granted))
    editor = make_guest((Role.EDITOR, ROOT_FOLDER))
    assert await trial.catalogue.apply(editor, [Purge(entry=None)]) == [0]
    assert await trial.catalogue.apply(make_guest(), [Purge(entry=None)]) == [0]
    for number in range(3):
        await trial.store(f"{INSIDE}/{number}")
        await trial.discard(f"{INSIDE}/{number}")
    assert await trial.catalogue.apply(manager, [MakeFolder(path=at(INSIDE, "b")), Purge(entry=None)]) is not None
    assert [entry.id for entry in await trial.trash()] == [ground.entries[OUTSIDE]]
    await trial.discard(f"{INSIDE}/file")
    assert await trial.catalogue.apply(manager, [Purge(entry=None)]) == [1]
    assert [entry.id for entry in await trial.trash()] == [ground.entries[OUTSIDE]]


@in_reactor
async def test_grants_add_up(trial: Trial) -> None:
    ground = await prepare(trial.catalogue, INSIDE)
    below = (await trial.tree())[f"{INSIDE}/folder"].id
    guest = make_guest((Role.VIEWER, ground.granted), (Role.EDITOR, below))
    assert await ground.attempt(guest, store(f"{INSIDE}/folder/below", b"other")) == "done"
    assert (await ground.attempt(guest, store(f"{INSIDE}/file", b"other"))).startswith("FORBIDDEN")
    # A file that is seen is not replaced by who may only make new ones.
    two = make_guest((Role.VIEWER, ground.granted), (Role.UPLOADER, ground.granted))
    assert (await ground.attempt(two, store(f"{INSIDE}/file", b"other"))).startswith("FORBIDDEN")
    assert (await ground.attempt(two, store(f"{INSIDE}/file", replace=False))).startswith("CONFLICT already_exists")
    assert await ground.attempt(two, store(f"{INSIDE}/new")) == "done"


@pytest.mark.parametrize("above", [None, Role.VIEWER, Role.UPLOADER, Role.EDITOR])
@in_reactor
async def test_a_further_grant_takes_no_right_to_restore(trial: Trial, above: Role | None) -> None:
    """The granted folder was in another one that may be granted as well, and is elsewhere by now."""
    ground = await prepare(trial.catalogue, INSIDE)
    way = (await trial.tree())["way"].id
    guest = make_guest((Role.EDITOR, ground.granted), *([] if above is None else [(above, way)]))
    await trial.do(Move(path=parse_path(INSIDE), destination=parse_path("else/where")))
    assert await ground.attempt(guest, Restore(entry=ground.entries[INSIDE])) == "done"
    assert (f"{INSIDE}/gone" if above is Role.EDITOR else "else/where/gone") in await trial.tree()


@in_reactor
async def test_commands_are_all_done_or_none_by_what_is_granted(trial: Trial) -> None:
    ground = await prepare(trial.catalogue, INSIDE)
    before = await trial.tree()
    guest = make_guest((Role.EDITOR, ground.granted))
    said = await ground.attempt(guest, store(f"{INSIDE}/new"), store("elsewhere"))
    assert said.startswith("FORBIDDEN forbidden: Operation 2: ")
    assert await trial.tree() == before
    moved = Move(path=at(INSIDE, "new"), destination=at(INSIDE, "a/newer"))
    assert await ground.attempt(guest, store(f"{INSIDE}/new"), moved, Discard(path=at(INSIDE, "a"))) == "done"


@in_reactor
async def test_what_is_uploaded_blindly_lands_beside_what_is_there(trial: Trial) -> None:
    ground = await prepare(trial.catalogue, INSIDE)
    guest = make_guest((Role.UPLOADER, ground.granted))
    await trial.store(f"{INSIDE}/a.txt", b"old")
    before = await trial.find_file(f"{INSIDE}/a.txt")
    for number in range(12):
        command = store(f"{INSIDE}/a.txt", b"%d" % number, condition=Condition(absent=True), replace=number % 2 == 0)
        [stored] = await trial.catalogue.apply(guest, [command])
        assert (stored.created, str(stored.file.path)) == (True, f"{INSIDE}/a.txt")
    names = {path.removeprefix(f"{INSIDE}/") for path in await trial.tree() if path.startswith(f"{INSIDE}/a")}
    assert {f"a ({number}).txt" for number in range(2, 10)} < names
    assert len(names) == 13
    assert await trial.find_file(f"{INSIDE}/a.txt") == before
    assert (await ground.attempt(guest, store(f"{INSIDE}/a.txt", condition=Condition(present=True)))).startswith(
        "PRECONDITION_FAILED"
    )


@in_reactor
async def test_a_blind_upload_learns_nothing_of_folders_and_files_on_its_way(trial: Trial) -> None:
    ground = await prepare(trial.catalogue, INSIDE)
    guest = make_guest((Role.UPLOADER, ground.granted))
    decomposed = "e\N{COMBINING ACUTE ACCENT}"
    await trial.store(f"{INSIDE}/\N{LATIN SMALL LETTER E WITH ACUTE}/x")
    for path in (f"{INSIDE}/folder", f"{INSIDE}/file/a/b", f"{INSIDE}/file/a/b", f"{INSIDE}/{decomposed}/new"):
        [stored] = await trial.catalogue.apply(guest, [store(path)])
        assert (stored.created, str(stored.file.path)) == (True, path)
    assert [path.removeprefix(f"{INSIDE}/") for path in await trial.files(order=Order.PATH, descending=False)] == [
        "file",
        "file (2)/a/b",
        "file (2)/a/b (2)",
        "folder/below",
        "folder (2)",
        "\N{LATIN SMALL LETTER E WITH ACUTE}/new",
        "\N{LATIN SMALL LETTER E WITH ACUTE}/x",
    ]


@in_reactor
async def test_a_blind_upload_learns_nothing_of_quotas_on_its_way(trial: Trial) -> None:
    ground = await prepare(trial.catalogue, INSIDE)
    guest = make_guest((Role.UPLOADER, ground.granted))
    full = await trial.do(SetQuota(path=at(INSIDE, "folder"), quota=0))
    for path in ("folder/x", "folder/deep/x", "folder/x"):
        [stored] = await trial.catalogue.apply(guest, [store(f"{INSIDE}/{path}")])
        assert (stored.created, str(stored.file.path)) == (True, f"{INSIDE}/{path}")
        place = await trial.catalogue.check_place(guest, at(INSIDE, path), replace=True)
        assert (place.file, place.account) == (None, None)
    names = {path.removeprefix(f"{INSIDE}/") for path in await trial.tree()}
    assert {"folder (2)/x", "folder (2)/deep/x", "folder (2)/x (2)"} < names
    assert not {"folder/x", "folder/deep", "folder (3)"} & names
    # Who knows of the folder is told.
    for roles in ([], [(Role.UPLOADER, ground.granted)], [(Role.UPLOADER, ground.granted), (Role.VIEWER, full.id)]):
        known = make_guest((Role.UPLOADER, full.id), *roles)
        assert (await ground.attempt(known, store(f"{INSIDE}/folder/x"))).startswith("NO_SPACE quota_exceeded")


@in_reactor
async def test_spelling_of_a_seen_folder_does_not_tell_what_is_hidden_in_it(trial: Trial) -> None:
    """Somebody sees the folder as one on the way, and uploads blindly to one in it."""
    composed, decomposed = "\N{LATIN SMALL LETTER E WITH ACUTE}", "e\N{COMBINING ACUTE ACCENT}"
    for path in (f"{composed}/seen", f"{composed}/blind/{composed}"):
        await trial.make_folder(path)
    tree = await trial.tree()
    guest = make_guest((Role.VIEWER, tree[f"{composed}/seen"].id), (Role.UPLOADER, tree[f"{composed}/blind"].id))
    await trial.store(f"{composed}/blind/taken")
    for name in ("taken", "free", f"{decomposed}/new"):
        [stored] = await trial.catalogue.apply(guest, [store(f"{decomposed}/blind/{name}")])
        assert str(stored.file.path) == f"{composed}/blind/{name}"


@in_reactor
async def test_what_is_moved_and_copied_blindly_lands_beside_too(trial: Trial) -> None:
    ground = await prepare(trial.catalogue, INSIDE, OUTSIDE)
    guest = make_guest((Role.UPLOADER, ground.granted), (Role.EDITOR, (await trial.tree())[OUTSIDE].id))
    file, folder = at(INSIDE, "file"), at(INSIDE, "folder")
    copied, made, moved, restored = await trial.catalogue.apply(
        guest,
        [
            Copy(source=at(OUTSIDE, "file"), destination=file),
            Copy(source=at(OUTSIDE, "folder"), destination=folder),
            Move(path=at(OUTSIDE, "file"), destination=file),
            Restore(entry=ground.entries[OUTSIDE], destination=folder),
        ],
    )
    assert [node.path for node in (copied, made, moved, restored)] == [file, folder, file, folder]
    assert {"file (2)", "file (3)", "folder (2)/below", "folder (3)"} < {
        path.removeprefix(f"{INSIDE}/") for path in await trial.tree()
    }


@in_reactor
@pytest.mark.parametrize("path", [INSIDE, f"{INSIDE}/file"])
async def test_nothing_lands_beside_the_granted_folder_itself(trial: Trial, path: str) -> None:
    ground = await prepare(trial.catalogue, INSIDE)
    rows = await trial.tree()
    guest = make_guest((Role.UPLOADER, rows[path].id))
    before = await trial.tree()
    for command in (store(path), store(f"{path}/x") if path != INSIDE else store(path, replace=False)):
        assert (await ground.attempt(guest, command)).startswith("FORBIDDEN forbidden")
    assert await trial.tree() == before


@in_reactor
async def test_nothing_that_is_stored_blindly_comes_to_what_the_actor_sees(trial: Trial) -> None:
    ground = await prepare(trial.catalogue, INSIDE)
    await trial.store(f"{INSIDE}/h")
    await trial.store(f"{INSIDE}/h (2)/s/f")
    rows = await trial.tree()
    guest = make_guest((Role.UPLOADER, ground.granted), (Role.EDITOR, rows[f"{INSIDE}/h (2)"].id))
    seen = {path for path in rows if path.startswith(f"{INSIDE}/h (2)")}
    await trial.catalogue.apply(guest, [store(f"{INSIDE}/h/new")])
    await trial.catalogue.apply(guest, [Move(path=at(f"{INSIDE}/h (2)", "s"), destination=at(f"{INSIDE}/h/s", "x"))])
    now = {path for path in await trial.tree() if path.startswith(f"{INSIDE}/h")}
    assert now == {
        f"{INSIDE}/h",
        f"{INSIDE}/h (2)",
        f"{INSIDE}/h (3)",
        f"{INSIDE}/h (3)/new",
        f"{INSIDE}/h (3)/s",
        f"{INSIDE}/h (3)/s/x",
        f"{INSIDE}/h (3)/s/x/f",
    }
    assert f"{INSIDE}/h (2)/s" in seen


@in_reactor
async def test_the_place_of_an_upload_is_looked_at_before_it_begins(trial: Trial) -> None:
    ground = await prepare(trial.catalogue, INSIDE, OUTSIDE)
    actors = {role: make_guest((role, ground.granted)) for role in Role}

    async def look(role: Role, path: str, *, replace: bool = True) -> object:
        try:
            return (await trial.catalogue.check_place(actors[role], parse_path(path), replace=replace)).file
        except CloudError as refused:
            return refused.code

    file = await trial.find_file(f"{INSIDE}/file")
    assert await look(Role.EDITOR, f"{INSIDE}/file") == file
    assert await look(Role.EDITOR, f"{INSIDE}/folder") == "is_folder"
    assert await look(Role.EDITOR, f"{INSIDE}/file/new") == "is_file"
    for path in ("file", "folder", "file/new", "new"):
        assert await look(Role.UPLOADER, f"{INSIDE}/{path}") is None
        assert await look(Role.VIEWER, f"{INSIDE}/{path}") == "forbidden"
        for role in Role:
            assert await look(role, f"{OUTSIDE}/{path}") == "forbidden"
    assert await look(Role.EDITOR, "") == "root_immutable"
    assert (await trial.catalogue.check_place(TESTER, parse_path(f"{OUTSIDE}/new"), replace=True)).file is None
