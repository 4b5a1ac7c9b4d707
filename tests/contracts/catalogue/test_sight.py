"""Contract of catalogues: an actor sees the granted folders, the way to them, and nothing else."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from attrs import evolve

from cloudsvc.core.actors import Role
from cloudsvc.drive.commands import Copy, EditTags, MakeFolder, Move, Restore
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import Folder
from cloudsvc.drive.pages import FileQuery, Order
from tests.support.catalogues import TESTER, Trial, store
from tests.support.opened_drives import refusal
from tests.support.reactors import in_reactor

SEEING = [Role.VIEWER, Role.EDITOR, Role.MANAGER]


async def grant(trial: Trial, *paths: str, role: Role = Role.VIEWER) -> Trial:
    """The same as somebody who has a role on folders."""
    nodes = [await trial.find(path) for path in paths]
    assert all(isinstance(node, Folder) for node in nodes)
    return trial.as_actor(*((role, node.id) for node in nodes if node is not None))


async def fill(trial: Trial) -> None:
    """Two folders to be granted, in the midst of others."""
    for path in ("way", "x", "x/y"):
        await trial.make_folder(path)
    for path in ("way/in/a", "way/in/deep/b", "way/out/c", "way/d", "e", "other/f", "x/y/z/g", "x/h"):
        trial.watch.pass_seconds(1)
        await trial.store(path, path.encode())
        await trial.do(EditTags(path=parse_path(path), add=("tag",), most=1))


@pytest.mark.parametrize("role", SEEING)
@in_reactor
async def test_the_granted_folders_and_the_way_to_them(trial: Trial, role: Role) -> None:
    await fill(trial)
    whole = await trial.tree()
    somebody = await grant(trial, "way/in", "x/y/z", role=role)
    seen = await somebody.tree()
    assert [*seen] == ["way", "way/in", "way/in/a", "way/in/deep", "way/in/deep/b", "x", "x/y", "x/y/z", "x/y/z/g"]
    assert [seen[path] == whole[path] for path in seen] == [path not in {"way", "x", "x/y"} for path in seen]
    for path in ("", "way", "x", "x/y", *seen, *whole, "nothing"):
        assert await somebody.find(path) == (seen.get(path) if path else await somebody.find("")), path


@in_reactor
async def test_a_folder_on_the_way_tells_the_moments_of_what_is_granted(trial: Trial) -> None:
    await fill(trial)
    somebody = await grant(trial, "way/in", "x/y/z")
    for path, tops in {"": ("way/in", "x/y/z"), "way": ("way/in",), "x": ("x/y/z",), "x/y": ("x/y/z",)}.items():
        told, granted = await somebody.find(path), [await trial.find(top) for top in tops]
        assert told is not None
        assert told.created_at == min(top.created_at for top in granted if top)
        assert told.updated_at == max(top.updated_at for top in granted if top)


@pytest.mark.parametrize("grants", [[], ["way/in"]])
@in_reactor
async def test_who_may_only_upload_or_has_no_grants_sees_an_empty_root(trial: Trial, grants: list[str]) -> None:
    await fill(trial)
    await trial.discard("way/in/a")
    somebody = await grant(trial, *grants, role=Role.UPLOADER)
    root = await somebody.find("")
    assert isinstance(root, Folder)
    assert (root.created_at, root.updated_at) == (0, 0)
    assert [await somebody.tree(), await somebody.trash(), await somebody.changes()] == [{}, [], []]
    assert [await somebody.files(order=order) for order in Order] == [[]] * len(Order)
    assert await somebody.find("way/in") is None


@in_reactor
async def test_files_by_every_order_in_full_pages(trial: Trial) -> None:
    await fill(trial)
    for number in range(10):
        await trial.store(f"way/hidden {number}", b"h")
        await trial.store(f"way/in/seen {number}", b"s")
    somebody = await grant(trial, "way/in", "x/y/z", "way/in/deep")
    filters: list[dict[str, Any]] = [
        {},
        {"tag": "tag"},
        {"text": "SEEN"},
        {"media_type": "text"},
        {"media_type": "text/plain"},
        {"media_type": "image"},
    ]
    folders = ["", "way", "way/in/deep", "way/out", "nothing", "way/in/a"]
    for order, descending, chosen, folder in product(Order, (False, True), filters, folders):
        query = {"order": order, "descending": descending, "folder": parse_path(folder), **chosen}
        expected = [path for path in await trial.files(**query) if path.startswith(("way/in/", "x/y/z/"))]
        assert await somebody.files(**query) == expected
        page = await somebody.catalogue.list_files(somebody.actor, FileQuery(**query), 2)
        assert len(page.items) == min(2, len(expected))
        # By path, nothing but folders may follow.
        assert order is Order.PATH or (page.cursor is None) == (len(expected) <= 2)
        assert await somebody.files(5, **query) == expected


@in_reactor
async def test_versions(trial: Trial) -> None:
    await fill(trial)
    for path in ("way/in/a", "way/d"):
        await trial.store(path, b"another")
    somebody = await grant(trial, "way/in")
    seen, hidden = await trial.versions("way/in/a"), await trial.versions("way/d")
    assert await somebody.versions("way/in/a") == seen
    for path in ("way/d", "way", "nothing"):
        assert await refusal(somebody.versions(path)) == "file_not_found"
    find = somebody.catalogue.find_version
    found = await find(somebody.actor, parse_path("way/in/a"), seen[-1].id)
    assert found is not None
    assert found[1] == seen[-1]
    assert await find(somebody.actor, parse_path("way/d"), hidden[-1].id) is None
    assert await find(somebody.actor, parse_path("way/in/a"), hidden[-1].id) is None


@in_reactor
async def test_trash_by_where_it_was(trial: Trial) -> None:
    await fill(trial)
    somebody = await grant(trial, "way/in")
    for path in ("way/in/a", "way/d", "e", "way/in/deep/b", "way/out", "way/in/deep"):
        await trial.discard(path)
    assert [str(entry.node.path) for entry in await somebody.trash()] == ["way/in/deep", "way/in/deep/b", "way/in/a"]
    page = await somebody.catalogue.list_trash(somebody.actor, 2)
    assert (len(page.items), page.cursor is None) == (2, False)
    page = await somebody.catalogue.list_trash(somebody.actor, 2, page.cursor)
    assert (len(page.items), page.cursor is None) == (1, True)
    # Of what is moved to elsewhere and thrown away there, nothing is seen.
    await trial.do(*(Move(path=parse_path("x/h"), destination=parse_path("other/h")),))
    await trial.discard("other/h")
    assert len(await somebody.trash()) == 3


@in_reactor
async def test_what_is_granted_follows_its_folder_and_sleeps_in_the_trash(trial: Trial) -> None:
    await fill(trial)
    somebody = await grant(trial, "way/in")
    thrown = await trial.discard("way/in/a")
    await trial.do(Move(path=parse_path("way/in"), destination=parse_path("x/y/there")))
    assert [*await somebody.tree()] == ["x", "x/y", "x/y/there", "x/y/there/deep", "x/y/there/deep/b"]
    # Where it was before is nothing to speak of any more.
    assert [str(entry.node.path) for entry in await somebody.trash()] == ["x/y/there/a"]
    assert [str(entry.node.path) for entry in await trial.trash()] == ["way/in/a"]
    await trial.store("way/in/new", b"in another folder of the name that it had")
    assert "way" not in await somebody.tree()
    for path in ("x/y/there", "x/y"):
        entry = await trial.discard(path)
        assert [await somebody.tree(), await somebody.trash(), await somebody.changes()] == [{}, [], []]
        await trial.do(Restore(entry=entry.id))
        assert "x/y/there/deep/b" in await somebody.tree()
        assert [each.id for each in await somebody.trash()] == [thrown.id]


@in_reactor
async def test_changes_across_the_border(trial: Trial) -> None:
    await fill(trial)
    somebody = await grant(trial, "way/in")
    start = (await trial.changes())[-1].number
    entry = await trial.discard("e")
    await trial.do(
        Move(path=parse_path("way/d"), destination=parse_path("way/in/d")),
        Move(path=parse_path("way/in/d"), destination=parse_path("way/in/D")),
        Move(path=parse_path("way/in/deep"), destination=parse_path("other/deep")),
        Move(path=parse_path("other/f"), destination=parse_path("other/F")),
        Copy(source=parse_path("way/in/a"), destination=parse_path("way/a")),
        Copy(source=parse_path("way/a"), destination=parse_path("way/in/a2")),
        Restore(entry=entry.id, destination=parse_path("way/in/e")),
        Move(path=parse_path("way"), destination=parse_path("path")),
        Move(path=parse_path("path/in"), destination=parse_path("path/inner")),
        store("path/inner/g"),
    )
    told = [
        (change.kind.value, str(change.path), change.source and str(change.source))
        for change in await somebody.changes(start)
    ]
    assert told == [
        ("created", "path/inner/d", None),
        ("moved", "path/inner/D", "path/inner/d"),
        ("discarded", "path/inner/deep", None),
        ("created", "path/inner/a2", None),
        ("created", "path/inner/e", None),
        ("moved", "path", None),
        ("moved", "path/inner", None),
        ("created", "path/inner/g", None),
    ]


@in_reactor
async def test_moves_of_a_folder_from_before_it_was_on_the_way_are_not_told(trial: Trial) -> None:
    await fill(trial)
    await trial.make_folder("other/down")
    somebody = await grant(trial, "way/in/deep")
    start = (await somebody.changes())[-1].number

    async def read() -> list[tuple[str, str]]:
        return [(change.kind.value, str(change.path)) for change in await somebody.changes(start)]

    await trial.do(Move(path=parse_path("other"), destination=parse_path("OTHER")))
    assert await read() == []
    await trial.do(Move(path=parse_path("way/in"), destination=parse_path("OTHER/down/in")))
    # Of the folder that came, which was on the way all the time, it is told that it moved.
    assert await read() == [("moved", "OTHER/down/in")]
    await trial.do(
        Move(path=parse_path("OTHER"), destination=parse_path("late")),
        Move(path=parse_path("late/down"), destination=parse_path("late/below")),
    )
    assert await read() == [("moved", "late/below/in"), ("moved", "late"), ("moved", "late/below")]
    # It goes on to what has been moved before as well.
    await trial.do(
        MakeFolder(path=parse_path("new/one")),
        Move(path=parse_path("new"), destination=parse_path("newer")),
        Move(path=parse_path("late/below/in/deep"), destination=parse_path("newer/one/deep")),
    )
    assert await read() == [("moved", "newer/one/deep")]
    entry = await trial.discard("newer/one/deep")
    await trial.do(
        Move(path=parse_path("late"), destination=parse_path("later")),
        Restore(entry=entry.id, destination=parse_path("later/deep")),
    )
    assert [path for _, path in await read()] == ["later/deep"] * 3
    await trial.do(Move(path=parse_path("later"), destination=parse_path("last")))
    assert (await read())[-1] == ("moved", "last")


@in_reactor
async def test_what_is_restored_where_it_was_is_told_as_that(trial: Trial) -> None:
    await fill(trial)
    somebody = await grant(trial, "way/in")
    start = (await trial.changes())[-1].number
    for destination in ("way/in/a", "way/elsewhere"):
        entry = await trial.discard("way/in/a")
        await trial.do(Restore(entry=entry.id, destination=parse_path(destination)))
    assert [change.kind.value for change in await somebody.changes(start)] == ["discarded", "restored", "discarded"]


@in_reactor
async def test_numbers_of_changes_that_are_not_seen_are_unknown(trial: Trial) -> None:
    await fill(trial)
    somebody = await grant(trial, "way/in")
    *_, last = await somebody.changes()
    await trial.store("hidden", b"h")
    assert await somebody.changes(last.number) == []
    for number in (last.number + 1, last.number + 2, last.number + 1000):
        assert await refusal(somebody.changes(number)) == "change_unknown"
    page = await somebody.catalogue.read_changes(somebody.actor, 0, 2)
    assert (len(page.items), page.last) == (2, page.items[-1].number)


@in_reactor
async def test_usage_is_of_what_is_seen(trial: Trial) -> None:
    await fill(trial)
    somebody = await grant(trial, "way/in", "way/in/deep")
    await trial.store("way/in/a", b"four")
    await trial.store("way/in/a", b"seven77")
    await trial.store("way/in/same", b"four")
    await trial.discard("way/in/deep")
    await trial.discard("way/d")
    usage = await somebody.catalogue.usage(somebody.actor)
    assert (usage.files, usage.folders, usage.versions, usage.trash_entries) == (2, 3, 5, 1)
    assert (usage.blobs, usage.stored_bytes, usage.catalogue_bytes) == (4, 4 + 7 + len("way/in/away/in/deep/b"), 0)
    nobody = evolve(somebody.actor, grants=())
    usage = await trial.catalogue.usage(nobody)
    assert (usage.files, usage.folders, usage.versions, usage.trash_entries, usage.stored_bytes) == (0, 1, 0, 0, 0)
    assert (await trial.catalogue.usage(TESTER)).files > 5
