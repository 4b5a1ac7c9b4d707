"""Uploads of actors who may not do everything: refused at the head, and again when they are stored."""

from __future__ import annotations

from pathlib import Path

from cloudsvc.core.actors import Role
from cloudsvc.drive.commands import Condition
from cloudsvc.drive.names import parse_path
from tests.support.actors import make_guest
from tests.support.opened_drives import OpenDrive, open_drive, refusal
from tests.support.reactors import in_reactor


async def upload(opened: OpenDrive, role: Role, folder: int, path: str, *, replace: bool = True) -> str:
    """The path of which the answer to an upload speaks."""
    guest = make_guest((role, folder))
    async with opened.drive.receive(guest, parse_path(path), length=3, replace=replace) as upload:
        await upload.write(b"new")
        return str((await upload.finish()).file.path)


@in_reactor
async def test_who_may_not_store_is_refused_before_the_first_byte(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        folder = (await opened.drive.make_folder(opened.actor, parse_path("a"))).folder.id
        await opened.store("b/hidden", b"hidden")
        before = await opened.list_blobs()
        for role, path in ((Role.VIEWER, "a/new"), (Role.MANAGER, "b/hidden"), (Role.MANAGER, "b/new")):
            receiving = opened.drive.receive(make_guest((role, folder)), parse_path(path), length=3)
            assert await refusal(receiving.__aenter__()) == "forbidden"
        assert await opened.list_blobs() == before


@in_reactor
async def test_what_is_moved_away_while_bytes_arrive_takes_the_right_with_it(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        folder = (await opened.drive.make_folder(opened.actor, parse_path("a"))).folder.id
        guest = make_guest((Role.EDITOR, folder))
        async with opened.drive.receive(guest, parse_path("a/new"), length=3) as upload:
            await upload.write(b"new")
            await opened.drive.move(opened.actor, parse_path("a"), parse_path("b"))
            await opened.drive.make_folder(opened.actor, parse_path("a"))
            assert await refusal(upload.finish()) == "forbidden"
        assert await opened.list_blobs() == set()
        async with opened.drive.receive(guest, parse_path("b/new"), length=3) as upload:
            await upload.write(b"new")
            await upload.finish()
        assert await opened.load("b/new") == b"new"


@in_reactor
async def test_who_sees_nothing_is_not_told_what_is_there(tmp_path: Path) -> None:
    async with open_drive(tmp_path) as opened:
        folder = (await opened.drive.make_folder(opened.actor, parse_path("a"))).folder.id
        for number in range(2):
            assert await upload(opened, Role.UPLOADER, folder, "a/file", replace=number == 0) == "a/file"
            guest = make_guest((Role.UPLOADER, folder))
            assert await refusal(opened.drive.find(guest, parse_path("a/file"))) == "not_found"
            absent, present = Condition(absent=True), Condition(present=True)
            receiving = opened.drive.receive(guest, parse_path("a/file"), length=3, condition=present)
            assert await refusal(receiving.__aenter__()) == "precondition_failed"
            async with opened.drive.receive(guest, parse_path("a/file"), length=3, condition=absent):
                pass
        page = await opened.drive.list_children(opened.actor, parse_path("a"), 10)
        assert [str(node.path) for node in page.items] == ["a/file", "a/file (2)"]
