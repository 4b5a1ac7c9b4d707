"""Users, groups and keys in a backup: restored with the drive or apart, and nothing revoked since is good again."""

from __future__ import annotations

import io
import sqlite3
import tarfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

import pytest
from attrs import evolve

from cloudsvc.administration.archive import ACCOUNTS_NAME, ArchiveWriter, read_archive
from cloudsvc.administration.backup import Backup
from cloudsvc.administration.progress import SILENCE
from cloudsvc.administration.restoration import restore_accounts, restore_backup
from cloudsvc.core.errors import OperatorError
from cloudsvc.identity.store import IdentityStore
from cloudsvc.identity.witness import Witness
from cloudsvc.storage.account_copies import Accounts, move_accounts
from cloudsvc.storage.engines import LOCAL, Engines
from cloudsvc.storage.identity.record import RECORD_NAME, FileRecord
from tests.support.administration import fill, load_all, open_tools, opened, store
from tests.support.identity_stores import (
    BEGINNING,
    HASH,
    make_program_key,
    make_user,
    make_user_key,
    open_postgres,
    open_sqlite,
)
from tests.support.inline_threads import Inline
from tests.support.postgresql import find_database
from tests.support.reactors import in_reactor

FILES = {"folder/file": b"content"}


def drive_of(home: Path) -> Path:
    return home / "drive"


@asynccontextmanager
async def find_accounts(home: Path) -> AsyncIterator[Accounts]:
    async with open_tools() as resources:
        yield Accounts(data=home, work=drive_of(home) / "moments", engines=LOCAL, resources=resources)


async def back_up(home: Path, file: Path) -> None:
    async with opened(drive_of(home)) as drive, find_accounts(home) as accounts:
        backup = Backup(copies=drive.copies, blobs=drive.blobs, disk=drive.disk, now=drive.now, accounts=accounts)
        await backup.write(file, SILENCE)


async def restore(home: Path, file: Path, *, ends_credentials: bool = True) -> str | None:
    """Restore everything; where the accounts are that were there before."""
    async with find_accounts(home) as accounts, accounts.receive() as intake:
        restored = await restore_backup(
            file,
            drive_of(home),
            accounts.resources,
            SILENCE,
            replace=True,
            accounts=intake,
            ends_credentials=ends_credentials,
        )
    return None if restored.accounts is None else restored.accounts.kept


async def make_accounts(identity: IdentityStore) -> None:
    user = await identity.add_user(make_user("anna"), HASH)
    await identity.add_key(make_user_key(user), bytes(32))
    await identity.add_key(make_program_key("camera"), bytes(32))


def name_members(file: Path) -> list[str]:
    with tarfile.open(file) as tar:
        return tar.getnames()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "backup.tar"


@in_reactor
async def test_without_accounts_a_backup_has_none(home: Path, file: Path) -> None:
    async with opened(drive_of(home)) as drive:
        await fill(drive, FILES)
    await back_up(home, file)
    assert ACCOUNTS_NAME not in name_members(file)
    async with open_sqlite(home) as identity:
        await make_accounts(identity)
    # What it does not speak of stays as it is.
    assert await restore(home, file) is None
    async with open_sqlite(home) as identity:
        assert [str(user.name) for user in await identity.list_users(10)] == ["anna"]
    async with find_accounts(home) as accounts, accounts.receive() as intake:
        with pytest.raises(OperatorError, match="it has no accounts; nothing has changed"):
            await restore_accounts(file, accounts.resources.threads.disk, SILENCE, accounts=intake)


@pytest.mark.parametrize("ends_credentials", [True, False])
@in_reactor
async def test_accounts_come_back_with_the_drive(home: Path, file: Path, *, ends_credentials: bool) -> None:
    async with opened(drive_of(home)) as drive, open_sqlite(home) as identity:
        await fill(drive, FILES)
        await make_accounts(identity)
        await back_up(home, file)
        assert name_members(file)[-2] == ACCOUNTS_NAME
        await store(drive, "later", b"later")
        keys = await identity.list_keys(10)
        for key in keys:
            await identity.replace_key(evolve(key, revoked_at=BEGINNING))
        await identity.add_user(make_user("bert"))
    kept = await restore(home, file, ends_credentials=ends_credentials)
    async with opened(drive_of(home)) as drive:
        assert await load_all(drive) == FILES
    async with open_sqlite(home) as identity:
        assert [str(user.name) for user in await identity.list_users(10)] == ["anna"]
        found = [await identity.find_key(key.id) for key in keys]
        assert [each and each.key for each in found] == keys
        assert {each and each.is_void for each in found} == {ends_credentials}
        # Whoever has said so has accepted them, and an older one is known as such from then on.
        record = FileRecord(file=home / RECORD_NAME, threads=Inline())
        assert await record.read() == (await identity.find_standing()).restriction
        assert await Witness(store=identity, record=record).start()
    assert kept is not None
    with closing(sqlite3.connect(kept)) as former:
        assert former.execute("SELECT name FROM identity_user ORDER BY name").fetchall() == [("anna",), ("bert",)]


@in_reactor
async def test_accounts_come_back_apart_while_a_server_has_them_open(home: Path, file: Path) -> None:
    async with opened(drive_of(home)) as drive, open_sqlite(home) as identity:
        await fill(drive, FILES)
        await make_accounts(identity)
        await back_up(home, file)
        await store(drive, "later", b"later")
        [anna] = await identity.list_users(10)
        await identity.remove_user(anna.id)
        async with find_accounts(home) as accounts, accounts.receive() as intake:
            await restore_accounts(file, accounts.resources.threads.disk, SILENCE, accounts=intake)
        assert await identity.list_users(10) == [anna]
        assert await load_all(drive) == {**FILES, "later": b"later"}


@in_reactor
async def test_accounts_that_no_program_has_written_change_nothing(home: Path, file: Path, tmp_path: Path) -> None:
    async with opened(drive_of(home)) as drive, open_sqlite(home) as identity:
        await fill(drive, FILES)
        await make_accounts(identity)
        await identity.copy(tmp_path / "accounts")
    with closing(sqlite3.connect(tmp_path / "accounts", isolation_level=None)) as altered:
        altered.execute("UPDATE identity_user SET name = 'owner'")
    await back_up(home, file)
    forged = tmp_path / "forged.tar"
    with forged.open("wb", buffering=0) as stream, file.open("rb") as whole:
        writer = ArchiveWriter(stream, "2026-01-01")
        for name, size, content in read_archive(whole):
            if name == ACCOUNTS_NAME:
                while content.read(1024):
                    pass
                data = (tmp_path / "accounts").read_bytes()
                writer.add(name, io.BytesIO(data), len(data))
            else:
                writer.add(name, content, size)
        writer.end()
    async with opened(drive_of(home)) as drive:
        await store(drive, "later", b"later")
    with pytest.raises(OperatorError, match="its accounts are damaged"):
        await restore(home, forged)
    async with opened(drive_of(home)) as drive:
        assert await load_all(drive) == {**FILES, "later": b"later"}
    async with open_sqlite(home) as identity:
        assert (await identity.find_standing()).restriction is None


@in_reactor
async def test_accounts_move_to_a_home_that_has_none(home: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    async with find_accounts(home) as source, open_tools() as resources:
        target = Accounts(
            data=other, work=other / "work", engines=Engines(database=find_database(other)), resources=resources
        )
        assert await move_accounts(source, target) is None
        async with open_sqlite(home) as identity:
            await make_accounts(identity)
            assert await move_accounts(source, target) is True
            async with open_postgres(other) as moved:
                assert await moved.list_users(10) == await identity.list_users(10)
                [key, _] = await moved.list_keys(10)
                found = await moved.find_key(key.id)
                assert found is not None
                assert not found.is_void
                await moved.add_user(make_user("bert"))
            # A repetition takes nothing back that has been done there.
            assert await move_accounts(source, target) is False
        async with open_postgres(other) as moved:
            assert len(await moved.list_users(10)) == 2
