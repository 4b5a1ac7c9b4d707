"""Contract of catalogues: accounts of space."""

from __future__ import annotations

from cloudsvc.core.actors import Role
from cloudsvc.drive.accounts import Account, Allowance
from cloudsvc.drive.commands import Discard, Purge, SetQuota
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import ROOT_ID, Folder, NodeId
from tests.support.actors import make_guest
from tests.support.catalogues import TESTER, Trial, store
from tests.support.opened_drives import refusal
from tests.support.reactors import in_reactor


async def set_quota(trial: Trial, path: str, quota: int | None) -> NodeId:
    folder = await trial.do(SetQuota(path=parse_path(path), quota=quota))
    assert folder == await trial.find(path)
    assert isinstance(folder, Folder)
    return folder.id


async def find_account(trial: Trial, path: str) -> Account | None:
    return (await trial.catalogue.check_place(TESTER, parse_path(path), replace=True)).account


@in_reactor
async def test_what_is_stored_counts_to_the_nearest_folder_with_a_quota(trial: Trial) -> None:
    await trial.store("a/b/c/x", b"123")
    outer, inner = await set_quota(trial, "a", 100), await set_quota(trial, "a/b", 50)
    await trial.store("a/y", b"12345")
    assert await find_account(trial, "x") is None
    assert await find_account(trial, "a/new") == Account(owner=outer, quota=100, stored_bytes=5)
    for path in ("a/b/c/x", "a/b/c/new", "a/b/new/folder/x"):
        assert await find_account(trial, path) == Account(owner=inner, quota=50, stored_bytes=3)
    assert await trial.catalogue.find_account(inner) == Account(owner=inner, quota=50, stored_bytes=3)
    assert await trial.catalogue.find_account(ROOT_ID) is None
    assert [str(each.path) for each in await trial.catalogue.list_quotas()] == ["a", "a/b"]
    await set_quota(trial, "a/b", None)
    assert await find_account(trial, "a/b/c/x") == Account(owner=outer, quota=100, stored_bytes=8)
    await set_quota(trial, "a/b", None)
    assert await trial.catalogue.find_account(inner) is None
    assert await trial.catalogue.find_miscounts() == []


@in_reactor
async def test_who_sees_no_more_than_a_granted_folder_is_told_of_its_account_alone(trial: Trial) -> None:
    granted = (await trial.make_folder("a/granted")).folder.id
    await trial.store("a/hidden", b"123")
    owner = await set_quota(trial, "a", 100)
    guest = make_guest((Role.UPLOADER, granted))
    place = await trial.catalogue.check_place(guest, parse_path("a/granted/new"), replace=True)
    assert place.owner == owner
    usage = await trial.catalogue.usage(make_guest((Role.EDITOR, granted)))
    assert (usage.stored_bytes, usage.files) == (0, 0)


@in_reactor
async def test_what_may_be_given_up_is_counted_for_each_account(trial: Trial) -> None:
    await trial.make_folder("a")
    owner = await set_quota(trial, "a", 100)
    for folder in ("a", "b"):
        await trial.store(f"{folder}/x", b"%b old" % folder.encode() * 2)
        await trial.store(f"{folder}/x", b"%b new" % folder.encode())
        await trial.store(f"{folder}/y", b"of both")
        await trial.discard(f"{folder}/y")
    catalogue = trial.catalogue
    # Bytes that others need as well make no room on the disk, and all the same do in the account.
    assert [await catalogue.evictable_bytes(each) for each in (owner, ROOT_ID)] == [10, 10]
    assert [await catalogue.droppable_bytes(owner), await catalogue.evictable_bytes()] == [17, 27]
    # What is purged already is on its way out for all.
    entry = (await trial.trash())[0].id
    await trial.do(Purge(entry=entry))
    assert await catalogue.evictable_bytes(owner) == 17
    pin = await catalogue.pin(trial.watch.now + 10)
    assert [await catalogue.evictable_bytes(owner), await catalogue.droppable_bytes(owner)] == [0, 0]
    assert not await catalogue.evict(owner)
    await catalogue.unpin(pin)
    assert [await catalogue.evict(owner) for _ in range(3)] == [True, True, False]
    await trial.collect()
    assert await trial.trash() == []
    assert [len(await trial.versions(path)) for path in ("a/x", "b/x")] == [1, 2]
    account = await catalogue.find_account(owner)
    assert account is not None
    assert (account.stored_bytes, await catalogue.droppable_bytes(owner)) == (5, 0)


@in_reactor
async def test_an_allowance_is_for_one_account(trial: Trial) -> None:
    await trial.make_folder("a")
    owner = await set_quota(trial, "a", 10)
    await trial.store("b/x", b"1234567890")
    command = store("a/x", b"abcdefghijkl", capacity=15, allowance=Allowance(owner=ROOT_ID, drive=99, quota=99))
    assert await refusal(trial.do(command)) == "no_capacity"
    for drive, quota, code in ((6, 99, "no_capacity"), (99, 1, "quota_exceeded"), (7, 2, None)):
        allowance = Allowance(owner=owner, drive=drive, quota=quota)
        command = store("a/x", b"abcdefghijkl", capacity=15, allowance=allowance)
        if code is None:
            await trial.do(command, Discard(path=parse_path("b")))
        else:
            assert await refusal(trial.do(command)) == code
    assert await find_account(trial, "a/x") == Account(owner=owner, quota=10, stored_bytes=12)
