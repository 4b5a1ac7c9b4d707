"""Contract of catalogues: how much happens in one step, while nobody else can write."""

from __future__ import annotations

import pytest

from cloudsvc.core.actors import Role
from cloudsvc.drive.commands import Command, Copy, Discard, MakeFolder, Move, Purge, Restore, SetQuota
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import ROOT_ID
from tests.support.actors import make_guest
from tests.support.catalogues import TESTER, Trial, hide_checksums, make_blob, store
from tests.support.opened_drives import refusal
from tests.support.reactors import in_reactor


def set_quota(path: str, quota: int | None) -> SetQuota:
    return SetQuota(path=parse_path(path), quota=quota)


def move(path: str, destination: str) -> Move:
    return Move(path=parse_path(path), destination=parse_path(destination))


def bound_recounts(monkeypatch: pytest.MonkeyPatch, most: int, most_shared_out: int) -> None:
    monkeypatch.setattr("cloudsvc.drive.bounds.MOST_RECOUNTED", most)
    monkeypatch.setattr("cloudsvc.drive.bounds.MOST_SHARED_OUT", most_shared_out)


@in_reactor
async def test_only_so_much_is_made(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudsvc.drive.bounds.MAX_MADE", 5)
    await trial.do(*(store(f"a/b/{number}", b"%d" % number) for number in range(3)))
    copy, again = [Copy(source=parse_path("a"), destination=parse_path(name)) for name in ("copy", "again")]
    folders: list[Command] = [MakeFolder(path=parse_path(f"folder {number}")) for number in range(6)]
    before = await trial.tree()
    refused: list[list[Command]] = [
        folders,
        [MakeFolder(path=parse_path("1/2/3/4/5/6"))],
        [copy, folders[0]],
        [copy, store("one more")],
        [copy, again],
        [folders[0], move("a/b/0", "2/3/4/5/6/0")],
    ]
    for commands in refused:
        assert await refusal(trial.do(*commands)) == "too_many_nodes"
        assert await trial.tree() == before
    await trial.do(copy)
    await trial.do(*folders[:5])
    await trial.store("a/b/one more")
    assert await refusal(trial.do(again)) == "too_many_nodes"


@in_reactor
async def test_only_so_much_comes_to_count_to_another_account(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    await trial.do(*(store(f"many/{number}") for number in range(4)))
    await trial.do(*(store("versions/x", b"%d" % number) for number in range(4)))
    await trial.do(store("few/x"), set_quota("few", 999))
    await trial.do(*(store(f"thrown/{number}/x") for number in range(4)))
    many, versions, thrown = [(await trial.discard(path)).id for path in ("many", "versions", "thrown")]
    await trial.do(Restore(entry=many), Restore(entry=versions))
    bound_recounts(monkeypatch, 3, 3)
    before, quotas = await trial.tree(), await trial.catalogue.list_quotas()
    refused: list[list[Command]] = [
        [move("many", "few/many")],
        [move("versions", "few/versions")],
        [Restore(entry=thrown, destination=parse_path("few/thrown"))],
        [set_quota("many", 99)],
        [set_quota("versions", 99)],
        [move("many/0", "few/0"), move("many/1", "few/1"), move("many/2", "few/2"), set_quota("few", None)],
    ]
    for commands in refused:
        assert await refusal(trial.do(*commands)) == "too_many_nodes"
        assert (await trial.tree(), await trial.catalogue.list_quotas()) == (before, quotas)
    await trial.do(move("many/0", "few/0"), move("many/1", "few/1"), move("many/2", "few/2"))
    # Where nothing comes to count to another account, nothing is counted.
    await trial.do(move("versions", "elsewhere"), move("few", "other"))
    assert await refusal(trial.do(set_quota("other", None))) == "too_many_nodes"
    assert await trial.catalogue.find_miscounts() == []


@in_reactor
async def test_more_does_where_a_quota_begins_or_ends_by_who_may_do_everything(
    trial: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    await trial.do(
        *(store(f"top/many/{number}") for number in range(9)), *(store(f"out/{number}") for number in range(4))
    )
    top = (await trial.tree())["top"].id
    manager = Trial(trial.catalogue, trial.watch, make_guest((Role.MANAGER, top)))
    bound_recounts(monkeypatch, 3, 10)
    begins, ends = set_quota("top/many", 999), set_quota("top/many", None)
    assert await refusal(manager.do(begins)) == "too_many_nodes"
    await trial.do(begins)
    assert await refusal(manager.do(ends)) == "too_many_nodes"
    assert await refusal(trial.do(move("out", "top/many/out"))) == "too_many_nodes"
    await trial.do(ends)
    await trial.store("top/many/9")
    assert await refusal(trial.do(begins)) == "too_many_nodes"


@pytest.mark.parametrize("limit", [1, 2, 5])
@in_reactor
async def test_what_was_purged_goes_in_steps_of_no_more_than_asked_for(trial: Trial, limit: int) -> None:
    await trial.do(*(store(f"a/q/{number}", bytes([number])) for number in range(6)), store("a/x"))
    await trial.do(set_quota("a/q", 999))
    # What was thrown away from a folder with a quota counts to the root when that folder has gone.
    for number in range(4):
        await trial.discard(f"a/q/{number}")
    await trial.do(Purge(entry=(await trial.discard("a")).id))
    removed = []
    while step := await trial.catalogue.remove_purged(limit):
        removed.append(step)
    assert {*removed[:-1]} == {limit}
    # Two folders, three files; and each of the four with its entry.
    assert sum(removed) >= 5 + 4 * 2
    assert await trial.catalogue.remove_purged(limit) == 0
    usage = await trial.catalogue.usage(TESTER)
    assert (usage.files, usage.folders, usage.versions, usage.trash_entries) == (0, 1, 4, 4)
    assert [await trial.catalogue.evict(ROOT_ID) for _ in range(5)] == [True] * 4 + [False]


@in_reactor
async def test_one_thing_is_given_up_at_a_time(trial: Trial) -> None:
    await trial.do(*(store("a", b"%d" % number) for number in range(3)))
    for name in ("x", "y"):
        await trial.do(*(store(f"{name}/{number}", name.encode() * number) for number in range(3)))
        await trial.discard(name)
    left = []
    while await trial.catalogue.evict(ROOT_ID):
        left.append((len(await trial.trash()), len(await trial.versions("a"))))
    assert left == [(1, 3), (0, 3), (0, 2), (0, 1)]


@in_reactor
async def test_no_more_blobs_are_told_of_than_asked_for(trial: Trial) -> None:
    blobs = sorted([hide_checksums(make_blob(b"%d" % number)) for number in range(5)], key=lambda blob: blob.id)
    await trial.do(*(store(blob.id, blob) for blob in blobs))
    catalogue, ids = trial.catalogue, [blob.id for blob in blobs]
    assert [blob.id for blob in await catalogue.list_unmeasured(2)] == ids[:2]
    assert [blob.id for blob in await catalogue.list_unmeasured(2, after=ids[1])] == ids[2:4]
    await trial.do(*(Discard(path=parse_path(each)) for each in ids))
    await trial.do(Purge(entry=None))
    while await catalogue.remove_purged(100):
        pass
    assert await catalogue.mark_for_deletion(2) == ids[:2]
    assert await catalogue.mark_for_deletion(2) == ids[:2]
    assert await catalogue.mark_for_deletion(2, after=ids[1]) == ids[2:4]
    assert await catalogue.mark_for_deletion(9, after=ids[3]) == ids[4:]
