"""Contract of catalogues: what each user has stored, wherever it is, and what of it could make room."""

from __future__ import annotations

import pytest
from attrs import evolve

from cloudsvc.core.actors import Actor, Payer
from cloudsvc.core.errors import CloudError
from cloudsvc.drive.accounts import Account, Allowance
from cloudsvc.drive.commands import Copy, Discard, Move, Purge, Restore, RestoreVersion, SetQuota
from cloudsvc.drive.errors import RoomError
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import Node
from tests.support.catalogues import TESTER, Trial, store
from tests.support.opened_drives import refusal
from tests.support.reactors import in_reactor


def pay(trial: Trial, name: str, quota: int | None = None) -> Trial:
    """The same for somebody who may do everything, and to whose quota it counts."""
    return evolve(trial, actor=evolve(TESTER, name=name, payer=Payer(name=name, quota=quota)))


async def count(trial: Trial, *names: str) -> list[int]:
    found = await trial.catalogue.count_paid_bytes(names or ("anna", "bert"))
    assert await trial.catalogue.find_miscounted_payers() == []
    return [*found.values()]


def copy(source: str, destination: str) -> Copy:
    return Copy(source=parse_path(source), destination=parse_path(destination))


@in_reactor
async def test_each_version_counts_to_whoever_has_stored_it(trial: Trial) -> None:
    anna, bert = pay(trial, "anna"), pay(trial, "bert")
    assert await count(trial) == [0, 0]
    await trial.store("a/nobodys", b"12345")
    await anna.store("a/x", b"123")
    await bert.store("b/x", b"123")
    assert await count(trial) == [3, 3]
    # Who replaces the file of another pays for what is new, and for nothing else.
    await bert.store("a/x", b"1234567")
    assert await count(trial) == [3, 10]
    # Neither does who stores the same once more, nor who moves, tags or throws away what others have stored.
    await anna.store("a/x", b"1234567")
    await anna.do(Move(path=parse_path("b/x"), destination=parse_path("a/y")))
    await anna.discard("a/y")
    assert await count(trial) == [3, 10]
    [thrown] = await trial.trash()
    await trial.do(Restore(entry=thrown.id))
    assert await count(trial) == [3, 10]
    await trial.discard("a")
    await trial.do(Purge(entry=None))
    assert await count(trial) == [3, 10]
    await trial.collect()
    assert await count(trial, "anna", "bert", "nobody") == [0, 0, 0]


@in_reactor
async def test_versions_that_go_one_by_one_count_no_more(trial: Trial) -> None:
    anna, bert = pay(trial, "anna"), pay(trial, "bert")
    for content in (b"1", b"22", b"333"):
        trial.watch.pass_seconds(10)
        await anna.store("x", content, versions_kept=2)
    assert await count(trial) == [5, 0]
    await bert.store("x", b"4444", versions_kept=2)
    assert await count(trial) == [3, 4]
    trial.watch.pass_seconds(10)
    await trial.expire(versions_before=trial.watch.now)
    assert await count(trial) == [0, 4]


@in_reactor
async def test_who_copies_or_restores_a_version_pays(trial: Trial) -> None:
    anna, bert = pay(trial, "anna"), pay(trial, "bert", 100)
    await anna.store("a/b/x", b"1" * 10)
    await anna.store("a/y", b"2" * 5)
    first = (await anna.versions("a/y"))[0].id
    await anna.store("a/y", b"3" * 6)
    await bert.do(copy("a/b/x", "x"))
    assert await count(trial) == [21, 10]
    # Of a folder what is current is copied.
    await bert.do(copy("a", "copy"))
    assert await count(trial) == [21, 26]
    await bert.do(RestoreVersion(path=parse_path("a/y"), version=first, versions_kept=9))
    assert await count(trial) == [21, 31]
    await trial.do(copy("a", "nobodys"))
    assert await count(trial) == [21, 31]


@in_reactor
async def test_a_quota_is_kept_by_whatever_way(trial: Trial) -> None:
    anna = pay(trial, "anna", 10)
    await trial.store("others/x", b"1" * 7)
    await anna.store("old", b"1" * 4)
    first = (await anna.versions("old"))[0].id
    await anna.store("old", b"2" * 4)
    for command in (
        store("new", b"1" * 3),
        # Bytes that are there already count as any others do.
        store("same", b"1" * 7),
        copy("others/x", "x"),
        copy("others", "more"),
        copy("old", "older"),
        RestoreVersion(path=parse_path("old"), version=first, versions_kept=9),
    ):
        with pytest.raises(RoomError) as refused:
            await anna.do(command)
        assert refused.value.code == "user_quota_exceeded", command
        assert await count(trial, "anna") == [8]
    assert await refusal(anna.do(store("1", b"1"), store("2", b"2"), store("3", b"3"))) == "user_quota_exceeded"
    await anna.do(store("1", b"1"), store("2", b"2"))
    assert await count(trial, "anna") == [10]
    # What is replaced and not kept makes way for what comes.
    await anna.store("old", b"3" * 4, versions_kept=1)
    assert await count(trial, "anna") == [6]
    # Whoever has no quota is not held to that of others, and what others store in the same place counts to them.
    await pay(trial, "bert").store("new", b"1" * 100)
    await trial.store("newer", b"1" * 100)


@in_reactor
async def test_a_quota_may_be_less_than_what_is_stored(trial: Trial) -> None:
    await pay(trial, "anna").store("x", b"1" * 10)
    anna = pay(trial, "anna", 8)
    assert await refusal(anna.store("y", b"")) == "user_quota_exceeded"
    await anna.do(Move(path=parse_path("x"), destination=parse_path("z")))
    await anna.discard("z")
    await trial.do(Purge(entry=None))
    await trial.collect()
    await anna.store("y", b"1" * 8)


@in_reactor
async def test_an_upload_has_to_fit_into_all_quotas(trial: Trial) -> None:
    anna = pay(trial, "anna", 10)
    await trial.make_folder("a")
    folder = await trial.do(SetQuota(path=parse_path("a"), quota=5))
    assert await refusal(anna.store("a/x", b"1" * 6)) == "quota_exceeded"
    await anna.store("x", b"1" * 6)
    assert await refusal(anna.store("a/x", b"1" * 5)) == "user_quota_exceeded"
    await anna.store("a/x", b"1" * 4)
    assert await trial.catalogue.find_account(folder.id) == Account(owner=folder.id, quota=5, stored_bytes=4)
    # Another quota of the folder is nothing to the user.
    await trial.do(SetQuota(path=parse_path("a"), quota=None))
    assert await count(trial, "anna") == [10]


@in_reactor
async def test_what_is_stored_is_told_with_the_place(trial: Trial) -> None:
    await pay(trial, "anna").store("x", b"123")

    async def ask(actor: Actor) -> int:
        return (await trial.catalogue.check_place(actor, parse_path("y"), replace=True)).paid_bytes

    assert [await ask(pay(trial, "anna", quota).actor) for quota in (10, None)] == [3, 0]
    assert [await ask(actor) for actor in (pay(trial, "bert", 10).actor, TESTER)] == [0, 0]


@in_reactor
async def test_whose_the_version_is_that_may_go_is_told_with_the_place(trial: Trial) -> None:
    anna, bert = pay(trial, "anna", 10), pay(trial, "bert", 10)
    await anna.store("x", b"1")
    await bert.store("x", b"2")
    await bert.store("y", b"3")
    await anna.store("y", b"4")

    async def ask(actor: Actor, path: str) -> bool:
        return (await trial.catalogue.check_place(actor, parse_path(path), replace=True)).is_paid

    actors = (anna.actor, bert.actor, pay(trial, "anna").actor, TESTER)
    assert [await ask(actor, "x") for actor in actors] == [False, True, False, False]
    assert [await ask(actor, "y") for actor in actors] == [True, False, False, False]
    assert not await ask(anna.actor, "z")


@in_reactor
async def test_an_allowance_is_for_what_is_given_up_right_after(trial: Trial) -> None:
    anna = pay(trial, "anna", 10)
    await anna.store("x", b"1" * 8)
    with pytest.raises(RoomError) as refused:
        await anna.do(store("y", b"2" * 5, allowance=Allowance(payer=2)))
    assert (refused.value.code, refused.value.missing) == ("user_quota_exceeded", 3)
    await anna.do(store("y", b"2" * 5, allowance=Allowance(payer=3)))
    assert await count(trial, "anna") == [13]


@in_reactor
async def test_only_what_one_user_alone_has_stored_makes_room_for_them(trial: Trial) -> None:
    anna, bert = pay(trial, "anna"), pay(trial, "bert")
    catalogue = trial.catalogue

    async def fill(folder: str, *names: str) -> Node:
        for number, who in enumerate((anna, bert) if "both" in names else (anna,)):
            await who.store(f"{folder}/deep/{number}", b"1" * 10)
        return (await trial.discard(folder)).node

    await fill("shared", "both")
    await trial.store("nobodys", b"1")
    await trial.discard("nobodys")
    await trial.make_folder("empty")
    await trial.discard("empty")
    assert await catalogue.droppable_paid_bytes("anna") == 0
    assert not await catalogue.evict_paid("anna")
    await fill("hers")
    await bert.store("his", b"1" * 7)
    await trial.discard("his")
    await anna.store("two", b"1")
    await bert.store("two", b"22")
    await anna.store("two", b"333")
    await trial.discard("two")
    assert [await catalogue.droppable_paid_bytes(name) for name in ("anna", "bert", "nobody")] == [11, 9, 0]
    pin = await catalogue.pin(trial.watch.now + 10)
    assert [await catalogue.droppable_paid_bytes("anna"), await catalogue.evict_paid("anna")] == [0, False]
    await catalogue.unpin(pin)
    # The trash goes first, then what is superseded, wherever that is.
    assert await catalogue.evict_paid("anna")
    assert [str(each.node.path) for each in await trial.trash()] == ["two", "his", "empty", "nobodys", "shared"]
    # What is purged is on its way out.
    assert await catalogue.droppable_paid_bytes("anna") == 11
    assert [await catalogue.evict_paid("anna") for _ in range(2)] == [True, False]
    await trial.collect()
    assert await count(trial) == [13, 19]
    assert await catalogue.droppable_paid_bytes("anna") == 0
    assert [await catalogue.evict_paid("bert") for _ in range(3)] == [True, True, False]
    await trial.collect()
    assert await count(trial) == [13, 10]


@in_reactor
async def test_a_folder_with_a_quota_in_the_trash_stays_there(trial: Trial) -> None:
    anna = pay(trial, "anna")
    await anna.store("a/b/x", b"123")
    await trial.do(SetQuota(path=parse_path("a/b"), quota=10))
    await trial.discard("a")
    assert await trial.catalogue.droppable_paid_bytes("anna") == 0
    assert not await trial.catalogue.evict_paid("anna")


@in_reactor
async def test_counting_anew_changes_nothing_of_what_is_right(trial: Trial) -> None:
    await pay(trial, "anna").store("x", b"123")
    await pay(trial, "bert").do(store("y", b"1"), Discard(path=parse_path("y")), Purge(entry=None))
    await trial.collect()
    await trial.catalogue.recount_payers()
    assert await count(trial) == [3, 0]


@in_reactor
async def test_commands_that_are_refused_count_nothing(trial: Trial) -> None:
    anna = pay(trial, "anna")
    with pytest.raises(CloudError):
        await anna.do(store("x", b"123"), Move(path=parse_path("nothing"), destination=parse_path("y")))
    assert await count(trial, "anna") == [0]
