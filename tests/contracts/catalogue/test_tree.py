"""Contract of catalogues: folders, moves, copies, tags and dates."""

from __future__ import annotations

from attrs import evolve
from msgspec.structs import replace

from cloudsvc.drive.commands import Condition, Copy, DateFile, Discard, EditTags, MakeFolder, Move
from cloudsvc.drive.names import ROOT, parse_path
from cloudsvc.drive.nodes import File, Folder, Node
from tests.support.catalogues import SECOND, Trial
from tests.support.opened_drives import refusal
from tests.support.reactors import in_reactor

DECOMPOSED = "e\N{COMBINING ACUTE ACCENT}"
COMPOSED = "\N{LATIN SMALL LETTER E WITH ACUTE}"


def move(path: str, destination: str, kind: type[File] | type[Folder] | None = None) -> Move:
    return Move(path=parse_path(path), destination=parse_path(destination), kind=kind)


def copy(source: str, destination: str) -> Copy:
    return Copy(source=parse_path(source), destination=parse_path(destination))


def tag(path: str, *add: str, remove: tuple[str, ...] = (), most: int = 3) -> EditTags:
    return EditTags(path=parse_path(path), add=add, remove=remove, most=most)


@in_reactor
async def test_folders_are_made_with_those_above(trial: Trial) -> None:
    made = await trial.make_folder("a/b")
    assert (made.created, str(made.folder.path)) == (True, "a/b")
    assert (made.folder.created_at, made.folder.updated_at) == (trial.watch.now, trial.watch.now)
    again = await trial.make_folder("a/b")
    assert (again.created, again.folder) == (False, made.folder)
    assert [*await trial.tree()] == ["a", "a/b"]
    await trial.store("a/file")
    assert await refusal(trial.make_folder("a/file")) == "is_file"
    assert await refusal(trial.make_folder("a/file/b")) == "is_file"


@in_reactor
async def test_the_root_has_always_been_there(trial: Trial) -> None:
    root = await trial.find("")
    assert isinstance(root, Folder)
    assert root.path == ROOT
    made = await trial.do(MakeFolder(path=ROOT))
    assert (made.created, made.folder) == (False, root)
    for command in (move("", "a"), copy("a", ""), move("a", "")):
        await trial.make_folder("a")
        assert await refusal(trial.do(command)) == "root_immutable"
    assert await refusal(trial.discard("")) == "root_immutable"
    assert await refusal(trial.do(copy("", "b"))) == "destination_inside_source"


@in_reactor
async def test_names_are_compared_by_their_keys_and_kept_as_given(trial: Trial) -> None:
    stored = await trial.store(f"{DECOMPOSED}/{DECOMPOSED}")
    for path in (f"{COMPOSED}/{COMPOSED}", f"{DECOMPOSED}/{COMPOSED}"):
        assert await trial.find(path) == stored.file
    assert str((await trial.find_file(f"{COMPOSED}/{COMPOSED}")).path) == f"{DECOMPOSED}/{DECOMPOSED}"
    assert not (await trial.store(f"{COMPOSED}/{COMPOSED}", b"new")).created
    renamed = await trial.do(move(f"{COMPOSED}/{COMPOSED}", f"{COMPOSED}/{COMPOSED}"))
    assert (renamed.id, str(renamed.path)) == (stored.file.id, f"{DECOMPOSED}/{COMPOSED}")
    assert await refusal(trial.do(copy(f"{COMPOSED}/{COMPOSED}", f"{COMPOSED}/{DECOMPOSED}"))) == "already_exists"
    assert (await trial.store(f"{COMPOSED}/{COMPOSED.upper()}")).created


@in_reactor
async def test_a_folder_moves_with_all_that_is_in_it(trial: Trial) -> None:
    stored = await trial.store("a/b/file")
    later = trial.watch.pass_seconds(1)
    moved = await trial.do(move("a", "x/y"))
    assert (str(moved.path), moved.updated_at) == ("x/y", later)
    assert await trial.find_file("x/y/b/file") == replace(stored.file, path=parse_path("x/y/b/file"))
    assert [*await trial.tree()] == ["x", "x/y", "x/y/b", "x/y/b/file"]
    # Back to a place that it leaves itself.
    await trial.do(move("x/y/b", "x/b"), move("x/y", "x/b/y"))
    assert [*await trial.tree()] == ["x", "x/b", "x/b/file", "x/b/y"]


@in_reactor
async def test_what_cannot_be_moved(trial: Trial) -> None:
    await trial.store("folder/file")
    await trial.store("other")
    before = await trial.tree()
    for command, code in [
        (move("missing", "x"), "not_found"),
        (move("folder", "x", File), "file_not_found"),
        (move("other", "x", Folder), "folder_not_found"),
        (move("folder", "folder/x"), "destination_inside_source"),
        (move("folder", "folder/x/y"), "destination_inside_source"),
        (move("folder", "other"), "already_exists"),
        (move("other", "folder"), "already_exists"),
        (move("other", "folder/file"), "already_exists"),
        (move("folder/file", "folder"), "already_exists"),
        (move("folder", "other/x"), "is_file"),
        (move("other", "other/x"), "is_file"),
        (move("missing/x", "y/z"), "not_found"),
    ]:
        assert await refusal(trial.do(command)) == code
    assert await trial.tree() == before
    assert (await trial.do(move("folder", "folder", Folder))).path == parse_path("folder")
    assert str((await trial.do(move("folder", "folder2", Folder))).path) == "folder2"


@in_reactor
async def test_a_copy_is_a_file_of_its_own(trial: Trial) -> None:
    await trial.store("a", b"old")
    original = (await trial.store("a", b"12345")).file
    await trial.do(tag("a", "x", "y"))
    trial.watch.pass_seconds(1)
    made = await trial.do(copy("a", "new/b"))
    assert (str(made.path), made.tags, made.version.blob) == ("new/b", ("x", "y"), original.version.blob)
    assert made.version.media_type == original.version.media_type
    assert made.created_at == made.updated_at == made.version.created_at == trial.watch.now
    assert made.id != original.id
    assert made.version.validator != original.version.validator
    assert [version.id for version in await trial.versions("new/b")] == [made.version.id]
    await trial.store("a", b"changed")
    await trial.do(tag("new/b", remove=("x",)))
    assert (await trial.find_file("new/b")).version == made.version
    assert (await trial.find_file("a")).tags == ("x", "y")
    assert await trial.catalogue.stored_bytes() == len(b"old12345changed")


@in_reactor
async def test_a_folder_is_copied_with_all_that_is_in_it(trial: Trial) -> None:
    for path in ("a/1", "a/b/2", "a/b/c/3"):
        await trial.store(path, path.encode())
    await trial.make_folder("a/empty")
    await trial.do(tag("a/b/2", "x"))
    await trial.do(copy("a", "z/a"))
    tree = await trial.tree()
    below: dict[str, dict[str, Node]] = {
        top: {path.removeprefix(top): node for path, node in tree.items() if path.startswith(top)}
        for top in ("a", "z/a")
    }
    assert [*below["a"]] == [*below["z/a"]]
    for path, node in below["a"].items():
        twin = below["z/a"][path]
        assert type(twin) is type(node)
        assert twin.id != node.id
        if isinstance(node, File) and isinstance(twin, File):
            assert (twin.tags, twin.version.blob) == (node.tags, node.version.blob)
    for command, code in [
        (copy("a", "a/x"), "destination_inside_source"),
        (copy("a", "a"), "destination_inside_source"),
        (copy("a", "z"), "already_exists"),
        (copy("a/1", "a/1"), "already_exists"),
        (copy("missing", "x"), "not_found"),
        (copy("a", "a/1/x"), "destination_inside_source"),
        (copy("a/b", "a/1/x"), "is_file"),
    ]:
        assert await refusal(trial.do(command)) == code


@in_reactor
async def test_tags_are_a_sorted_set(trial: Trial) -> None:
    await trial.store("a")
    later = trial.watch.pass_seconds(1)
    file = await trial.do(tag("a", "b", "ä", "B", most=5))
    assert (file.tags, file.updated_at) == (("B", "b", "ä"), later)
    trial.watch.pass_seconds(1)
    [*_, last] = await trial.changes()
    assert await trial.do(tag("a", "b", remove=("never there",))) == file
    assert await trial.changes(last.number) == []
    assert (await trial.do(tag("a", "c", remove=("ä", "B")))).tags == ("b", "c")
    await trial.make_folder("folder")
    assert await refusal(trial.do(tag("folder", "x"))) == "file_not_found"
    assert await refusal(trial.do(tag("missing", "x"))) == "file_not_found"


@in_reactor
async def test_there_are_only_so_many_tags(trial: Trial) -> None:
    await trial.store("a")
    await trial.do(tag("a", "1", "2", "3"))
    assert await refusal(trial.do(tag("a", "4"))) == "too_many_tags"
    assert (await trial.do(tag("a", "4", remove=("1",)))).tags == ("2", "3", "4")
    # A file that has more from a time when more were allowed can still lose some.
    assert (await trial.do(tag("a", "5", remove=("2",), most=2))).tags == ("3", "4", "5")
    assert (await trial.do(tag("a", remove=("3",), most=1))).tags == ("4", "5")
    assert await refusal(trial.do(tag("a", "6", most=1))) == "too_many_tags"


@in_reactor
async def test_a_file_gets_the_dates_that_it_had_elsewhere(trial: Trial) -> None:
    await trial.store("a")
    dating = DateFile(path=parse_path("a"), created_at=7 * SECOND, updated_at=9 * SECOND)
    file = await trial.do(dating)
    assert (file.created_at, file.updated_at) == (7 * SECOND, 9 * SECOND)
    assert await trial.find_file("a") == file
    [*_, last] = await trial.changes()
    await trial.do(dating)
    assert await trial.changes(last.number) == []
    assert await refusal(trial.do(evolve(dating, path=parse_path("b")))) == "file_not_found"


@in_reactor
async def test_a_condition_on_a_folder(trial: Trial) -> None:
    await trial.make_folder("a")
    for condition in (Condition(absent=True), Condition(validators=frozenset({"x"}))):
        for command in (move("a", "b"), Discard(path=parse_path("a")), MakeFolder(path=parse_path("a"))):
            assert await refusal(trial.do(evolve(command, condition=condition))) == "precondition_failed"
    for condition in (Condition(present=True), Condition(excluded=frozenset({"x"}))):
        for command in (move("a", "b"), move("b", "a"), MakeFolder(path=parse_path("a"))):
            await trial.do(evolve(command, condition=condition))
    missing = MakeFolder(path=parse_path("c/d"), condition=Condition(present=True))
    assert await refusal(trial.do(missing)) == "precondition_failed"
    assert [*await trial.tree()] == ["a"]
