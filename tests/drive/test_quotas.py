"""Quotas: what is stored in a folder stays within its quota, and whoever makes room makes it at nobody else's cost."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred, gatherResults

from cloudsvc.core.actors import OWNER, ROOT_FOLDER, Actor, Role
from cloudsvc.core.errors import CloudError
from cloudsvc.drive.accounts import Account, Allowance
from cloudsvc.drive.capacity import LEAST_STEP
from cloudsvc.drive.commands import EditTags, Move
from cloudsvc.drive.limits import Limits
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import NodeId
from tests.support.actors import make_guest
from tests.support.catalogues import make_blob, store
from tests.support.opened_drives import GENEROUS, OpenDrive, open_drive, refusal
from tests.support.reactors import in_reactor

UNIT = 2**16
EIGHT_UNITS: Limits = evolve(GENEROUS, capacity=8 * UNIT)


def unit(letter: str, number: int = 1) -> bytes:
    return letter.encode() * UNIT * number


async def discard(opened: OpenDrive, path: str) -> None:
    await opened.drive.discard(opened.actor, parse_path(path))


async def set_quota(opened: OpenDrive, path: str, units: int | None) -> NodeId:
    await opened.drive.make_folder(opened.actor, parse_path(path))
    quota = None if units is None else units * UNIT
    return (await opened.drive.set_quota(opened.actor, parse_path(path), quota)).id


async def stored(opened: OpenDrive, path: str) -> int:
    """How many units count to the quota of a folder."""
    found = {str(each.path): each.account for each in await opened.storage.catalogue.list_quotas()}
    size, rest = divmod(found[path].stored_bytes, UNIT)
    assert rest == 0
    return size


async def list_trash(opened: OpenDrive) -> list[str]:
    return [str(each.node.path) for each in (await opened.drive.list_trash(opened.actor, 99)).items]


@in_reactor
async def test_room_within_a_quota_is_made_of_what_counts_to_it(tmp_path: Path) -> None:
    async with open_drive(tmp_path, EIGHT_UNITS) as opened:
        await set_quota(opened, "a", 3)
        await set_quota(opened, "b", 3)
        for folder in ("b", "c", "a"):
            await opened.store(f"{folder}/lost", unit(folder))
            await discard(opened, f"{folder}/lost")
        await opened.store("b/kept", unit("k"))
        await opened.store("b/kept", unit("l"))
        await opened.store("a/x", unit("x"))
        await opened.store("a/x", unit("y"))
        assert await stored(opened, "a") == 3
        await opened.store("a/z", unit("z"))
        assert await list_trash(opened) == ["c/lost", "b/lost"]
        await opened.store("a/w", unit("w"))
        assert len((await opened.drive.list_versions(opened.actor, parse_path("a/x"), 9)).items) == 1
        # Now only what is current is left, though others have trash and old versions, and the drive has room.
        assert await refusal(opened.store("a/v", unit("v"))) == "quota_exceeded"
        assert await refusal(opened.store("a/v", unit("v"), length=None)) == "quota_exceeded"
        assert await list_trash(opened) == ["c/lost", "b/lost"]
        assert len((await opened.drive.list_versions(opened.actor, parse_path("b/kept"), 9)).items) == 2


@pytest.mark.parametrize("length", [UNIT, None])
@in_reactor
async def test_when_the_drive_is_full_nobody_makes_room_of_what_others_have(tmp_path: Path, length: int | None) -> None:
    async with open_drive(tmp_path, EIGHT_UNITS) as opened:
        await set_quota(opened, "a", 90)
        await set_quota(opened, "b", 90)
        await opened.store("kept", unit("k", 4))
        for folder in ("b", "c", "a", "a"):
            await opened.store(f"{folder}/lost", unit(str(len(await opened.list_blobs()))))
            await discard(opened, f"{folder}/lost")
        for number in range(2):
            await opened.store(f"a/{number}", unit("xy"[number]), length=length)
        assert await list_trash(opened) == ["c/lost", "b/lost"]
        assert await refusal(opened.store("a/more", unit("z"), length=length)) == "no_capacity"
        assert await refusal(opened.store("more", unit("z", 2), length=length and 2 * length)) == "no_capacity"
        await opened.store("more", unit("z"), length=length)
        assert await list_trash(opened) == ["b/lost"]
        assert await opened.storage.catalogue.stored_bytes() == 8 * UNIT


@in_reactor
async def test_no_more_goes_than_has_to(tmp_path: Path) -> None:
    """What has the bytes of others as well goes from the account, though not from the disk."""
    async with open_drive(tmp_path) as opened:
        await set_quota(opened, "a", 3)
        await opened.store("outside", unit("s"))
        for name in ("first", "second", "third"):
            await opened.store(f"a/{name}", unit("s"))
            await discard(opened, f"a/{name}")
        await opened.store("a/new", unit("n"))
        assert await list_trash(opened) == ["a/third", "a/second"]
        assert await stored(opened, "a") == 3


@in_reactor
async def test_bytes_that_are_there_already_need_room_in_the_quota_alone(tmp_path: Path) -> None:
    async with open_drive(tmp_path, EIGHT_UNITS) as opened:
        await set_quota(opened, "a", 3)
        await opened.store("a/kept", unit("k"))
        await opened.store("a/lost", unit("k"))
        await opened.store("outside", unit("o", 7))
        await opened.store("outside too", unit("k"), length=None)
        await discard(opened, "a/lost")
        await opened.store("a/1", unit("k"), length=None)
        assert await refusal(opened.store("a/2", unit("o", 7), length=None)) == "quota_exceeded"
        assert await list_trash(opened) == ["a/lost"]
        await opened.store("a/2", unit("k"), length=None)
        assert await list_trash(opened) == []
        assert await stored(opened, "a") == 3


@in_reactor
async def test_whoever_makes_room_in_a_quota_makes_none_for_a_drive_that_is_too_full(tmp_path: Path) -> None:
    async with open_drive(tmp_path, EIGHT_UNITS) as opened:
        await set_quota(opened, "a", 3)
        await opened.store("outside", unit("o", 4))
        await opened.store("kept", unit("k"))
        for name in "123":
            await opened.store(f"a/{name}", unit(name))
            await discard(opened, f"a/{name}")
    # Its capacity is less than what it holds now.
    async with open_drive(tmp_path, evolve(EIGHT_UNITS, capacity=6 * UNIT)) as opened:
        await opened.store("a/new", unit("k"), length=None)
        assert await list_trash(opened) == ["a/3", "a/2"]


@in_reactor
async def test_nothing_is_taken_out_of_the_trash_while_that_is_counted_on(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        owner = await set_quota(opened, "a", 1)
        await opened.store("a/lost", unit("l"))
        await discard(opened, "a/lost")
        entry = (await opened.drive.list_trash(opened.actor, 1)).items[0].id
        blob = make_blob(unit("n"))
        restoring: list[Deferred[str]] = []

        async def commit(_: int, allowance: Allowance) -> None:
            if allowance.quota:
                # Somebody else, at the moment at which it is known that there is something to be given up.
                restore = refusal(opened.drive.restore(opened.actor, entry))
                restoring.append(Deferred.fromCoroutine(restore))
            command = store("a/new", blob, allowance=allowance)
            await opened.storage.catalogue.apply(opened.actor, [command])

        await opened.capacity.admit(opened.actor, UNIT, commit)
        assert await restoring[0] == "trash_entry_not_found"
        assert await opened.storage.catalogue.find_account(owner) == Account(owner=owner, quota=UNIT, stored_bytes=UNIT)


@pytest.mark.parametrize("length", [True, False])
@in_reactor
async def test_a_file_of_which_no_version_is_kept_makes_way_for_its_next(tmp_path: Path, *, length: bool) -> None:
    unit = LEAST_STEP
    async with open_drive(tmp_path, evolve(GENEROUS, versions=1)) as opened:
        await opened.drive.make_folder(opened.actor, parse_path("a"))
        await opened.drive.set_quota(opened.actor, parse_path("a"), 3 * unit)
        for letter, size, code in ((b"1", 2, ""), (b"2", 2, ""), (b"3", 4, "quota_exceeded")):
            storing = opened.store("a/x", letter * size * unit, length=size * unit if length else None)
            if code:
                assert await refusal(storing) == code
            else:
                await storing
        await opened.store("a/lost", b"l" * unit)
        await discard(opened, "a/lost")
        await opened.store("a/x", b"4" * 3 * unit, length=3 * unit if length else None)
        assert await list_trash(opened) == []


@in_reactor
async def test_uploads_at_once_do_not_exceed_a_quota(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened, AsyncExitStack() as stack:
        await set_quota(opened, "a", 5)
        await opened.store("a/lost", unit("l"))
        await discard(opened, "a/lost")
        uploads = [
            await stack.enter_async_context(opened.receive(f"a/{number}", length=UNIT * 2)) for number in range(6)
        ]
        for number, upload in enumerate(uploads):
            await upload.write(unit(str(number), 2))

        async def finish(ending: Awaitable[object]) -> str:
            try:
                await ending
            except CloudError as problem:
                return problem.code
            return "stored"

        ends = await gatherResults([Deferred.fromCoroutine(finish(upload.finish())) for upload in uploads])
        assert sorted(ends) == ["quota_exceeded"] * 4 + ["stored"] * 2
        assert await stored(opened, "a") == 5
        # Nobody was stored for whom it would have had to go.
        assert await list_trash(opened) == ["a/lost"]


@in_reactor
async def test_a_quota_is_judged_where_the_folder_is_in_the_end(tmp_path: Path) -> None:
    """A folder that an upload goes to is moved meanwhile; room is made where it is then, and nowhere else."""
    async with open_drive(tmp_path) as opened:
        for folder in ("a", "b"):
            await set_quota(opened, folder, 3)
            await opened.store(f"{folder}/lost", unit(folder, 3))
            await discard(opened, f"{folder}/lost")
        await opened.drive.make_folder(opened.actor, parse_path("a/in"))
        async with opened.receive("a/in/new", length=UNIT) as upload:
            await upload.write(unit("n"))
            await opened.drive.move(opened.actor, parse_path("a/in"), parse_path("in"))
            await opened.drive.make_folder(opened.actor, parse_path("b/in"))
            await opened.drive.move(opened.actor, parse_path("a"), parse_path("former"))
            await opened.drive.move(opened.actor, parse_path("b"), parse_path("a"))
            await upload.finish()
        assert await stored(opened, "a") == 1
        assert await stored(opened, "former") == 3
        assert await list_trash(opened) == ["a/lost"]


@in_reactor
async def test_an_upload_of_unknown_length_ends_when_the_quota_does(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        await opened.drive.make_folder(opened.actor, parse_path("a"))
        await opened.drive.set_quota(opened.actor, parse_path("a"), LEAST_STEP)
        async with opened.receive("a/new", length=None) as upload:
            await upload.write(b"n" * LEAST_STEP)
            assert await refusal(upload.write(b"n" * 2 * LEAST_STEP)) == "quota_exceeded"
        # Others have not been kept from anything.
        await opened.store("b", b"b" * LEAST_STEP)


@in_reactor
async def test_what_is_announced_beyond_a_quota_is_refused_before_its_first_byte(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        await set_quota(opened, "a", 3)
        await opened.store("a/kept", unit("k"))
        await opened.store("a/lost", unit("l"))
        await discard(opened, "a/lost")
        with pytest.raises(CloudError) as refused:
            async with opened.receive("a/new", length=2 * UNIT + 1):
                pytest.fail("it has begun")
        assert refused.value.code == "quota_exceeded"
        # What could make way does not yet.
        async with opened.receive("a/new", length=2 * UNIT):
            assert await list_trash(opened) == ["a/lost"]


@in_reactor
async def test_what_is_done_right_after_an_upload_has_to_fit_as_it_is(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        await set_quota(opened, "a", 2)
        await opened.store("a/lost", unit("l"))
        await discard(opened, "a/lost")
        async with opened.receive("new", length=None) as upload:
            await upload.write(unit("n", 2))
            move = Move(path=parse_path("new"), destination=parse_path("a/new"))
            assert await refusal(upload.finish(also=[move])) == "quota_exceeded"
        assert await list_trash(opened) == ["a/lost"]
        async with opened.receive("a/new", length=None) as upload:
            await upload.write(unit("n", 2))
            await upload.finish(also=[EditTags(path=parse_path("a/new"), add=("t",), most=9)])
        assert await list_trash(opened) == []


@in_reactor
async def test_nobody_may_raise_the_own_quota_or_share_it_out(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        outer = (await opened.drive.make_folder(opened.actor, parse_path("outer"))).folder.id
        owner = await set_quota(opened, "outer/a", 2)
        await opened.drive.make_folder(opened.actor, parse_path("outer/a/below"))

        async def attempt(actor: Actor, path: str) -> set[str]:
            said = set()
            for quota in (99 * UNIT, 1, None):
                try:
                    await opened.drive.set_quota(actor, parse_path(path), quota)
                except CloudError as problem:
                    said.add(problem.code)
                else:
                    said.add("done")
            return said

        inner = make_guest((Role.MANAGER, owner))
        assert await attempt(inner, "outer/a") == {"forbidden"}
        assert await attempt(inner, "outer/a/below") == {"forbidden"}
        for role in Role:
            around = make_guest((role, outer), (Role.VIEWER, ROOT_FOLDER))
            expected = {"done"} if role is Role.MANAGER else {"forbidden"}
            assert await attempt(around, "outer/a/below") == expected
            assert await attempt(around, "outer") == {"forbidden"}
            assert await attempt(around, "outer/a") == expected
        # Without a quota of its own there is nothing to share out but the drive.
        assert await attempt(inner, "outer/a/below") == {"done"}
        assert await attempt(OWNER, "") == {"root_has_capacity"}
        assert await attempt(OWNER, "nowhere") == {"folder_not_found"}


@in_reactor
async def test_a_quota_follows_its_folder_and_ends_with_it(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        await set_quota(opened, "a", 3)
        await opened.store("a/before", unit("b"))
        await discard(opened, "a/before")
        await opened.store("a/x", unit("x"))
        await opened.drive.move(opened.actor, parse_path("a"), parse_path("elsewhere/moved"))
        assert await stored(opened, "elsewhere/moved") == 2
        await discard(opened, "elsewhere/moved")
        entry = (await opened.drive.list_trash(opened.actor, 1)).items[0].id
        await opened.drive.restore(opened.actor, entry)
        assert await refusal(opened.store("elsewhere/moved/y", unit("y", 3))) == "quota_exceeded"
        await discard(opened, "elsewhere/moved")
        entry = (await opened.drive.list_trash(opened.actor, 1)).items[0].id
        await opened.drive.purge(opened.actor, entry)
        await opened.collection.collect()
        assert await opened.storage.catalogue.list_quotas() == []
        # What was thrown away from there is still in the trash, and makes way for others now.
        assert await list_trash(opened) == ["a/before"]
        assert await opened.storage.catalogue.evict(NodeId(ROOT_FOLDER))
        assert await list_trash(opened) == []


@in_reactor
async def test_a_quota_tells_nothing_of_what_is_stored_elsewhere(tmp_path: Path) -> None:
    told: list[list[object]] = []
    for is_more in (False, True):
        (directory := tmp_path / str(is_more)).mkdir()
        async with open_drive(directory) as opened:
            guest = evolve(opened, actor=make_guest((Role.EDITOR, await set_quota(opened, "a", 4))))
            if is_more:
                for path in ("same", "b/same", "b/other"):
                    await opened.store(path, unit(path[-1]))
                await opened.store("b/same", unit("e"))
                await set_quota(opened, "b", 1)
                await discard(opened, "same")
            said: list[object] = []
            for name, content in [("1", unit("e")), ("2", unit("e")), ("1", unit("r", 2)), ("3", unit("x", 3))]:
                try:
                    said.append((await guest.store(f"a/{name}", content)).created)
                except CloudError as problem:
                    said.append(problem.message)
                said.append(await stored(opened, "a"))
            told.append(said)
    assert told[0] == told[1]
    assert "The quota of the folder is used up; delete files for good, or let it hold more." in told[0]
