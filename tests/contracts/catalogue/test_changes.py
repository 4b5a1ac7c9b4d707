"""Contract of catalogues: the change feed."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest
from twisted.internet.defer import Deferred, gatherResults

from cloudsvc.core.actors import Role
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.drive.changes import Change, ChangeKind
from cloudsvc.drive.commands import Copy, Discard, EditTags, Move, Restore, RestoreVersion
from cloudsvc.drive.names import parse_path
from tests.support.catalogues import TESTER, OpenCatalogue, Trial, Watch, store
from tests.support.opened_drives import refusal
from tests.support.reactors import in_reactor
from tests.support.tls.certificates import logged

A = parse_path("a")


@in_reactor
async def test_everything_that_happens_is_told(trial: Trial) -> None:
    assert await trial.changes() == []
    stored = (await trial.store("x/a", b"1")).file
    path = parse_path("x/a")
    await trial.store("x/a", b"2")
    await trial.do(EditTags(path=path, add=("t",), most=1))
    await trial.do(RestoreVersion(path=path, version=stored.version.id, versions_kept=9))
    await trial.do(Move(path=parse_path("x"), destination=parse_path("y")))
    copied = await trial.do(Copy(source=parse_path("y"), destination=parse_path("z")))
    thrown = await trial.discard("y/a")
    trial.watch.pass_seconds(5)
    await trial.do(Restore(entry=thrown.id, destination=parse_path("b")))
    changes = await trial.changes()
    told = [(change.kind.value, str(change.path), change.source and str(change.source)) for change in changes]
    assert told == [
        ("created", "x", None),
        ("created", "x/a", None),
        ("changed", "x/a", None),
        ("changed", "x/a", None),
        ("changed", "x/a", None),
        ("moved", "y", "x"),
        ("created", "z", None),
        ("discarded", "y/a", None),
        ("restored", "b", None),
    ]
    folders = {number for number, change in enumerate(changes) if change.is_folder}
    assert folders == {0, 5, 6}
    assert {change.node for number, change in enumerate(changes) if number not in folders} == {stored.id}
    assert changes[6].node == copied.id
    assert changes[-1].at == trial.watch.now
    assert all(earlier.number < later.number for earlier, later in pairwise(changes))


@in_reactor
async def test_they_come_in_parts(trial: Trial) -> None:
    for number in range(7):
        await trial.store(str(number))
    whole = await trial.catalogue.read_changes(TESTER, 0, 100)
    assert len(whole.items) == 7
    assert whole.last == whole.items[-1].number
    for size in range(1, 8):
        after = 0
        found: list[Change] = []
        while (part := await trial.catalogue.read_changes(TESTER, after, size)).items:
            assert len(part.items) <= size
            assert (part.epoch, part.last) == (whole.epoch, part.items[-1].number)
            found += part.items
            after = part.last
        assert found == whole.items
        assert part.last == after


@in_reactor
async def test_numbers_grow_in_the_order_of_commits(trial: Trial) -> None:
    """Who has seen a number never meets a smaller one later."""
    seen: list[int] = []

    async def watch() -> None:
        while len(seen) < 200:
            part = await trial.catalogue.read_changes(TESTER, seen[-1] if seen else 0, 1000)
            seen.extend(change.number for change in part.items)

    writing = [Deferred.fromCoroutine(trial.store(f"{number}")) for number in range(200)]
    await watch()
    await gatherResults(writing)
    assert seen == sorted({*seen})
    assert [change.number for change in await trial.changes()] == seen


@in_reactor
async def test_numbers_of_what_was_refused_are_not_missing_for_whoever_follows(trial: Trial) -> None:
    await trial.store("a")
    last = (await trial.catalogue.read_changes(TESTER, 0, 100)).last
    assert await refusal(trial.do(store("b"), Discard(path=parse_path("missing"))))
    assert (await trial.catalogue.read_changes(TESTER, last, 100)).last == last
    await trial.store("c")
    [change] = await trial.changes(last)
    assert change.number > last


@in_reactor
async def test_what_never_happened_is_invalid(trial: Trial) -> None:
    with pytest.raises(CloudError) as caught:
        await trial.changes(1)
    assert (caught.value.kind, caught.value.code) == (Kind.INVALID, "change_unknown")
    await trial.store("a")
    [change] = await trial.changes()
    assert await trial.changes(change.number) == []
    assert await refusal(trial.changes(change.number + 1)) == "change_unknown"


@in_reactor
async def test_what_is_long_ago_is_gone(trial: Trial) -> None:
    for start in range(0, 1200, 100):
        await trial.do(*(store("a", number.to_bytes(2), versions_kept=1) for number in range(start, start + 100)))
        trial.watch.pass_seconds(1)
    first = await trial.catalogue.read_changes(TESTER, 0, 2000)
    kept = first.items[1100]
    await trial.expire(changes_before=kept.at)
    for after in (0, 1, kept.number - 2):
        with pytest.raises(CloudError) as caught:
            await trial.changes(after)
        assert (caught.value.kind, caught.value.code) == (Kind.GONE, "changes_expired")
    rest = await trial.catalogue.read_changes(TESTER, kept.number - 1, 2000)
    assert rest.items == first.items[1100:]

    await trial.expire(changes_before=trial.watch.pass_seconds(1))
    assert await trial.changes(first.last) == []
    assert await refusal(trial.changes(first.last - 1)) == "changes_expired"
    assert await refusal(trial.changes(first.last + 1)) == "change_unknown"
    await trial.store("b")
    [change] = await trial.changes(first.last)
    assert (change.kind, change.number > first.last) == (ChangeKind.CREATED, True)


@in_reactor
async def test_names_longer_than_a_request_may_spell_are_told(trial: Trial) -> None:
    """A name is kept as it was given, and found by its shorter key."""
    kept = ("e\N{COMBINING ACUTE ACCENT}" * 80 + "/") * 14
    short = ("\N{LATIN SMALL LETTER E WITH ACUTE}" * 80 + "/") * 14
    await trial.make_folder(kept + "x")
    path = short + kept[:1200]
    stored = (await trial.store(path + "file", b"1")).file
    assert len(str(stored.path).encode()) > 4096
    thrown = await trial.discard(path + "file")
    assert thrown.node == stored
    assert await trial.trash() == [thrown]
    changes = await trial.changes()
    assert [change.path for change in changes[-2:]] == [stored.path] * 2
    assert await trial.catalogue.find_users(stored.version.blob.id) == [(stored.path, stored.version.id)]
    assert await trial.do(Restore(entry=thrown.id)) == stored


@in_reactor
async def test_they_are_there_when_the_catalogue_is_opened_again(open_any: OpenCatalogue, tmp_path: Path) -> None:
    watch = Watch()
    async with open_any(tmp_path, watch) as catalogue:
        trial = Trial(catalogue, watch)
        file = (await trial.store("a")).file
        before = await catalogue.read_changes(TESTER, 0, 10)
    async with open_any(tmp_path, watch) as catalogue:
        trial = Trial(catalogue, watch)
        assert await trial.find("a") == file
        assert await catalogue.read_changes(TESTER, 0, 10) == before
        await trial.store("b")
        [change] = await trial.changes(before.last)
        assert change.path == parse_path("b")


@in_reactor
async def test_whoever_waits_for_changes_is_woken_after_the_commit(trial: Trial) -> None:
    woken: list[Deferred[list[int]]] = []

    async def read() -> list[int]:
        return [change.number for change in await trial.changes()]

    end = trial.catalogue.on_change(lambda: woken.append(Deferred.fromCoroutine(read())))
    await trial.store("a")
    assert await woken[-1] == [1]
    # What changes nothing wakes nobody, nor does what fails.
    count = len(woken)
    await trial.store("a")
    assert await refusal(trial.do(Discard(path=parse_path("missing")))) == "not_found"
    assert len(woken) == count
    await gatherResults([Deferred.fromCoroutine(trial.store(f"many/{number}")) for number in range(20)])
    assert await woken[-1] == list(range(1, 23))
    count = len(woken)
    end()
    await trial.store("b")
    assert len(woken) == count
    end()


@in_reactor
async def test_a_listener_that_fails_keeps_nobody_else_waiting(trial: Trial) -> None:
    woken: list[int] = []

    def fail() -> None:
        raise ZeroDivisionError

    ends = [trial.catalogue.on_change(fail), trial.catalogue.on_change(lambda: woken.append(1))]
    with logged() as lines:
        await trial.store("a")
    assert woken == [1]
    assert lines == ["critical: a listener to changes failed"]
    for end in ends:
        end()


@in_reactor
async def test_numbers_have_no_gap_and_a_failure_takes_none(trial: Trial) -> None:
    await trial.do(store("a"), store("b"))
    for _ in range(3):
        assert await refusal(trial.do(store("c"), Discard(path=parse_path("missing")))) == "not_found"
    await trial.store("c")
    assert [change.number for change in await trial.changes()] == [1, 2, 3]


@in_reactor
async def test_a_change_tells_what_the_file_contains_when_it_is_read(trial: Trial) -> None:
    await trial.store("x/a", b"1")
    later = (await trial.store("x/a", b"22", media_type="text/html")).file
    thrown = await trial.discard("x/a")
    assert [change.version for change in await trial.changes()] == [None] * 4
    await trial.do(Restore(entry=thrown.id))
    found = [(change.kind.value, change.version) for change in await trial.changes()]
    assert found == [
        ("created", None),
        ("created", later.version),
        ("changed", later.version),
        ("discarded", None),
        ("restored", later.version),
    ]


@in_reactor
async def test_what_has_moved_out_of_sight_tells_nothing_any_more(trial: Trial) -> None:
    await trial.store("x/a", b"1")
    folder = await trial.find("x")
    assert folder is not None
    guest = trial.as_actor((Role.VIEWER, folder.id))
    assert [change.version is None for change in await guest.changes()] == [True, False]
    await trial.do(Move(path=parse_path("x/a"), destination=parse_path("b")))
    assert [(change.kind.value, change.version) for change in await guest.changes()] == [
        ("created", None),
        ("created", None),
        ("discarded", None),
    ]


@in_reactor
async def test_numbers_of_another_history_are_gone(trial: Trial) -> None:
    await trial.store("a")
    read = trial.catalogue.read_changes
    now = await read(TESTER, 0, 10)
    assert (await read(TESTER, now.last, 10, epoch=now.epoch)).items == []
    for number in (0, now.last, now.last + 1):
        with pytest.raises(CloudError) as caught:
            await read(TESTER, number, 10, epoch="another")
        assert (caught.value.kind, caught.value.code) == (Kind.GONE, "changes_expired")


@in_reactor
async def test_the_last_change_is_the_last_that_is_seen(trial: Trial) -> None:
    find = trial.catalogue.find_last_change
    assert (await find(TESTER)).last == 0
    await trial.store("x/a")
    folder = await trial.find("x")
    assert folder is not None
    guest = trial.as_actor((Role.VIEWER, folder.id)).actor
    stranger = trial.as_actor().actor
    for number in range(3):
        await trial.store(f"elsewhere {number}")
    assert [(await find(actor)).last for actor in (TESTER, guest, stranger)] == [5, 2, 0]
    for actor in (TESTER, guest, stranger):
        last = (await find(actor)).last
        assert (await trial.catalogue.read_changes(actor, last, 10)).items == []
    await trial.do(Move(path=parse_path("x"), destination=parse_path("y")))
    assert (await find(guest)).last == 6
    await trial.expire(changes_before=trial.watch.pass_seconds(1))
    assert {(await find(actor)).last for actor in (TESTER, guest, stranger)} == {6}


@in_reactor
async def test_who_goes_on_looks_only_at_what_is_new(trial: Trial) -> None:
    await trial.store("x/a")
    folder = await trial.find("x")
    assert folder is not None
    guest = trial.as_actor((Role.VIEWER, folder.id)).actor
    first = await trial.catalogue.read_changes(guest, 0, 10)
    assert [each.number for each in first.items] == [1, 2]
    await trial.store("elsewhere")
    second = await trial.catalogue.read_changes(guest, first.last, 10, looked=first.looked)
    assert (second.items, second.last, second.looked.to) == ([], 2, 3)
    # What was seen before and is forgotten by now does not matter to who has looked further.
    await trial.expire(changes_before=trial.watch.pass_seconds(1))
    await trial.store("x/b")
    assert await refusal(trial.catalogue.read_changes(guest, second.last, 10)) == "changes_expired"
    third = await trial.catalogue.read_changes(guest, second.last, 10, looked=second.looked)
    assert [each.number for each in third.items] == [4]


@in_reactor
async def test_who_sees_something_else_by_now_looks_again(trial: Trial) -> None:
    """While a granted folder is in the trash, nothing is told of it; what happened is told once it is back."""
    await trial.store("x/a")
    folder = await trial.find("x")
    assert folder is not None
    guest = trial.as_actor((Role.VIEWER, folder.id)).actor
    first = await trial.catalogue.read_changes(guest, 0, 10)
    thrown = await trial.discard("x")
    asleep = await trial.catalogue.read_changes(guest, 0, 10, looked=first.looked)
    assert (asleep.items, asleep.looked.to) == ([], 3)
    await trial.do(Restore(entry=thrown.id))
    awake = await trial.catalogue.read_changes(guest, first.last, 10, looked=asleep.looked)
    assert [(each.number, each.kind.value) for each in awake.items] == [(3, "discarded"), (4, "restored")]
