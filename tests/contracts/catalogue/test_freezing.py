"""Contract of catalogues: while one is frozen it refuses changes and gives nothing up, and reading goes on."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, Final

import pytest
from attrs import evolve

from cloudsvc.core.actors import OWNER
from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.drive.commands import MakeFolder, Purge, SetQuota
from cloudsvc.drive.freezing import ARRIVING, LONGEST_FREEZE, THAWED, freeze_until
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import ROOT_ID
from tests.support.catalogues import SECOND, Trial, hide_checksums, let_arrive, make_blob
from tests.support.opened_drives import refusal
from tests.support.reactors import in_reactor

SUCCESSOR: Final = "0a1b2c3d"
"""The epoch of what goes on elsewhere."""

CHANGES: Final[dict[str, Callable[[Trial], Awaitable[Any]]]] = {
    "store": lambda trial: trial.store("b"),
    "discard": lambda trial: trial.discard("a"),
    "make what is there": lambda trial: trial.do(MakeFolder(path=parse_path("folder"))),
    "set a quota": lambda trial: trial.do(SetQuota(path=parse_path("folder"), quota=1)),
    "empty the trash": lambda trial: trial.do(Purge(entry=None)),
    "look for a place": lambda trial: trial.catalogue.check_place(OWNER, parse_path("b"), replace=True),
}


async def furnish(trial: Trial) -> None:
    """Something of all that upkeep would give up."""
    await trial.make_folder("folder")
    for _ in range(3):
        await trial.store("a")
    await trial.store("thrown", b"thrown")
    await trial.discard("thrown")
    await trial.store("u", hide_checksums(make_blob(b"u")))


async def describe(trial: Trial) -> object:
    """All that clients see."""
    standing = await trial.catalogue.find_standing()
    return (
        await trial.tree(),
        await trial.trash(),
        evolve(await trial.catalogue.usage(OWNER), catalogue_bytes=0),
        await trial.catalogue.list_quotas(),
        standing.last_change,
    )


@pytest.mark.parametrize("change", CHANGES)
@in_reactor
async def test_no_change_is_made(trial: Trial, change: str) -> None:
    await furnish(trial)
    before = await describe(trial)
    standing = await trial.catalogue.freeze(trial.watch.now + 60 * SECOND)
    assert standing.freeze == freeze_until(trial.watch.now + 60 * SECOND)
    assert await trial.catalogue.is_frozen()
    with pytest.raises(CloudError) as caught:
        await CHANGES[change](trial)
    assert (caught.value.kind, caught.value.code) == (Kind.UNAVAILABLE, "read_only")
    assert caught.value.retry_after
    assert await describe(trial) == before
    trial.watch.pass_seconds(61)
    assert not await trial.catalogue.is_frozen()
    await CHANGES[change](trial)


@in_reactor
async def test_upkeep_gives_nothing_up_and_goes_on_afterwards(trial: Trial) -> None:
    await furnish(trial)
    catalogue = trial.catalogue
    later = trial.watch.now + 10 * SECOND
    await catalogue.expire(trash_before=later, versions_before=0, changes_before=0)
    before = await describe(trial)
    await catalogue.freeze(trial.watch.now + 60 * SECOND)
    await catalogue.expire(trash_before=later, versions_before=later, changes_before=later)
    assert not await catalogue.evict(ROOT_ID)
    assert await catalogue.remove_purged(10) == 0
    assert [*await catalogue.mark_for_deletion(10)] == []
    assert [*await catalogue.list_unmeasured(10)] == []
    await catalogue.record_checksums(make_blob(b"u"))
    assert await describe(trial) == before
    # What keeps blobs for a backup is no change.
    pin = await catalogue.pin(trial.watch.now + SECOND)
    await catalogue.unpin(pin)
    await catalogue.thaw(even_moved=False)
    assert len(await catalogue.list_unmeasured(10)) == 1
    assert await catalogue.remove_purged(10) == 1
    assert len(await trial.collect()) == 1


@in_reactor
async def test_it_is_left_for_good_unless_something_has_changed(trial: Trial) -> None:
    await trial.store("a")
    standing = await trial.catalogue.freeze(trial.watch.now + SECOND)
    trial.watch.pass_seconds(2)
    await trial.store("b")
    assert not await trial.catalogue.leave(standing, SUCCESSOR)
    standing = await trial.catalogue.freeze(trial.watch.now + SECOND)
    assert not standing.has_moved
    assert await trial.catalogue.leave(standing, SUCCESSOR)
    moved = await trial.catalogue.find_standing()
    assert moved.has_moved
    assert moved.has_become(SUCCESSOR)
    assert not moved.has_become("0a1b2c3e")
    assert not await trial.catalogue.leave(standing, SUCCESSOR)
    assert not await trial.catalogue.leave(moved, SUCCESSOR)
    trial.watch.pass_seconds(10**6)
    assert await refusal(trial.store("c")) == "read_only"
    assert await refusal(trial.catalogue.freeze(trial.watch.now + SECOND)) == "read_only"
    assert [*await trial.tree()] == ["a", "b"]
    await trial.catalogue.thaw(even_moved=False)
    assert (await trial.catalogue.find_standing()).has_moved
    await trial.catalogue.thaw(even_moved=True)
    await trial.store("c")
    assert (await trial.catalogue.find_standing()).freeze == THAWED


@in_reactor
async def test_it_is_renewed_unless_something_has_changed(trial: Trial) -> None:
    await trial.store("a")
    first = await trial.catalogue.freeze(trial.watch.now + SECOND)
    renewed = await trial.catalogue.renew(first, trial.watch.now + 2 * SECOND)
    assert renewed == evolve(first, freeze=freeze_until(trial.watch.now + 2 * SECOND))
    # What somebody else has frozen since is another freeze.
    assert await trial.catalogue.renew(first, trial.watch.now + 3 * SECOND) is None
    assert not await trial.catalogue.leave(first, SUCCESSOR)
    assert await trial.catalogue.find_standing() == renewed
    trial.watch.pass_seconds(3)
    await trial.store("b")
    assert await trial.catalogue.renew(renewed, trial.watch.now + SECOND) is None
    assert not await trial.catalogue.is_frozen()


NUMBERLESS: Final = {name: CHANGES[name] for name in ("set a quota", "empty the trash", "make what is there")}
"""Changes of which the history tells nothing."""


@pytest.mark.parametrize("how", ["reopened", "by another clock"])
@pytest.mark.parametrize("change", NUMBERLESS)
@in_reactor
async def test_a_change_without_a_number_is_noticed(trial: Trial, change: str, how: str) -> None:
    await furnish(trial)
    before = trial.watch.now
    standing = await trial.catalogue.freeze(before + 60 * SECOND)
    if how == "reopened":
        await trial.catalogue.thaw(even_moved=True)
    else:
        trial.watch.pass_seconds(61)
    await NUMBERLESS[change](trial)
    trial.watch.now = before
    assert (await trial.catalogue.find_standing()).last_change == standing.last_change
    assert await trial.catalogue.renew(standing, before + 90 * SECOND) is None
    assert not await trial.catalogue.leave(standing, SUCCESSOR)
    assert not (await trial.catalogue.find_standing()).has_moved


@in_reactor
async def test_upkeep_by_another_clock_is_noticed(trial: Trial) -> None:
    await furnish(trial)
    before = trial.watch.now
    standing = await trial.catalogue.freeze(before + 60 * SECOND)
    trial.watch.pass_seconds(61)
    await trial.catalogue.expire(trash_before=trial.watch.now, versions_before=0, changes_before=0)
    trial.watch.now = before
    assert not await trial.catalogue.leave(standing, SUCCESSOR)


@in_reactor
async def test_what_is_about_to_arrive_takes_no_changes_until_it_is_thawed(trial: Trial) -> None:
    await trial.store("a")
    await let_arrive(trial.catalogue)
    standing = await trial.catalogue.find_standing()
    assert standing.is_arriving
    assert standing.freeze == ARRIVING
    assert not standing.has_moved
    trial.watch.pass_seconds(10**6)
    assert await trial.catalogue.is_frozen()
    assert await refusal(trial.store("b")) == "read_only"
    with pytest.raises(CloudError, match="is about to move here"):
        await trial.catalogue.freeze(trial.watch.now + SECOND)
    assert await trial.catalogue.renew(standing, trial.watch.now + SECOND) is None
    assert not await trial.catalogue.leave(standing, SUCCESSOR)
    await trial.catalogue.thaw(even_moved=False)
    assert (await trial.catalogue.find_standing()).is_arriving
    await trial.catalogue.thaw(even_moved=True)
    # By then it is no longer what it was.
    assert await trial.catalogue.renew(standing, trial.watch.now + SECOND) is None
    assert not await trial.catalogue.leave(standing, SUCCESSOR)
    await trial.store("b")


@in_reactor
async def test_a_freeze_of_a_clock_that_was_wrong_holds_up_nothing(trial: Trial) -> None:
    await trial.catalogue.freeze(trial.watch.now + LONGEST_FREEZE + SECOND)
    assert not await trial.catalogue.is_frozen()
    await trial.store("a")
    await trial.catalogue.freeze(2**62)
    await trial.store("b")
