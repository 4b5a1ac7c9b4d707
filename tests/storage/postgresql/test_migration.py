"""The schema of a database: made once, never over something else, and every fault in one line for its operator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from threading import Barrier, Thread
from typing import Final
from urllib.parse import quote

import psycopg
import pytest
from sqlalchemy import create_engine, inspect
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from cloudsvc.core.errors import OperatorError
from cloudsvc.core.secrets import Secret
from cloudsvc.drive.freezing import Freeze
from cloudsvc.storage.catalogue.migration import HEAD, HISTORY
from cloudsvc.storage.catalogue.postgresql.migration import migrate
from cloudsvc.storage.catalogue.schema import metadata
from cloudsvc.storage.database.postgresql.databases import Database
from cloudsvc.storage.database.postgresql.migration import find_revision
from cloudsvc.storage.database.postgresql.watchdog import Watchdog
from tests.support.catalogues import Trial, Watch, open_postgres
from tests.support.former_freezes import FORMER_FREEZES
from tests.support.postgresql import GUARDED, PASSWORD, Cluster, find_cluster, find_database
from tests.support.reactors import in_reactor


def make_database() -> tuple[str, Secret]:
    name = find_cluster().make_database()
    return name, find_cluster().make_url(name)


def refuse(work: Callable[[], object]) -> str:
    """The one line with which it is refused."""
    with pytest.raises(OperatorError) as caught:
        work()
    [line] = caught.value.lines
    assert "\n" not in line
    return line


def list_tables(name: str) -> set[str]:
    found = find_cluster().ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", name)
    return {str(table) for (table,) in found}


def test_an_empty_database_gets_the_tables_as_they_are_now() -> None:
    name, url = make_database()
    migrate(url)
    assert list_tables(name) == {*metadata.tables, "alembic_version"}
    engine = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url.reveal()))
    inspected = inspect(engine)
    for table in metadata.sorted_tables:
        columns = inspected.get_columns(table.name)
        assert [(each["name"], each["nullable"]) for each in columns] == [
            (column.name, column.nullable) for column in table.columns
        ]
        indices = {str(each["name"]) for each in inspected.get_indexes(table.name)}
        assert {str(index.name) for index in table.indexes} <= indices
    engine.dispose()
    assert find_cluster().ask("SELECT version_num FROM alembic_version", name) == [(HEAD,)]
    # All text is compared as it is, whatever the language of the database.
    question = """
        SELECT count(*) FROM information_schema.columns
        WHERE table_schema = 'public' AND data_type = 'character varying' AND table_name != 'alembic_version'
        AND collation_name IS DISTINCT FROM 'C'
    """
    assert find_cluster().ask(question, name) == [(0,)]


DESCRIPTION: Final = {
    "columns": """
        SELECT table_name, column_name, data_type, is_nullable, column_default, collation_name
        FROM information_schema.columns WHERE table_schema = 'public' AND table_name != 'alembic_version'
    """,
    "indices": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "constraints": """
        SELECT conrelid::regclass::text, contype::text, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace
    """,
}


def describe(name: str, question: str) -> list[str]:
    return sorted(map(repr, find_cluster().ask(question, name)))


def test_an_older_one_becomes_what_a_new_one_is() -> None:
    """Each migration runs on the tables of the first release that had this engine."""
    older, url = make_database()
    find_cluster().ask((Path(__file__).parent / "revision_0009.sql").read_text(), older)
    migrate(url)
    newer, other = make_database()
    migrate(other)
    for what, question in DESCRIPTION.items():
        assert describe(older, question) == describe(newer, question), what
    assert find_cluster().ask("SELECT version_num FROM alembic_version", older) == [(HEAD,)]


@pytest.mark.parametrize(("former", "freeze"), FORMER_FREEZES.values(), ids=FORMER_FREEZES)
@in_reactor
async def test_what_an_older_program_has_frozen_is_frozen_for_the_same(
    tmp_path: Path, former: int, freeze: Freeze
) -> None:
    older, url = make_database()
    find_cluster().ask((Path(__file__).parent / "revision_0009.sql").read_text(), older)
    find_cluster().ask(f"ALTER TABLE state ADD COLUMN frozen_until BIGINT DEFAULT {former} NOT NULL", older)
    find_cluster().ask("ALTER TABLE state ALTER COLUMN frozen_until SET DEFAULT 0", older)
    find_cluster().ask("UPDATE alembic_version SET version_num = '0010'", older)
    migrate(url)
    async with open_postgres(tmp_path, Watch(), url) as catalogue:
        assert (await catalogue.find_standing()).freeze == freeze


def test_a_server_that_does_not_flush_is_told_of() -> None:
    _, url = make_database()
    with capturedLogs() as events:
        migrate(url)
    assert not [event for event in events if "power failure" in event["log_format"]]
    cluster = Cluster.make()
    cluster.options = ("-c", "fsync=off", "-c", "full_page_writes=off")
    try:
        cluster.start()
        with capturedLogs() as events:
            migrate(cluster.make_url(cluster.make_database()))
    finally:
        cluster.remove()
    [event] = [event for event in events if "power failure" in event["log_format"]]
    assert event["names"] == "fsync and full_page_writes"


def test_several_make_it_at_once_and_it_is_made_once() -> None:
    name, url = make_database()
    barrier, problems = Barrier(4), list[BaseException]()

    def work() -> None:
        barrier.wait()
        try:
            migrate(url)
        except BaseException as problem:  # noqa: BLE001  # the test says what it was
            problems.append(problem)

    threads = [Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert problems == []
    assert find_cluster().ask("SELECT count(*) FROM state", name) == [(1,)]
    assert find_cluster().ask("SELECT count(*) FROM alembic_version", name) == [(1,)]


@in_reactor
async def test_what_is_there_stays(tmp_path: Path) -> None:
    watch = Watch()
    async with open_postgres(tmp_path, watch) as catalogue:
        stored = await Trial(catalogue, watch).store("a")
        # Others may migrate while it is open, as long as there is nothing to be done.
        migrate(find_database(tmp_path))
        assert await Trial(catalogue, watch).find("a") == stored.file


@pytest.mark.parametrize(
    "statements",
    [
        "CREATE TABLE accounts (id int); INSERT INTO accounts VALUES (1)",
        "CREATE TABLE node (id int)",
        "CREATE TABLE node (id int); CREATE TABLE state (id int)",
        "CREATE VIEW node AS SELECT 1 AS id",
        "CREATE TABLE a (); CREATE TABLE alembic_version (version_num text); INSERT INTO alembic_version VALUES ('a1')",
    ],
)
def test_a_database_of_something_else_is_left_alone(statements: str) -> None:
    name, url = make_database()
    find_cluster().ask(statements, name)
    before = list_tables(name)
    line = refuse(lambda: migrate(url))
    assert f"the database {name} has tables of something else" in line
    assert "give this server a database of its own" in line
    assert list_tables(name) == before


def test_what_a_newer_program_has_written_is_left_alone() -> None:
    name, url = make_database()
    migrate(url)
    find_cluster().ask("UPDATE alembic_version SET version_num = '9999'", name)
    line = refuse(lambda: migrate(url))
    assert "was written by a newer cloudsvc (schema 9999)" in line


@in_reactor
async def test_whoever_has_it_open_is_not_migrated_under(tmp_path: Path) -> None:
    url, watch = find_database(tmp_path), Watch()
    name = url.reveal().rpartition("/")[-1]
    async with open_postgres(tmp_path, watch):
        find_cluster().ask("UPDATE alembic_version SET version_num = '0007'", name)
        assert "in use by an older cloudsvc" in refuse(lambda: migrate(url))
        assert find_cluster().ask("SELECT version_num FROM alembic_version", name) == [("0007",)]
        find_cluster().ask(f"UPDATE alembic_version SET version_num = '{HEAD}'", name)  # noqa: S608  # a constant


@in_reactor
async def test_one_that_is_not_migrated_is_not_opened(tmp_path: Path) -> None:
    _, url = make_database()
    with pytest.raises(OperatorError, match="has the schema None, not"):
        async with open_postgres(tmp_path, Watch(), url):
            raise AssertionError("it was opened")


def test_a_server_without_trigrams_is_told_of_once() -> None:
    name, url = make_database()
    find_cluster().ask(f"CREATE ROLE plain_{name} LOGIN; GRANT CREATE, USAGE ON SCHEMA public TO plain_{name}", name)
    with capturedLogs() as events:
        migrate(find_cluster().make_url(name, f"plain_{name}"))
    [event] = [event for event in events if event["log_namespace"] == "cloudsvc.storage"]
    assert "no index of names" in event["log_format"]
    assert find_cluster().ask("SELECT to_regclass('node_folded')", name) == [(None,)]
    # As soon as it may be had, it is.
    migrate(url)
    assert find_cluster().ask("SELECT to_regclass('node_folded') IS NOT NULL", name) == [(True,)]


def test_few_names_wait_for_the_index_of_names() -> None:
    name, url = make_database()
    options = "SELECT reloptions FROM pg_class WHERE relname = 'node_folded'"
    migrate(url)
    assert find_cluster().ask(options, name) == [(["gin_pending_list_limit=64"],)]
    # As it was made by earlier programs.
    find_cluster().ask("ALTER INDEX node_folded RESET (gin_pending_list_limit)", name)
    migrate(url)
    assert find_cluster().ask(options, name) == [(["gin_pending_list_limit=64"],)]


def test_faults_are_one_line_without_the_password() -> None:
    cluster = find_cluster()
    name = cluster.make_database()
    password = quote(PASSWORD, safe="")
    right = cluster.make_url(name, GUARDED, password)
    wrong = cluster.make_url(name, GUARDED, "wrong" + password)
    cases = {
        "http://user:wrong@host/": "this is no URL of a PostgreSQL database",
        "postgresql://user:wrong@localhost/name?nothing=1": "this is no URL of a PostgreSQL database",
        wrong.reveal(): "password authentication failed",
        cluster.make_url("missing").reveal(): 'database "missing" does not exist',
        "postgresql://user:wrong@127.0.0.1:1/name": "Connection refused",
        right.reveal(): "make the user of its URL the owner of the database",
    }
    for url, expected in cases.items():
        line = refuse(lambda: migrate(Secret(url)))  # noqa: B023  # called at once
        assert expected in line
        assert "wrong" not in line
        assert PASSWORD not in line
        assert password not in line


def test_a_database_of_another_encoding_is_refused() -> None:
    cluster = find_cluster()
    cluster.ask("DROP DATABASE IF EXISTS ascii")
    cluster.ask("CREATE DATABASE ascii ENCODING 'SQL_ASCII' TEMPLATE template0 LOCALE 'C'")
    assert "has the encoding SQL_ASCII; make one with UTF8" in refuse(lambda: migrate(cluster.make_url("ascii")))


def test_an_older_server_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudsvc.storage.database.postgresql.databases._OLDEST", 10_000_000)
    _, url = make_database()
    assert "15 is the oldest" in refuse(lambda: migrate(url))


def test_every_connection_is_durable_and_bounded(tmp_path: Path) -> None:
    url = find_database(tmp_path)
    name = url.reveal().rpartition("/")[-1]
    find_cluster().ask(f"ALTER DATABASE {name} SET synchronous_commit = off", name)
    connection = Database.of(url, Watchdog(Clock())).connect()
    try:
        for setting, expected in {
            "synchronous_commit": "on",
            "jit": "off",
            "lock_timeout": "30s",
            "statement_timeout": "1min",
            "idle_in_transaction_session_timeout": "1min",
            "client_connection_check_interval": "500ms",
        }.items():
            assert connection.execute(f"SHOW {setting}").fetchall() == [(expected,)]
        assert find_revision(connection, HISTORY) == HEAD
    finally:
        connection.close()
    find_cluster().ask(f"ALTER DATABASE {name} RESET synchronous_commit", name)
