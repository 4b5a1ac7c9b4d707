"""Tables are brought up to date, and those of a newer program are left alone."""

from __future__ import annotations

import re
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from cloudsvc.drive.freezing import ARRIVING, Beginning, Freeze
from cloudsvc.storage.catalogue import HEAD, NewerSchema, begin_anew, find_revision, migrate
from cloudsvc.storage.catalogue.migration import HISTORY
from cloudsvc.storage.catalogue.schema import metadata
from cloudsvc.storage.catalogue.sqlite.receiving import receive
from cloudsvc.storage.local import LocalStorage, StorageInUse, StorageThreads
from tests.support.catalogues import NAME, SECOND, Trial, Watch, open_sqlite
from tests.support.former_freezes import FORMER_FREEZES
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
        # What a later migration has added stands at the end, on the line of something else.
        {
            str(name): sorted(part.strip("\t )") for part in re.split(r"[\n,]+", str(sql)))
            for name, sql in ask(file, question)
        }
        for file in (path, made)
    )
    for name, parts in expected.items():
        assert [part for part in tables[name] if part] == [part for part in parts if part]
    assert tables.keys() == expected.keys()


def test_head_is_the_last_migration() -> None:
    assert ScriptDirectory.from_config(HISTORY.make_config()).get_heads() == [HEAD]


def test_an_empty_catalogue(path: Path) -> None:
    [state] = ask(path, "SELECT id, length(epoch), stored_bytes, forgotten, indexed FROM state")
    assert state == (1, 8, 0, 0, 0)
    assert ask(path, "SELECT id, parent, kind FROM node") == [(1, None, 0), (2, None, 0), (3, None, 0)]
    assert find_revision(path) == HEAD


def test_every_catalogue_has_a_history_of_its_own(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    migrate(other)
    epochs = [ask(file, "SELECT epoch FROM state") for file in (path, other)]
    begin_anew(path, Beginning())
    epochs.append(ask(path, "SELECT epoch FROM state"))
    assert len({str(epoch) for epoch in epochs}) == 3


@in_reactor
async def test_ids_that_were_given_after_a_backup_are_given_to_nothing_else(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path, Watch()) as catalogue:
        kept = (await Trial(catalogue, Watch()).make_folder("kept")).folder
    backup = tmp_path / "backup"
    backup.mkdir()
    shutil.copy(tmp_path / NAME, backup / NAME)
    async with open_sqlite(tmp_path, Watch()) as catalogue:
        lost = (await Trial(catalogue, Watch()).make_folder("lost")).folder
    begin_anew(backup / NAME, Beginning())
    async with open_sqlite(backup, Watch()) as catalogue:
        trial = Trial(catalogue, Watch())
        other = (await trial.make_folder("other")).folder
        assert (await trial.tree())["kept"] == kept
    assert other.id > lost.id > kept.id


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


def test_files_of_an_older_program_keep_their_dates(tmp_path: Path) -> None:
    file = tmp_path / NAME
    migrate(file, "0001")
    ask(file, "INSERT INTO blob VALUES ('b', x'00', 1, 4, 0)")
    moments = {"imported": (-5, 100), "tagged": (200, 100), "stored": (100, 100)}
    for number, (name, (updated, created)) in enumerate(moments.items(), 10):
        node = f"{number}, 1, '{name}', '{name}', '{name}', 1, 1, {updated}, {updated}, {number}, 1, 'a/b'"
        ask(file, f"INSERT INTO node VALUES ({node})")  # noqa: S608  # constants
        ask(file, f"INSERT INTO version VALUES ({number}, {number}, 'b', 'a/b', {created}, NULL)")  # noqa: S608  # two numbers
    ask(file, "INSERT INTO version VALUES (9, 10, 'b', 'a/b', 50, 100)")
    migrate(file)
    found = "SELECT version.id, coalesce(modified_at, version.created_at) FROM version ORDER BY version.id"
    assert ask(file, found) == [(9, 50), (10, -5), (11, 100), (12, 100)]


def test_blobs_of_an_older_program_are_kept_and_lack_a_checksum(tmp_path: Path) -> None:
    file = tmp_path / NAME
    migrate(file, "0004")
    for number in range(1, 4):
        ask(file, f"INSERT INTO blob VALUES ('b{number}', x'0{number}', {number}, 1, 0)")  # noqa: S608  # numbers
        node = f"{number + 10}, 1, 'n{number}', 'n{number}', 'n{number}', 1, 1, 5, 5, {number}, {number}, 'a/b'"
        ask(file, f"INSERT INTO node VALUES ({node})")  # noqa: S608  # constants
        ask(file, f"INSERT INTO version VALUES ({number}, {number + 10}, 'b{number}', 'a/b', 5, NULL, NULL)")  # noqa: S608  # numbers
    ask(file, "INSERT INTO upload VALUES ('u', 'b9', 'o', 'p', 0, NULL, 5)")
    migrate(file)
    assert ask(file, "SELECT id, digest, size, refs, marked, crc32 FROM blob ORDER BY id") == [
        (f"b{number}", bytes([number]), number, 1, 0, None) for number in range(1, 4)
    ]
    assert {row[2] for row in ask(file, "PRAGMA foreign_key_list(version)")} == {"blob", "node"}
    assert ask(file, "PRAGMA foreign_key_check") == []
    assert ask(file, "SELECT name FROM sqlite_master WHERE name LIKE 'upload%' OR name LIKE 'former%'") == []


@pytest.mark.parametrize(("remembered", "last"), [((3, 7), 7), ((), 9)])
def test_changes_are_counted_on_from_where_an_older_program_was(
    tmp_path: Path, remembered: tuple[int, ...], last: int
) -> None:
    file = tmp_path / NAME
    migrate(file, "0004")
    change = "'created', 9, 0, 'a', NULL, 1, 'tester', '/1/9/', NULL"
    for number in remembered or (9,):
        ask(file, f"INSERT INTO change VALUES ({number}, {change})")  # noqa: S608  # constants
    if not remembered:
        # All are forgotten, and their numbers are not given again.
        ask(file, "DELETE FROM change")
    migrate(file)
    assert ask(file, "SELECT last_change FROM state") == [(last,)]


def test_what_an_older_program_has_stored_counts_to_the_root(tmp_path: Path) -> None:
    file = tmp_path / NAME
    migrate(file, "0007")
    ask(file, "INSERT INTO blob VALUES ('b', x'00', 4, 2, 0, 0)")
    for node, parent in ((10, 1), (11, 2)):
        row = f"{node}, {parent}, '{node}', 'n', 'n', 1, 1, 1, {node}, 4, 'a/b'"
        ask(file, f"INSERT INTO node VALUES ({row})")  # noqa: S608  # constants
        ask(file, f"INSERT INTO version VALUES ({node}, {node}, 'b', 'a/b', 1, NULL, NULL)")  # noqa: S608  # numbers
    ask(file, "INSERT INTO trash VALUES (1, 11, 'n', 5, 'tester', '/1/11/')")
    migrate(file)
    assert ask(file, "SELECT id, account FROM version ORDER BY id") == [(10, 1), (11, 1)]
    assert ask(file, "SELECT id, account, shared FROM trash") == [(1, 1, 0)]
    assert ask(file, "SELECT owner FROM account") == []


def make_frozen(file: Path, former: int) -> None:
    """A catalogue that an older program has frozen."""
    migrate(file, "0010")
    ask(file, f"UPDATE state SET frozen_until = {former}")  # noqa: S608  # a number


async def find_freeze(directory: Path) -> Freeze:
    async with open_sqlite(directory, Watch()) as catalogue:
        return (await catalogue.find_standing()).freeze


@pytest.mark.parametrize(("former", "freeze"), FORMER_FREEZES.values(), ids=FORMER_FREEZES)
@in_reactor
async def test_what_an_older_program_has_frozen_is_frozen_for_the_same(
    tmp_path: Path, former: int, freeze: Freeze
) -> None:
    make_frozen(tmp_path / NAME, former)
    migrate(tmp_path / NAME)
    assert await find_freeze(tmp_path) == freeze


@pytest.mark.parametrize("former", [former for former, _ in FORMER_FREEZES.values()], ids=FORMER_FREEZES)
@in_reactor
async def test_a_backup_of_an_older_program_begins_as_is_said(tmp_path: Path, former: int) -> None:
    make_frozen(tmp_path / "backup", former)
    for number, beginning in enumerate((Beginning(), Beginning(freeze=ARRIVING))):
        directory = tmp_path / str(number)
        directory.mkdir()
        with (tmp_path / "backup").open("rb") as content:
            receive(content, directory / NAME, beginning)
        assert await find_freeze(directory) == beginning.freeze
