"""Opening of accounts: made for their owner alone, of this schema, and never over something else."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, Final

import psycopg
import pytest
from alembic import command
from alembic.script import ScriptDirectory
from sqlalchemy import ColumnClause, column, create_engine, inspect, text
from sqlalchemy import table as name_table

from cloudsvc.core.errors import OperatorError
from cloudsvc.core.secrets import Secret
from cloudsvc.identity.revisions import NEVER
from cloudsvc.identity.sessions import SessionId
from cloudsvc.storage.catalogue.postgresql.exclusive import use_alone
from cloudsvc.storage.catalogue.postgresql.migration import migrate as migrate_catalogue
from cloudsvc.storage.database.lanes import READER_THREADS
from cloudsvc.storage.database.migration import NewerSchema
from cloudsvc.storage.database.sqlite.migration import migrate as migrate_file
from cloudsvc.storage.database.sqlite.presence import DatabaseInUse, hold_database
from cloudsvc.storage.engines import LOCAL, Engines
from cloudsvc.storage.identity.migration import HEAD, HISTORY
from cloudsvc.storage.identity.opening import open_identity
from cloudsvc.storage.identity.postgresql import migrate
from cloudsvc.storage.identity.schema import metadata
from cloudsvc.storage.identity.sqlite import NAME
from tests.support.catalogues import Trial, Watch
from tests.support.catalogues import open_postgres as open_catalogue
from tests.support.identity_stores import make_group, make_user, open_postgres, open_sqlite
from tests.support.postgresql import find_cluster, find_database
from tests.support.reactors import in_reactor, run_threads

TABLES: Final = {*metadata.tables, HISTORY.version_table}


def refuse(work: Callable[[], object]) -> str:
    """The one line with which it is refused."""
    with pytest.raises(OperatorError) as caught:
        work()
    [line] = caught.value.lines
    return line


def make_database() -> tuple[str, Secret]:
    name = find_cluster().make_database()
    return name, find_cluster().make_url(name)


def list_tables(name: str) -> set[str]:
    found = find_cluster().ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", name)
    return {str(table) for (table,) in found}


def test_head_is_the_last_migration() -> None:
    assert ScriptDirectory.from_config(HISTORY.make_config()).get_heads() == [HEAD]


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_what_migrations_make_is_the_schema(engine: str, tmp_path: Path) -> None:
    if engine == "sqlite":
        migrate_file(tmp_path / NAME, HISTORY)
        made = create_engine(f"sqlite:///{tmp_path / NAME}")
    else:
        _, url = make_database()
        migrate(url)
        made = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url.reveal()))
    inspected = inspect(made)
    assert set(inspected.get_table_names()) == TABLES
    for table in metadata.sorted_tables:
        assert [(each["name"], each["nullable"]) for each in inspected.get_columns(table.name)] == [
            (column.name, column.nullable) for column in table.columns
        ]
        indices = {str(each["name"]): each["column_names"] for each in inspected.get_indexes(table.name)}
        for index in table.indexes:
            assert indices[str(index.name)] == [column.name for column in index.columns]
        assert {each["referred_table"] for each in inspected.get_foreign_keys(table.name)} == {
            each.column.table.name for each in table.foreign_keys
        }
    made.dispose()


@in_reactor
async def test_accounts_of_the_first_schema_keep_their_keys(tmp_path: Path) -> None:
    """By which keys these were made nobody knows."""
    migrate_file(tmp_path / NAME, HISTORY, "0001")
    with closing(sqlite3.connect(tmp_path / NAME, isolation_level=None)) as connection:
        connection.execute(
            "INSERT INTO identity_key (id, label, program, program_key, maker, grants, scopes, created_at, digest,"
            " made, revision) VALUES ('0000000000000001', 'kept', 'camera', 'camera', 'owner', '[]', '[]', 1, ?, 1, 1)",
            [bytes(32)],
        )
    async with open_sqlite(tmp_path) as store:
        [key] = await store.list_keys(10)
        assert (key.label, key.made_by) == ("kept", None)


def upgrade(url: Secret, revision: str) -> None:
    """Make the tables, as an older program has."""
    made = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url.reveal()))
    config = HISTORY.make_config()
    with made.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    made.dispose()


@pytest.mark.parametrize("revision", ["0003", "0004", "0005", "0006", "0007", "0008"])
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
@in_reactor
async def test_accounts_of_an_older_schema_go_on(engine: str, revision: str, tmp_path: Path) -> None:
    """Somebody manages them, has a password and a key, and has signed in by both."""
    _, url = make_database() if engine == "postgresql" else ("", Secret(""))
    if engine == "sqlite":
        migrate_file(tmp_path / NAME, HISTORY, revision)
        made = create_engine(f"sqlite:///{tmp_path / NAME}")
    else:
        upgrade(url, revision)
        made = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url.reveal()))
    rows: list[tuple[str, dict[str, Any]]] = [
        ("user", {"id": "u", "name": "anna", "name_key": "anna", "display_name": "Anna", "is_disabled": 0}),
        ("key", {"id": "0000000000000001", "label": "kept", "holder": "u", "maker": "owner"}),
        ("session", {"id": "s", "user_id": "u", "label": "kept", "seen_at": 1, "ends_at": 9, "expires_at": 9}),
    ]
    rows[0][1].update(scopes='["accounts:write"]', grants='[[1, "manager"]]', password="hash", password_set=1)
    rows[1][1].update(scopes='["files:read"]', revision=1)
    rows[0][1].update(revision=1)
    with made.begin() as connection:
        for name, row in rows:
            values = {**row, "created_at": 1, **({} if name == "user" else {"digest": bytes(32), "made": 1})}
            columns: list[ColumnClause[Any]] = [column(each) for each in values]
            connection.execute(name_table(f"identity_{name}", *columns).insert().values(values))
        connection.execute(text("UPDATE identity_state SET revision = 1"))
    made.dispose()
    if engine == "postgresql":
        migrate(url)
    async with open_sqlite(tmp_path) if engine == "sqlite" else open_postgres(tmp_path, url) as store:
        [user], [key] = await store.list_users(10), await store.list_keys(10)
        assert (str(user.name), user.display_name, user.factors_set) == ("anna", "Anna", NEVER)
        assert (key.label, key.holder) == ("kept", user.id)
        session = await store.find_session(SessionId("s"))
        assert session is not None
        assert (session.session.label, session.session.subject, session.is_void) == ("kept", None, False)
        assert len(await store.find_seal()) == 32
        # Whoever has managed them gets in without the owner's token.
        standing = await store.switch_owner(refused=True)
        assert (standing.refuses_owner, standing.revision) == (True, 2)


@in_reactor
async def test_accounts_are_their_owners_alone(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    former = os.umask(0)
    try:
        async with open_sqlite(directory) as store:
            await store.add_user(make_user())
            assert directory.stat().st_mode & 0o777 == 0o700
            assert {file.name: file.stat().st_mode & 0o777 for file in directory.iterdir()} == dict.fromkeys(
                ("accounts.lock", NAME, f"{NAME}-shm", f"{NAME}-wal"), 0o600
            )
            with closing(sqlite3.connect(directory / NAME)) as other:
                assert other.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    finally:
        os.umask(former)


@in_reactor
async def test_a_link_is_no_database(tmp_path: Path) -> None:
    (tmp_path / NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        async with open_sqlite(tmp_path):
            raise AssertionError


@in_reactor
async def test_whoever_wants_them_alone_waits_for_nobody(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path), open_sqlite(tmp_path):
        with pytest.raises(DatabaseInUse, match="is in use"):
            hold_database(tmp_path / NAME, alone=True)
    lock = hold_database(tmp_path / NAME, alone=True)
    try:
        with pytest.raises(DatabaseInUse):
            async with open_sqlite(tmp_path):
                raise AssertionError
    finally:
        os.close(lock)
    async with open_sqlite(tmp_path):
        pass


@in_reactor
async def test_accounts_of_a_newer_program_are_left_alone(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path) as store:
        await store.add_user(make_user())
    with closing(sqlite3.connect(tmp_path / NAME, isolation_level=None)) as connection:
        connection.execute(f"UPDATE {HISTORY.version_table} SET version_num = '9999'")  # noqa: S608  # a constant
    before = (tmp_path / NAME).read_bytes()
    with pytest.raises(NewerSchema, match=r"newer cloudsvc \(schema 9999\)"):
        async with open_sqlite(tmp_path):
            raise AssertionError
    assert (tmp_path / NAME).read_bytes() == before


def test_a_database_of_a_newer_program_is_left_alone() -> None:
    name, url = make_database()
    migrate(url)
    find_cluster().ask(f"UPDATE {HISTORY.version_table} SET version_num = '9999'", name)  # noqa: S608  # a constant
    assert "newer cloudsvc (schema 9999)" in refuse(lambda: migrate(url))


def test_tables_of_something_else_are_left_alone() -> None:
    name, url = make_database()
    find_cluster().ask("CREATE TABLE identity_provider (id int)", name)
    assert "tables of something else ('identity_provider')" in refuse(lambda: migrate(url))
    assert list_tables(name) == {"identity_provider"}


@pytest.mark.parametrize("order", [(migrate, migrate_catalogue), (migrate_catalogue, migrate)])
def test_accounts_and_a_catalogue_have_room_in_one_database(order: tuple[Callable[[Secret], None], ...]) -> None:
    name, url = make_database()
    for each in (*order, *order):
        each(url)
    assert list_tables(name) > TABLES
    find_cluster().ask("CREATE TABLE other (id int)", name)
    migrate(url)
    migrate_catalogue(url)


@in_reactor
async def test_a_catalogue_that_is_replaced_leaves_the_accounts_as_they_are(tmp_path: Path) -> None:
    url = find_database(tmp_path)
    async with open_postgres(tmp_path) as store:
        group = await store.add_group(make_group())
        user = await store.add_user(make_user(groups=(group.id,)))
        watch = Watch()
        async with open_catalogue(tmp_path, watch) as catalogue:
            await Trial(catalogue, watch).store("file")
        # The catalogue can be had alone while the accounts are in use.
        with use_alone(url) as alone:
            alone.save(tmp_path / "copy")
            alone.replace(tmp_path / "copy")
            assert not alone.is_empty()
        assert await store.find_user(user.name) == user
    references = "SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND conrelid = 'identity_member'::regclass"
    with psycopg.connect(url.reveal()) as connection:
        assert connection.execute(references).fetchone() == (2,)


@in_reactor
async def test_accounts_are_opened_where_the_catalogue_is(tmp_path: Path) -> None:
    from twisted.internet import reactor  # noqa: PLC0415  # installed by then

    url = find_database(tmp_path)
    with run_threads(1) as writer, run_threads(READER_THREADS) as readers:
        start = partial(open_identity, tmp_path, writer=writer, readers=readers, reactor=reactor)  # type: ignore[arg-type]  # the module stands for it
        for engines in (Engines(database=url), LOCAL):
            opened = await start(engines)
            await opened.add_user(make_user())
            await opened.close()
        # Neither is passed over in silence.
        with pytest.raises(OperatorError, match="move that file away"):
            await start(Engines(database=url))
        (tmp_path / NAME).write_bytes(b"no database, but long enough to be one" * 100)
        with pytest.raises(OperatorError, match="the owner alone is let in"):
            await start()
