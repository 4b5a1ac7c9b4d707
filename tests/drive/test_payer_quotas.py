"""Quotas of users: what is stored on their behalf stays within them, and only what is wholly theirs makes room."""

from __future__ import annotations

from collections.abc import Awaitable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from attrs import evolve
from twisted.internet.defer import Deferred, gatherResults

from cloudsvc.core.actors import Actor, Payer, Role
from cloudsvc.core.errors import CloudError, Shortage
from cloudsvc.drive.capacity import LEAST_STEP
from cloudsvc.drive.commands import Copy, MakeFolder
from cloudsvc.drive.names import parse_path
from tests.support.actors import make_guest
from tests.support.opened_drives import ENGINES, GENEROUS, OpenDrive, open_drive, refusal
from tests.support.reactors import in_reactor

UNIT = 2**16


def unit(letter: str, number: int = 1) -> bytes:
    return letter.encode() * UNIT * number


def pay(opened: OpenDrive, units: float | None, name: str = "anna") -> OpenDrive:
    """The same for a user who may do everything and has a quota."""
    quota = None if units is None else int(units * UNIT)
    return evolve(opened, actor=evolve(opened.actor, name=name, payer=Payer(name=name, quota=quota)))


async def discard(opened: OpenDrive, path: str) -> None:
    await opened.drive.discard(opened.actor, parse_path(path))


async def stored(opened: OpenDrive, name: str = "anna") -> float:
    return (await opened.storage.catalogue.count_paid_bytes([name]))[name] / UNIT


async def list_trash(opened: OpenDrive) -> list[str]:
    return [str(each.node.path) for each in (await opened.drive.list_trash(opened.actor, 99)).items]


@in_reactor
async def test_room_is_made_of_what_is_wholly_theirs(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        anna, bert = pay(opened, 4), pay(opened, 4, "bert")
        await bert.store("both/his", unit("b"))
        await anna.store("both/hers", unit("a"))
        await discard(opened, "both")
        await bert.store("his", unit("c"))
        await discard(opened, "his")
        await anna.store("hers/deep/x", unit("d"))
        await discard(opened, "hers")
        await anna.store("x", unit("e"))
        await anna.store("x", unit("f"))
        assert await stored(opened) == 4
        await anna.store("new", unit("g"))
        assert await list_trash(opened) == ["his", "both"]
        await anna.store("newer", unit("h"))
        assert len((await opened.drive.list_versions(opened.actor, parse_path("x"), 9)).items) == 1
        # Now only what is current is left, and what is in the trash with what another one has stored.
        for length in (UNIT, None):
            assert await refusal(anna.store("newest", unit("i"), length=length)) == "user_quota_exceeded"
        assert await stored(opened) == 4
        assert await list_trash(opened) == ["his", "both"]
        await bert.store("his too", unit("j"))
        assert await list_trash(opened) == ["his", "both"]


@in_reactor
async def test_no_more_goes_than_has_to_be_and_nothing_for_whom_is_refused(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        anna = pay(opened, 3)
        for name in ("first", "second", "third"):
            await anna.store(name, unit("s"))
            await discard(opened, name)
        with pytest.raises(CloudError) as refused:
            async with anna.receive("new", length=3 * UNIT + 1):
                pytest.fail("it has begun")
        assert refused.value.code == "user_quota_exceeded"
        async with anna.receive("new", length=UNIT) as upload:
            await upload.write(unit("n"))
        assert await list_trash(opened) == ["third", "second", "first"]
        await anna.store("new", unit("s"))
        assert await list_trash(opened) == ["third", "second"]
        assert await stored(opened) == 3


@in_reactor
async def test_what_was_given_up_before_goes_first(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        anna = pay(opened, 3)
        for name in ("purged", "kept"):
            await anna.store(name, unit(name[0]))
            await discard(opened, name)
        entry = (await opened.drive.list_trash(opened.actor, 9)).items[-1].id
        await opened.drive.purge(opened.actor, entry)
        await anna.store("new", unit("n", 2))
        assert await list_trash(opened) == ["kept"]
        assert await stored(opened) == 3


@in_reactor
async def test_all_quotas_that_are_short_are_made_room_in(tmp_path: Path) -> None:
    async with open_drive(tmp_path, evolve(GENEROUS, capacity=6 * UNIT)) as opened:
        await opened.drive.make_folder(opened.actor, parse_path("q"))
        await opened.drive.set_quota(opened.actor, parse_path("q"), 2 * UNIT)
        anna, bert = pay(opened, 2), pay(opened, 9, "bert")
        await bert.store("q/lost", unit("1"))
        await discard(opened, "q/lost")
        await bert.store("q/kept", unit("2"))
        await anna.store("lost", unit("3"))
        await discard(opened, "lost")
        await anna.store("kept", unit("4"))
        await opened.store("others", unit("5", 2))
        # Of the folder bert's goes, of the user what is elsewhere; both have room in the drive then.
        await anna.store("q/new", unit("6"))
        assert await list_trash(opened) == []
        assert [await stored(opened), await stored(opened, "bert")] == [2, 1]


@pytest.mark.parametrize("engine", ENGINES)
@in_reactor
async def test_uploads_at_once_do_not_exceed_a_quota(tmp_path: Path, engine: str) -> None:
    async with open_drive(tmp_path, engine=engine) as opened, AsyncExitStack() as stack:
        anna = pay(opened, 5)
        await anna.store("lost", unit("l"))
        await discard(opened, "lost")
        uploads = [await stack.enter_async_context(anna.receive(f"a/{number}", length=UNIT * 2)) for number in range(6)]
        for number, upload in enumerate(uploads):
            await upload.write(unit(str(number), 2))

        async def finish(ending: Awaitable[object]) -> str:
            try:
                await ending
            except CloudError as problem:
                return problem.code
            return "stored"

        ends = await gatherResults([Deferred.fromCoroutine(finish(upload.finish())) for upload in uploads])
        assert sorted(ends) == ["stored"] * 2 + ["user_quota_exceeded"] * 4
        assert await stored(opened) == 5
        # Nobody was stored for whom it would have had to go.
        assert await list_trash(opened) == ["lost"]


@in_reactor
async def test_an_upload_of_unknown_length_ends_when_the_quota_does(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        anna = pay(opened, LEAST_STEP / UNIT)
        async with anna.receive("new", length=None) as upload:
            await upload.write(b"n" * LEAST_STEP)
            assert await refusal(upload.write(b"n" * 2 * LEAST_STEP)) == "user_quota_exceeded"
        # Others have not been kept from anything.
        await opened.store("b", b"b" * LEAST_STEP)


@pytest.mark.parametrize("length", [True, False])
@in_reactor
async def test_a_file_of_which_no_version_is_kept_makes_way_for_its_next(tmp_path: Path, *, length: bool) -> None:
    unit = LEAST_STEP
    async with open_drive(tmp_path, evolve(GENEROUS, versions=1)) as opened:
        anna = pay(opened, 3 * unit // UNIT)
        for letter, size, code in ((b"1", 2, ""), (b"2", 2, ""), (b"3", 4, "user_quota_exceeded")):
            storing = anna.store("x", letter * size * unit, length=size * unit if length else None)
            if code:
                assert await refusal(storing) == code
            else:
                await storing
        await anna.store("lost", b"l" * unit)
        await discard(opened, "lost")
        await anna.store("x", b"4" * 3 * unit, length=3 * unit if length else None)
        assert await list_trash(opened) == []
        # What another one has stored makes no room for her.
        await opened.store("theirs", b"5" * 2 * unit)
        assert (
            await refusal(anna.store("theirs", b"6" * unit, length=unit if length else None)) == "user_quota_exceeded"
        )
        # That is said before the bytes are there.
        async with AsyncExitStack() as stack:
            if length:
                receiving = stack.enter_async_context(anna.receive("theirs", length=unit))
                assert await refusal(receiving) == "user_quota_exceeded"
            else:
                upload = await stack.enter_async_context(anna.receive("theirs", length=None))
                assert await refusal(upload.write(b"6" * unit)) == "user_quota_exceeded"


@in_reactor
async def test_who_is_refused_is_told_which_quota_is_used_up_as_far_as_they_may_know(tmp_path: Path) -> None:
    async with open_drive(tmp_path, evolve(GENEROUS, capacity=2**20)) as opened:
        made = await opened.drive.apply(opened.actor, [MakeFolder(path=parse_path(path)) for path in ("q", "q/in")])
        quota, inside = (each.folder.id for each in made)
        await opened.drive.set_quota(opened.actor, parse_path("q"), 3 * UNIT)
        await opened.store("q/in/x", unit("x", 2))
        await opened.store("big", unit("b", 4))

        async def explain(actor: Actor, path: str, size: int) -> Shortage | None:
            found: list[Shortage | None] = []
            for asking in (
                evolve(opened, actor=actor).store(path, unit("n", size)),
                evolve(opened, actor=actor).store(path, unit("n", size), length=None),
            ):
                with pytest.raises(CloudError) as refused:
                    await asking
                found.append(refused.value.shortage)
            assert found[0] == found[1]
            return found[0]

        told = Shortage(scope="folder", limit=3 * UNIT, used=2 * UNIT)
        assert await explain(opened.actor, "q/in/n", 2) == told
        assert await explain(make_guest((Role.EDITOR, quota)), "q/in/n", 2) == told
        # Of what is above what they see, and of what they only bring something to, no more is told.
        for role, folder in ((Role.EDITOR, inside), (Role.UPLOADER, quota), (Role.UPLOADER, inside)):
            assert await explain(make_guest((role, folder)), "q/in/n", 2) == Shortage(scope="folder")
        assert await explain(opened.actor, "n", 99) == Shortage(scope="drive")
        anna = pay(opened, 2).actor
        await evolve(opened, actor=anna).store("hers", unit("h"))
        assert await explain(anna, "n", 2) == Shortage(scope="user", limit=2 * UNIT, used=UNIT)
        # A link of hers, say: whoever comes by it is not her.
        assert await explain(evolve(anna, name="link"), "n", 2) == Shortage(scope="user")
        with pytest.raises(CloudError) as refused:
            await opened.drive.apply(
                anna, [Copy(source=parse_path("big"), destination=parse_path(name)) for name in ("1", "2")]
            )
        assert (refused.value.code, refused.value.shortage) == (
            "user_quota_exceeded",
            Shortage(scope="user", limit=2 * UNIT, used=UNIT),
        )
        with pytest.raises(CloudError) as refused:
            await opened.drive.find(opened.actor, parse_path("nothing"))
        assert refused.value.shortage is None
