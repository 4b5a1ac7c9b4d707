"""A backup holds the drive of one moment; restoring makes it that again, or changes nothing."""

from __future__ import annotations

import os
import shutil
import tarfile
from pathlib import Path

import pytest
from attrs import define, field
from twisted.internet.defer import Deferred

from cloudsvc.administration.backup import BackedUp, Backup
from cloudsvc.administration.faults import BackupExistsError
from cloudsvc.administration.progress import SILENCE, Progress
from cloudsvc.administration.restoration import Restored, restore_backup
from cloudsvc.core.actors import OWNER
from cloudsvc.core.errors import CloudError, OperatorError
from cloudsvc.drive.commands import Condition
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import File
from cloudsvc.storage.opened import OpenedDrive
from tests.support.administration import (
    DAMAGES,
    FILES,
    damage,
    fill,
    find,
    find_content,
    load,
    load_all,
    open_tools,
    opened,
    store,
)
from tests.support.blobs import read_all
from tests.support.reactors import in_reactor


@define(eq=False)
class Begun:
    """Progress that tells when blobs are about to be copied: the moment of which the backup speaks has passed."""

    copying: Deferred[None] = field(factory=Deferred)

    def begin(self, work: str, total: int) -> None:
        """As :meth:`cloudsvc.administration.progress.Progress.begin`."""
        assert (work, total) == ("copying", sum(map(len, {*FILES.values()})))
        self.copying.callback(None)

    def advance(self, size: int) -> None:
        """As :meth:`cloudsvc.administration.progress.Progress.advance`."""


async def back_up(drive: OpenedDrive, file: Path, *, replace: bool = False, progress: Progress = SILENCE) -> BackedUp:
    backup = Backup(copies=drive.copies, blobs=drive.blobs, disk=drive.disk, now=drive.now)
    return await backup.write(file, progress, replace=replace)


async def restore(file: Path, directory: Path, *, replace: bool = False) -> Restored:
    async with open_tools() as resources:
        return await restore_backup(file, directory, resources, SILENCE, replace=replace)


async def refusal(file: Path, directory: Path, *, replace: bool = False) -> str:
    with pytest.raises(OperatorError) as caught:
        await restore(file, directory, replace=replace)
    return str(caught.value)


def require(file: File) -> Condition:
    """What is met by this version of a file, as clients name it, and by no other."""
    return Condition(validators=frozenset({file.version.validator}))


def list_all(directory: Path) -> dict[str, bytes]:
    """Every file below ``directory`` but those that may come and go."""
    return {
        place.relative_to(directory).as_posix(): place.read_bytes()
        for place in directory.rglob("*")
        if place.is_file() and place.name != "lock" and not place.name.endswith(("-wal", "-shm"))
    }


@in_reactor
async def test_everything_comes_back(tmp_path: Path) -> None:
    async with opened(tmp_path / "drive") as drive:
        old = await store(drive, "plain.txt", b"an older version")
        await fill(drive)
        await store(drive, "tagged", b"tagged", "red", modified_at=-1)
        await store(drive, "gone", b"in the trash")
        await drive.drive.discard(OWNER, parse_path("gone"))
        epoch = (await drive.catalogue.read_changes(OWNER, 0, 1)).epoch
        done = await back_up(drive, tmp_path / "backup.tar")
        assert done.blobs == len(FILES) + 3
        files = await load_all(drive)
        tagged = await find(drive, "tagged")
    assert not [*(tmp_path / "drive/moments").iterdir()]
    restored = await restore(tmp_path / "backup.tar", tmp_path / "new")
    assert (restored.blobs, restored.size, restored.kept) == (done.blobs, done.size, None)
    async with opened(tmp_path / "new") as drive:
        assert await load_all(drive) == files
        again = await find(drive, "tagged")
        assert (again.tags, again.updated_at, again.id) == (tagged.tags, tagged.updated_at, tagged.id)
        assert again.version.modified_at == -1
        # What is replaced now gets the numbers of versions that are lost: nobody may take them for each other.
        assert again.version.validator != tagged.version.validator
        with pytest.raises(CloudError) as caught:
            await drive.drive.discard(OWNER, parse_path("tagged"), condition=require(tagged))
        assert caught.value.code == "precondition_failed"
        await drive.drive.edit_file(OWNER, parse_path("tagged"), add=("blue",), condition=require(again))
        opened_file = await drive.drive.open_file(OWNER, parse_path("plain.txt"), old.version.id)
        assert await read_all(opened_file.reader) == b"an older version"
        await opened_file.reader.close()
        [entry] = (await drive.drive.list_trash(OWNER, 10)).items
        await drive.drive.restore(OWNER, entry.id)
        assert await load(drive, "gone") == b"in the trash"
        assert (await drive.catalogue.read_changes(OWNER, 0, 1)).epoch != epoch
        assert await drive.collection.quarantine_orphans() == 0


@in_reactor
async def test_an_empty_drive_comes_back_empty(tmp_path: Path) -> None:
    async with opened(tmp_path / "drive") as drive:
        assert (await back_up(drive, tmp_path / "backup.tar")).blobs == 0
    await restore(tmp_path / "backup.tar", tmp_path / "drive")
    async with opened(tmp_path / "drive") as drive:
        assert await load_all(drive) == {}


@in_reactor
async def test_it_is_the_drive_of_one_moment(tmp_path: Path) -> None:
    async with opened(tmp_path / "drive") as server, opened(tmp_path / "drive") as drive:
        await fill(server)
        begun = Begun()
        running = Deferred.fromCoroutine(back_up(drive, tmp_path / "backup.tar", progress=begun))
        await begun.copying
        await store(server, "young", b"young")
        await server.drive.discard(OWNER, parse_path("folder"))
        await server.drive.purge(OWNER, None)
        await server.collection.collect()
        await running
    await restore(tmp_path / "backup.tar", tmp_path / "new")
    async with opened(tmp_path / "new") as drive:
        assert await load_all(drive) == FILES


@pytest.mark.parametrize("how", [*DAMAGES, "unreadable"])
@in_reactor
async def test_there_is_none_of_damaged_files(tmp_path: Path, how: str) -> None:
    async with opened(tmp_path / "drive") as drive:
        await fill(drive)
        damage(find_content(tmp_path / "drive", FILES["plain.txt"]), how)
        with pytest.raises(OperatorError, match=r"'plain\.txt' would be in the backup"):
            await back_up(drive, tmp_path / "backup.tar")
    assert not (tmp_path / "backup.tar").exists()
    assert not (tmp_path / "backup.tar.part").exists()


@in_reactor
async def test_an_older_one_is_replaced_only_when_one_says_so(tmp_path: Path) -> None:
    (tmp_path / "backup.tar").write_bytes(b"older")
    (tmp_path / "backup.tar.part").write_bytes(b"left by a killed program" * 10_000)
    async with opened(tmp_path / "drive") as drive:
        with pytest.raises(BackupExistsError, match="is there already"):
            await back_up(drive, tmp_path / "backup.tar")
        assert (tmp_path / "backup.tar").read_bytes() == b"older"
        await back_up(drive, tmp_path / "backup.tar", replace=True)
        with pytest.raises(OperatorError, match="cannot be written"):
            await back_up(drive, tmp_path / "missing/backup.tar")
    assert tarfile.is_tarfile(tmp_path / "backup.tar")
    assert not (tmp_path / "backup.tar.part").exists()
    assert (tmp_path / "backup.tar").stat().st_mode & 0o777 == 0o600


@in_reactor
async def test_what_waits_under_its_name_is_neither_followed_nor_used(tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"precious")
    part = tmp_path / "backup.tar.part"
    async with opened(tmp_path / "drive") as drive:
        part.symlink_to("victim")
        with pytest.raises(OperatorError, match="symbolic links"):
            await back_up(drive, tmp_path / "backup.tar")
        assert part.is_symlink()
        part.unlink()
        part.touch()
        if not os.geteuid():
            os.chown(part, 12345, 12345)
            with pytest.raises(OperatorError, match="another user"):
                await back_up(drive, tmp_path / "backup.tar")
            part.unlink()
        await back_up(drive, tmp_path / "backup.tar")
    assert (tmp_path / "victim").read_bytes() == b"precious"


async def make_two(tmp_path: Path) -> dict[str, bytes]:
    """A backup, and a drive with something else; what that drive's directory holds."""
    async with opened(tmp_path / "drive") as drive:
        await fill(drive)
        await back_up(drive, tmp_path / "backup.tar")
        await drive.drive.discard(OWNER, parse_path("folder"))
        await fill(drive, {"plain.txt": b"changed since", "new": b"new"})
        await drive.drive.purge(OWNER, None)
        await drive.collection.collect()
    return list_all(tmp_path / "drive")


@in_reactor
async def test_a_drive_with_files_is_replaced_only_when_one_says_so_and_kept(tmp_path: Path) -> None:
    before = await make_two(tmp_path)
    assert "holds files" in await refusal(tmp_path / "backup.tar", tmp_path / "drive")
    assert list_all(tmp_path / "drive") == before
    restored = await restore(tmp_path / "backup.tar", tmp_path / "drive", replace=True)
    assert restored.kept is not None
    async with opened(tmp_path / "drive") as drive:
        assert await load_all(drive) == FILES
        await drive.collection.quarantine_orphans()
    (tmp_path / restored.kept).rename(tmp_path / "kept")
    async with opened(tmp_path / "kept") as drive:
        assert (await load_all(drive))["plain.txt"] == b"changed since"
        assert (await load_all(drive))["new"] == b"new"


@in_reactor
async def test_a_drive_whose_catalogue_is_damaged_is_replaced_and_kept(tmp_path: Path) -> None:
    await make_two(tmp_path)
    (tmp_path / "drive/catalogue.sqlite3").write_bytes(b"damaged" * 1000)
    (tmp_path / "drive/catalogue.sqlite3-wal").write_bytes(b"left" * 1000)
    assert "holds files" in await refusal(tmp_path / "backup.tar", tmp_path / "drive")
    restored = await restore(tmp_path / "backup.tar", tmp_path / "drive", replace=True)
    assert restored.kept is not None
    assert (tmp_path / restored.kept / "catalogue.sqlite3").read_bytes() == b"damaged" * 1000
    async with opened(tmp_path / "drive") as drive:
        assert await load_all(drive) == FILES


@in_reactor
async def test_a_drive_whose_catalogue_is_lost_is_replaced_and_kept(tmp_path: Path) -> None:
    await make_two(tmp_path)
    (tmp_path / "drive/catalogue.sqlite3").unlink()
    with pytest.raises(OperatorError, match="is missing or empty; bring it back or restore a backup"):
        async with opened(tmp_path / "drive"):
            pass
    assert "holds files" in await refusal(tmp_path / "backup.tar", tmp_path / "drive")
    restored = await restore(tmp_path / "backup.tar", tmp_path / "drive", replace=True)
    assert restored.kept is not None
    assert find_content(tmp_path / restored.kept, b"new").exists()
    async with opened(tmp_path / "drive") as drive:
        assert await load_all(drive) == FILES


@pytest.mark.parametrize("how", ["cut", "flipped", "catalogue", "schema", "nothing", "text"])
@in_reactor
async def test_a_damaged_backup_changes_nothing(tmp_path: Path, how: str) -> None:
    before = await make_two(tmp_path)
    content = bytearray((tmp_path / "backup.tar").read_bytes())
    if how == "cut":
        del content[len(content) * 2 // 3 :]
    elif how == "flipped":
        content[content.index(FILES["folder/deep/ünï 🎉"]) + 7] ^= 1
    elif how in {"catalogue", "schema"}:
        beginning = content.index(b"SQLite format 3")
        content[beginning + {"catalogue": 40_000, "schema": 2000}[how]] ^= 0x55
    else:
        content = bytearray({"nothing": b"", "text": b"no backup" * 1000}[how])
    (tmp_path / "backup.tar").write_bytes(content)
    assert "is no whole backup" in await refusal(tmp_path / "backup.tar", tmp_path / "drive", replace=True)
    assert list_all(tmp_path / "drive") == before
    assert "is no whole backup" in await refusal(tmp_path / "backup.tar", tmp_path / "new")
    assert list_all(tmp_path / "new") == {}


@in_reactor
async def test_what_is_damaged_in_the_store_is_mended(tmp_path: Path) -> None:
    async with opened(tmp_path / "drive") as drive:
        await fill(drive)
        await back_up(drive, tmp_path / "backup.tar")
    damage(find_content(tmp_path / "drive", FILES["plain.txt"]), "flipped")
    damage(find_content(tmp_path / "drive", FILES["folder/.hidden"]), "missing")
    damage(find_content(tmp_path / "drive", FILES["back\\slash"]), "unreadable")
    await restore(tmp_path / "backup.tar", tmp_path / "drive", replace=True)
    async with opened(tmp_path / "drive") as drive:
        assert await load_all(drive) == FILES


@in_reactor
async def test_what_cannot_be_done_leaves_nothing_behind(tmp_path: Path) -> None:
    await make_two(tmp_path)
    folder = find_content(tmp_path / "drive", FILES["plain.txt"]).parent
    shutil.rmtree(folder)
    folder.touch()
    before = list_all(tmp_path / "drive")
    assert "nothing was replaced" in await refusal(tmp_path / "backup.tar", tmp_path / "drive", replace=True)
    assert list_all(tmp_path / "drive") == before


@in_reactor
async def test_beside_a_server_it_is_refused(tmp_path: Path) -> None:
    await make_two(tmp_path)
    async with opened(tmp_path / "drive") as server:
        assert "is in use" in await refusal(tmp_path / "backup.tar", tmp_path / "drive", replace=True)
        assert "new" in await load_all(server)


@in_reactor
async def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    assert "No such file" in await refusal(tmp_path / "missing.tar", tmp_path / "drive")
