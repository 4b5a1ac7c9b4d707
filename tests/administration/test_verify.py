"""Every byte is read again; what is not as it was stored is named with the files that need it."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from attrs import evolve

from cloudsvc.administration.progress import SILENCE
from cloudsvc.administration.verification import Verdict, verify_drive
from cloudsvc.core.actors import OWNER, Payer
from cloudsvc.drive.accounts import MiscountedPayer
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.verification import Damage
from cloudsvc.storage.database.sqlite.connections import connect
from cloudsvc.storage.local import CATALOGUE_NAME
from cloudsvc.storage.opened import OpenedDrive
from tests.support.administration import DAMAGES, FILES, damage, fill, find, find_content, opened, store
from tests.support.reactors import in_reactor


async def verify(drive: OpenedDrive) -> Verdict:
    return await verify_drive(drive.catalogue, drive.blobs, drive.disk, SILENCE)


@in_reactor
async def test_a_whole_drive_is_whole(tmp_path: Path) -> None:
    async with opened(tmp_path) as drive:
        assert await verify(drive) == Verdict()
        await fill(drive)
        await store(drive, "the same again", FILES["plain.txt"])
        verdict = await verify(drive)
        assert (verdict.blobs, verdict.size) == (len(FILES), sum(map(len, FILES.values())))
        assert verdict.damaged == []


CALLED = {"flipped": Damage.CONTENT, "cut": Damage.SIZE, "longer": Damage.SIZE, "missing": Damage.MISSING}


@pytest.mark.parametrize("how", DAMAGES)
@in_reactor
async def test_what_is_damaged_is_named_with_all_who_need_it(tmp_path: Path, how: str) -> None:
    async with opened(tmp_path) as drive:
        await fill(drive)
        old = await store(drive, "changed", b"precious")
        await store(drive, "changed", b"other")
        thrown_away = await store(drive, "folder/thrown away", b"precious")
        await drive.drive.discard(OWNER, parse_path("folder/thrown away"))
        copy = await store(drive, "copy", b"precious")
        damage(find_content(tmp_path, b"precious"), how)
        [found] = (await verify(drive)).damaged
        assert (found.blob, found.damage) == (copy.version.blob, CALLED[how])
        assert {(str(path), version) for path, version in found.users} == {
            ("changed", old.version.id),
            ("folder/thrown away", thrown_away.version.id),
            ("copy", copy.version.id),
        }


@in_reactor
async def test_what_is_collected_meanwhile_is_no_damage(tmp_path: Path) -> None:
    async with opened(tmp_path) as drive, opened(tmp_path) as server:
        await fill(server, {"gone": b"gone", "kept": b"kept"})
        gone = (await find(server, "gone")).version.blob

        class Collecting:
            """Collects as soon as the list of blobs has been read."""

            async def list_blobs(self, limit: int, cursor: str | None = None) -> object:
                page = await drive.catalogue.list_blobs(limit, cursor)
                await server.drive.discard(OWNER, parse_path("gone"))
                await server.drive.purge(OWNER, None)
                await server.collection.collect()
                assert gone in page.items
                return page

            def __getattr__(self, name: str) -> object:
                return getattr(drive.catalogue, name)

        verdict = await verify_drive(Collecting(), drive.blobs, drive.disk, SILENCE)  # type: ignore[arg-type]  # it is one, almost
        assert verdict.damaged == []


@in_reactor
async def test_a_user_who_is_counted_wrong_is_named(tmp_path: Path) -> None:
    async with opened(tmp_path) as drive:
        await store(drive, "file", b"12345")
        for name in ("anna", "bert"):
            payer = evolve(OWNER, payer=Payer(name=name))
            await drive.drive.copy(payer, parse_path("file"), parse_path(f"of {name}"))
        assert (await verify(drive)).miscounted_payers == []
    with closing(connect(tmp_path / CATALOGUE_NAME)) as connection:
        connection.execute("UPDATE payer SET stored_bytes = 7 WHERE name = 'anna'")
    async with opened(tmp_path) as drive:
        wrong = MiscountedPayer(name="anna", stored_bytes=7, counted=5)
        assert (await verify(drive)).miscounted_payers == [wrong]
        await drive.catalogue.recount_payers()
        assert (await verify(drive)).miscounted_payers == []
        assert await drive.catalogue.count_paid_bytes(["anna", "bert"]) == {"anna": 5, "bert": 5}


@in_reactor
async def test_a_quota_that_is_counted_wrong_is_named(tmp_path: Path) -> None:
    async with opened(tmp_path) as drive:
        for name in ("right", "wrong"):
            await store(drive, f"{name}/file", name.encode())
            await drive.drive.set_quota(OWNER, parse_path(name), 10)
        assert (await verify(drive)).miscounts == []
    with closing(connect(tmp_path / CATALOGUE_NAME)) as connection:
        [(wrong,)] = connection.execute("SELECT id FROM node WHERE key = 'wrong'").fetchall()
        connection.execute("UPDATE account SET stored_bytes = 7 WHERE owner = ?", (wrong,))
    async with opened(tmp_path) as drive:
        [found] = (await verify(drive)).miscounts
        assert (str(found.quota.path), found.quota.account.stored_bytes, found.counted) == ("wrong", 7, 5)
        for quota in (None, 10):
            await drive.drive.set_quota(OWNER, parse_path("wrong"), quota)
        assert (await verify(drive)).miscounts == []
