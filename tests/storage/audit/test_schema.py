"""The tables of the audit: made by migrations as the schema has them, beside others, and asked by an index."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from cloudsvc.core.errors import OperatorError
from cloudsvc.storage.audit import entries
from cloudsvc.storage.audit.migration import HEAD, HISTORY
from cloudsvc.storage.audit.opening import open_audit
from cloudsvc.storage.audit.postgresql import migrate
from cloudsvc.storage.audit.schema import metadata
from cloudsvc.storage.audit.sqlite import NAME
from cloudsvc.storage.catalogue.postgresql.migration import migrate as migrate_catalogue
from cloudsvc.storage.database.lanes import READER_THREADS
from cloudsvc.storage.database.sqlite.connections import connect
from cloudsvc.storage.database.sqlite.migration import migrate as migrate_file
from cloudsvc.storage.database.statements import Statement
from cloudsvc.storage.engines import Engines
from tests.support.audit_logs import make_event
from tests.support.postgresql import find_cluster
from tests.support.reactors import in_reactor, run_threads


def list_statements() -> Iterator[tuple[str, Statement]]:
    for name, value in vars(entries).items():
        if isinstance(value, Statement):
            yield name, value


def test_head_is_the_last_migration() -> None:
    assert ScriptDirectory.from_config(HISTORY.make_config()).get_heads() == [HEAD]


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
def test_what_migrations_make_is_the_schema(engine: str, tmp_path: Path) -> None:
    if engine == "sqlite":
        migrate_file(tmp_path / NAME, HISTORY)
        made = create_engine(f"sqlite:///{tmp_path / NAME}")
    else:
        url = find_cluster().make_url(find_cluster().make_database())
        migrate(url)
        made = create_engine("postgresql+psycopg://", creator=lambda: psycopg.connect(url.reveal()))
    with made.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": HISTORY.version_table})
        assert compare_metadata(context, metadata) == []
    made.dispose()


def test_statements_look_by_the_number_and_are_those_of_both_engines(tmp_path: Path) -> None:
    migrate_file(tmp_path / NAME, HISTORY)
    statements = dict(list_statements())
    assert {"_APPEND", "_FIND_PAGE", "_CUT"} <= statements.keys()
    with closing(connect(tmp_path / NAME)) as connection:
        for name, statement in statements.items():
            assert statement.postgresql.text
            text, always = statement.sqlite
            values = {each: always.get(each) for each in re.findall(r":(\w+)", text)}
            steps = [step for *_, step in connection.execute(f"EXPLAIN QUERY PLAN {text}", values)]
            # The oldest ones are read in their order, and no more of them than are asked for.
            assert all("SCAN audit_entry" not in step for step in steps) or name == "_FIND_OLDEST", name
            assert not any("TEMP B-TREE" in step for step in steps), name


@in_reactor
async def test_it_is_opened_beside_the_catalogue_and_where_that_is() -> None:
    from twisted.internet import reactor  # noqa: PLC0415  # installed by then

    url = find_cluster().make_url(find_cluster().make_database())
    migrate(url)
    # Its tables are none of something else.
    migrate_catalogue(url)
    with run_threads(1) as writer, run_threads(READER_THREADS) as readers:
        log = await open_audit(
            Path("/nowhere"),
            Engines(database=url),
            writer=writer,
            readers=readers,
            reactor=reactor,  # type: ignore[arg-type]  # the module stands for it
        )
        assert (await log.append([make_event()])).number == 1
        await log.close()


@in_reactor
async def test_what_is_no_audit_is_not_opened(tmp_path: Path) -> None:
    from twisted.internet import reactor  # noqa: PLC0415  # installed by then

    (tmp_path / NAME).write_bytes(b"something else" * 1_000)
    with run_threads(1) as writer, run_threads(READER_THREADS) as readers:
        with pytest.raises(OperatorError, match="cannot be opened"):
            await open_audit(
                tmp_path,
                writer=writer,
                readers=readers,
                reactor=reactor,  # type: ignore[arg-type]  # the module stands for it
            )
        log = await open_audit(
            tmp_path / "home" / "data",
            writer=writer,
            readers=readers,
            reactor=reactor,  # type: ignore[arg-type]  # the module stands for it
        )
        await log.close()
        assert (tmp_path / "home" / "data" / NAME).stat().st_mode & 0o777 == 0o600
