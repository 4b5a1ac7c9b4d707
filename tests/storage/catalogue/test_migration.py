"""Tables are brought up to date, and those of a newer program are left alone."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from cloudsvc.drive.names import UNICODE_VERSION
from cloudsvc.storage.catalogue import HEAD, NewerSchema, begin_anew, find_revision, migrate
from cloudsvc.storage.catalogue.migration import make_config
from cloudsvc.storage.catalogue.schema import metadata
from cloudsvc.storage.local import LocalStorage, StorageInUse, StorageThreads
from tests.support.catalogues import NAME, SECOND
from tests.support.reactors import in_reactor, run_threads


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Of an empty catalogue."""
    file = tmp_path / NAME
    migrate(file)
    return file


def ask(path: Path, question: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection, connection:
        return connection.execute(question).fetchall()


def read_all(directory: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in directory.iterdir()}


def test_the_migrations_make_the_tables_that_the_program_uses(path: Path) -> None:
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, metadata) == []
        assert context.get_current_revision() == HEAD
    engine.dispose()


def test_details_that_a_comparison_of_tables_does_not_see(path: Path, tmp_path: Path) -> None:
    made = tmp_path / "made"
    engine = create_engine(f"sqlite:///{made}")
    metadata.create_all(engine)
    engine.dispose()
    question = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'alembic%' AND name NOT LIKE 'sqlite%'"
    tables, expected = (
        {str(name): sorted(str(sql).replace("\t", "").split("\n")) for name, sql in ask(file, question)}
        for file in (path, made)
    )
    strip = str.maketrans("", "", " ,")
    for name, lines in expected.items():
        assert [line.translate(strip) for line in tables[name]] == [line.translate(strip) for line in lines]
    assert tables.keys() == expected.keys()


def test_head_is_the_last_migration() -> None:
    assert ScriptDirectory.from_config(make_config()).get_heads() == [HEAD]


def test_an_empty_catalogue(path: Path) -> None:
    [state] = ask(path, "SELECT id, length(epoch), unicode, stored_bytes, forgotten FROM state")
    assert state == (1, 8, UNICODE_VERSION, 0, 0)
    assert ask(path, "SELECT id, parent, kind FROM node") == [(1, None, 0), (2, None, 0), (3, None, 0)]
    assert find_revision(path) == HEAD


def test_every_catalogue_has_a_history_of_its_own(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    migrate(other)
    epochs = [ask(file, "SELECT epoch FROM state") for file in (path, other)]
    begin_anew(path)
    epochs.append(ask(path, "SELECT epoch FROM state"))
    assert len({str(epoch) for epoch in epochs}) == 3


def test_migrating_again_changes_nothing(path: Path) -> None:
    before = path.read_bytes()
    migrate(path)
    assert path.read_bytes() == before


def test_a_newer_catalogue_is_refused_and_left_as_it_is(path: Path) -> None:
    ask(path, "UPDATE alembic_version SET version_num = '9999'")
    before = read_all(path.parent)
    with pytest.raises(NewerSchema, match=r"written by a newer cloudsvc \(schema 9999\); install that again"):
        migrate(path)
    assert read_all(path.parent) == before


@in_reactor
async def test_the_storage_refuses_a_newer_catalogue(path: Path) -> None:
    ask(path, "UPDATE alembic_version SET version_num = '9999'")
    before = read_all(path.parent)
    with run_threads(1) as threads:
        for _ in range(2):
            with pytest.raises(NewerSchema):
                await LocalStorage.open(
                    path.parent,
                    StorageThreads(writer=threads, readers=threads, disk=threads, uploads=threads),
                    now=lambda: SECOND,
                )
    assert read_all(path.parent) == before | {"lock": b""}


@in_reactor
async def test_whoever_wants_to_be_alone_is_refused_beside_others_and_the_other_way_round(tmp_path: Path) -> None:
    with run_threads(1) as writer, run_threads(1) as other_writer, run_threads(2) as more:
        threads = StorageThreads(writer=writer, readers=more, disk=more, uploads=more)
        others = StorageThreads(writer=other_writer, readers=more, disk=more, uploads=more)
        for alone in (False, True):
            storage = await LocalStorage.open(tmp_path, threads, now=lambda: SECOND, alone=alone)
            with pytest.raises(StorageInUse):
                await LocalStorage.open(tmp_path, others, now=lambda: SECOND, alone=not alone)
            if not alone:
                beside = await LocalStorage.open(tmp_path, others, now=lambda: SECOND)
                await beside.close()
            await storage.close()


def test_what_is_no_catalogue_is_an_error(tmp_path: Path) -> None:
    file = tmp_path / NAME
    file.write_bytes(b"something else entirely\n" * 1000)
    for attempt in (find_revision, migrate):
        with pytest.raises(sqlite3.DatabaseError, match="not a database"):
            attempt(file)
    assert file.read_bytes() == b"something else entirely\n" * 1000


def test_a_migration_that_fails_leaves_nothing(tmp_path: Path) -> None:
    file = tmp_path / NAME
    ask(file, "CREATE TABLE version (x)")
    with pytest.raises(Exception, match="already exists"):
        migrate(file)
    assert ask(file, "SELECT name FROM sqlite_master") == [("version",)]
    assert find_revision(file) is None
