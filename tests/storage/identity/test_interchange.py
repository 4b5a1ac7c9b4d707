"""Copies of accounts, and what comes back from one: everything, whatever the engines, or nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager, closing
from functools import partial
from pathlib import Path
from typing import Final

import pytest
from attrs import evolve

from cloudsvc.core.actors import Role
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.challenges import Challenge
from cloudsvc.identity.factors import Pending, Totp, make_pending
from cloudsvc.identity.passkeys import Passkey, make_passkey_id
from cloudsvc.identity.revisions import Restriction, Standing
from cloudsvc.identity.users import User
from cloudsvc.storage.database.migration import NewerSchema
from cloudsvc.storage.identity.interchange import examine
from cloudsvc.storage.identity.migration import HISTORY
from cloudsvc.storage.identity.opening import OpenIdentityStore
from tests.support.identity_stores import (
    BEGINNING,
    HASH,
    grant,
    make_group,
    make_link,
    make_program_key,
    make_subject,
    make_user,
    make_user_key,
    make_user_link,
    make_user_session,
    open_postgres,
    open_sqlite,
)
from tests.support.reactors import in_reactor

ENGINES: Final[dict[str, Callable[[Path], AbstractAsyncContextManager[OpenIdentityStore]]]] = {
    "sqlite": open_sqlite,
    "postgresql": open_postgres,
}


PENDING: Final = make_pending().id
MARK: Final = bytes(32)
PASSKEY: Final = partial(
    Passkey,
    id=make_passkey_id(),
    label="phone",
    host="cloud.example",
    credential=bytes(range(32)),
    public_key=b"key",
    sign_count=5,
    is_synced=True,
    created_at=BEGINNING,
)
SECRET: Final = Secret("JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP")


def wait_for(user: User) -> Pending:
    return Pending(id=PENDING, user=user.id, password_set=user.password_set, expires_at=2**60)


async def fill(store: OpenIdentityStore) -> None:
    """Something in each table, and a name that nobody has any more."""
    family = await store.add_group(make_group("family", grant(Role.VIEWER, 5)))
    anna = await store.add_user(make_user("anna", groups=(family.id,), quota=5), HASH)
    gone = await store.add_user(make_user("gone"))
    key = await store.add_key(make_user_key(anna, grants=(grant(Role.VIEWER, 6),)), bytes(range(32)))
    await store.add_key(make_program_key("camera", grant(Role.UPLOADER, 2**40)), bytes(32))
    await store.remove_user(gone.id)
    await store.note_uses({key.id: BEGINNING})
    await store.propose_totp(anna.id, Totp(secret=SECRET, created_at=BEGINNING))
    await store.confirm_totp(anna.id, SECRET, 7, [bytes([number] * 32) for number in range(3)])
    challenge = Challenge(content=b"", digest=bytes(32), expires_at=2**60)
    await store.add_passkey(PASSKEY(user=anna.id), challenge)
    await store.add_pending(wait_for(anna), bytes(32))
    subject = await store.add_subject(make_subject(anna))
    await store.add_session(make_user_session(anna, subject=subject.id), bytes(32))
    link = make_user_link(anna, made_by=key.id, password=HASH, most_uses=3, label="for aunts")
    await store.add_link(link, bytes(range(32)))
    assert await store.count_use(link.id, MARK, BEGINNING, begins=True)
    await store.add_link(make_link(target=2**40, role=Role.UPLOADER), bytes(32))


async def describe(store: OpenIdentityStore) -> list[object]:
    users = await store.list_users(100)
    logins = [await store.find_login(user.name) for user in users]
    keys = [await store.find_key(key.id) for key in await store.list_keys(100)]
    factors = [await store.find_factors(user.id) for user in users]
    subjects = [await store.list_subjects(user.id) for user in users]
    links = [await store.find_link(each.id) for each in await store.list_links(100)]
    passwords = [each and each.hash for each in logins]
    return [links, factors, users, await store.list_groups(100), passwords, keys, subjects]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "copy"


@pytest.mark.parametrize("source", ENGINES)
@pytest.mark.parametrize("target", ENGINES)
@in_reactor
async def test_accounts_move_from_any_engine_to_any_other(source: str, target: str, tmp_path: Path, copy: Path) -> None:
    async with ENGINES[source](tmp_path / "source") as store:
        await fill(store)
        await store.copy(copy)
        expected, standing = await describe(store), await store.find_standing()
        [anna] = await store.list_users(100)
        assert anna.factors_set > 0
        assert len(await store.list_sessions(anna.id)) == 1
    examine(copy, tmp_path)
    async with ENGINES[target](tmp_path / "target") as store:
        former = await store.add_user(make_user("former"))
        session = await store.add_session(make_user_session(former), bytes(32))
        moved = await store.replace(copy, ends_credentials=False)
        assert await describe(store) == expected
        assert moved == await store.find_standing()
        # Who goes on with a download begins another one.
        [limited] = [each for each in await store.list_links(100) if each.most_uses is not None]
        assert await store.count_use(limited.id, MARK, BEGINNING, begins=False)
        assert [each.uses for each in await store.list_links(100) if each.most_uses is not None] == [2]
        # Whoever has signed in does so again, and whoever was about to.
        assert await store.try_pending(PENDING, bytes(32)) is None
        assert await store.find_session(session.id) is None
        assert await store.list_sessions(anna.id) == []
        # One change after all that there were here or there, and it restricts.
        assert moved.revision == standing.revision + 1
        assert moved.restriction is not None
        assert moved.restriction.revision == moved.revision
        with pytest.raises(Exception, match="is taken"):
            await store.add_user(make_user("gone"))
        # Nobody has had that one.
        await store.add_user(make_user("former"))


@in_reactor
async def test_what_may_have_been_revoked_since_is_no_good(tmp_path: Path, copy: Path) -> None:
    async with open_sqlite(tmp_path) as store:
        await fill(store)
        await store.copy(copy)
        known: list[Restriction] = []
        for key in await store.list_keys(100):
            await store.replace_key(evolve(key, revoked_at=BEGINNING))
            restriction = (await store.find_standing()).restriction
            assert restriction is not None
            known.append(restriction)
        before = await store.find_standing()
        examine(copy, tmp_path)
        standing = await store.replace(copy, ends_credentials=True)
        assert standing.revision == standing.void_until == before.revision + 1
        found = [await store.find_key(key.id) for key in await store.list_keys(100)]
        assert [each and each.is_void for each in found] == [True, True]
        links = [await store.find_link(link.id) for link in await store.list_links(100)]
        assert [each and each.is_void for each in links] == [True, True]
        # It is no older store: it goes on to know what was done.
        assert all([await store.knows(each) for each in known])


@pytest.mark.parametrize("ends_credentials", [False, True])
@pytest.mark.parametrize("was_off_here", [False, True])
@pytest.mark.parametrize("was_off_there", [False, True])
@in_reactor
async def test_the_owner_s_token_stays_off_where_somebody_else_gets_in(
    tmp_path: Path, copy: Path, *, ends_credentials: bool, was_off_here: bool, was_off_there: bool
) -> None:
    boss = make_user("boss", grants=(grant(Role.MANAGER, 1),))
    async with open_sqlite(tmp_path / "there") as store:
        await store.add_user(boss, HASH)
        await store.switch_owner(refused=was_off_there)
        await store.copy(copy)
    examine(copy, tmp_path)
    async with open_sqlite(tmp_path / "here") as store:
        await store.add_user(boss, HASH)
        await store.switch_owner(refused=was_off_here)
        moved = await store.replace(copy, ends_credentials=ends_credentials)
        assert moved.refuses_owner is ((was_off_here or was_off_there) and not ends_credentials)


@in_reactor
async def test_an_empty_store_is_copied_too(tmp_path: Path, copy: Path) -> None:
    async with open_sqlite(tmp_path) as store:
        await store.copy(copy)
        examine(copy, tmp_path)
        moved = await store.replace(copy, ends_credentials=False)
        assert moved == Standing(revision=moved.revision, restriction=moved.restriction, void_until=moved.void_until)
        assert moved.revision == 1


ALTERED: Final = {
    "a trigger": "CREATE TRIGGER t AFTER DELETE ON identity_key BEGIN DELETE FROM identity_user; END",
    "a view": "CREATE VIEW v AS SELECT 1",
    "another table": "CREATE TABLE other (id)",
    "another column": "ALTER TABLE identity_user ADD COLUMN other",
    "no state": "DELETE FROM identity_state",
    "a switch that is none": "UPDATE identity_state SET refuses_owner = 2",
    "a revision to come": "UPDATE identity_user SET revision = 1000",
    "a key from the future": "UPDATE identity_key SET made = 9223372036854775807",
    "a factor that nobody asks for": "UPDATE identity_user SET factors_set = NULL",
    "a factor that is not there": "DELETE FROM identity_totp; DELETE FROM identity_passkey",
    "a passkey of nobody": "UPDATE identity_passkey SET user_id = 'nobody'",
    "a passkey without a key": "UPDATE identity_passkey SET public_key = x''",
    "a passkey with a key that is none": "UPDATE identity_passkey SET public_key = 'key'",
    "a passkey with a long key": "UPDATE identity_passkey SET public_key = zeroblob(1025)",
    "a credential that is none": "UPDATE identity_passkey SET credential = 'a'",
    "a passkey with a label that is none": "UPDATE identity_passkey SET label = char(0)",
    "a passkey from the future": "UPDATE identity_passkey SET made = 9223372036854775807",
    "a count that is none": "UPDATE identity_passkey SET sign_count = -1",
    "a secret that makes no codes": "UPDATE identity_totp SET secret = '1'",
    "a secret that is none": "UPDATE identity_totp SET secret = x'00'",
    "a step that is none": "UPDATE identity_totp SET last_step = 'a'",
    "a short secret": "UPDATE identity_totp SET secret = substr(secret, 2)",
    "a long secret": "UPDATE identity_totp SET secret = replace(hex(zeroblob(500000)), '0', 'A')",
    "a short recovery code": "UPDATE identity_recovery_code SET digest = x'00' WHERE digest = x'" + "01" * 32 + "'",
    "a recovery code to come": "UPDATE identity_recovery_code SET made = 1000",
    "another folding": "UPDATE identity_user SET name_key = 'bert'",
    "a reserved name": "UPDATE identity_user SET name = 'owner', name_key = 'owner'",
    "a name that is free": "DELETE FROM identity_name",
    "a short digest": "UPDATE identity_key SET digest = x'00'",
    "a role that is none": """UPDATE identity_group SET grants = '[[1, "owner"]]'""",
    "grants that are none": "UPDATE identity_user SET grants = '{'",
    "too many grants": """UPDATE identity_user SET grants = '[' || substr(replace(hex(zeroblob(500)), '00',
        ',[1, "viewer"]'), 2) || ']'""",
    "a scope that is none": """UPDATE identity_key SET scopes = '["a b"]'""",
    "a key of nobody": "UPDATE identity_key SET holder = 'nobody' WHERE holder IS NOT NULL",
    "a key that never ends": "UPDATE identity_key SET revoked_at = 5",
    "a subject from the future": "UPDATE identity_subject SET made = 1000",
    "a subject without a name": "UPDATE identity_subject SET subject = ''",
    "a subject of nobody": "UPDATE identity_subject SET user_id = 'nobody'",
    "a link from the future": "UPDATE identity_link SET made = 1000",
    "a link with another role": "UPDATE identity_link SET role = 'manager'",
    "a link with a short digest": "UPDATE identity_link SET digest = x'00'",
    "a link of nobody": "UPDATE identity_link SET holder = 'nobody'",
    "a link that never ends": "UPDATE identity_link SET revoked_at = 5",
    "a link with another id": "UPDATE identity_link SET id = 'a' WHERE holder IS NOT NULL",
    "a link without a limit": "UPDATE identity_link SET most_uses = 0",
    "a link to no node": "UPDATE identity_link SET target = 'photos'",
    "a label that is none": "UPDATE identity_link SET label = char(10)",
    "a limit that is no number": "UPDATE identity_link SET most_uses = 1.5",
    "a password that is no hash": "UPDATE identity_user SET password = 'hash'",
    "a password of another algorithm": "UPDATE identity_user SET password = replace(password, 'argon2id', 'argon2i')",
    "a password that takes all memory": "UPDATE identity_user SET password = replace(password, '65536', '4194304')",
    "a password that takes hours": "UPDATE identity_user SET password = replace(password, 't=3', 't=4294967295')",
    "a password that takes many threads": "UPDATE identity_user SET password = replace(password, 'p=4', 'p=4096')",
    "a password that is no text": "UPDATE identity_user SET password = x'00'",
    "a link's password that is no hash": "UPDATE identity_link SET password = 'kept'",
    "a link's password that takes hours": "UPDATE identity_link SET password = replace(password, 't=3', 't=99')",
    "a rate that is none": "UPDATE identity_key SET rate = 'often'",
    "a rate that lets nobody in": "UPDATE identity_key SET rate = '0/minute'",
    "a grant on no folder": """UPDATE identity_user SET grants = '[["a", "viewer"]]'""",
    "a grant of a group on no folder": """UPDATE identity_group SET grants = '[[-1, "viewer"]]'""",
    "a grant of a key on no folder": """UPDATE identity_key SET grants = '[[1.5, "viewer"]]'""",
    "a number that is text": "UPDATE identity_user SET quota = 'much'",
}


@pytest.mark.parametrize("alteration", ALTERED.values(), ids=ALTERED.keys())
@in_reactor
async def test_what_this_program_could_not_have_written_is_refused(alteration: str, tmp_path: Path, copy: Path) -> None:
    async with open_sqlite(tmp_path / "source") as store:
        await fill(store)
        await store.copy(copy)
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.executescript(alteration)
    with pytest.raises(ValueError, match=r"sense|refers|defines|tables|free|given"):
        examine(copy, tmp_path)


@in_reactor
async def test_a_copy_of_a_newer_program_is_refused(tmp_path: Path, copy: Path) -> None:
    async with open_sqlite(tmp_path / "source") as store:
        await store.copy(copy)
    with closing(sqlite3.connect(copy, isolation_level=None)) as connection:
        connection.execute(f"UPDATE {HISTORY.version_table} SET version_num = '9999'")  # noqa: S608  # a constant
    with pytest.raises(NewerSchema):
        examine(copy, tmp_path)


def test_what_is_no_database_is_refused(tmp_path: Path, copy: Path) -> None:
    copy.write_bytes(b"x" * 5000)
    with pytest.raises(sqlite3.Error):
        examine(copy, tmp_path)
    copy.write_bytes(b"")
    with pytest.raises(ValueError, match="no accounts"):
        examine(copy, tmp_path)
