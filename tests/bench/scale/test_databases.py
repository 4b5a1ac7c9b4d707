"""The large catalogue in PostgreSQL is one that a drive could have made."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.scale.databases import Filling, fill_database, find_word, name_file
from bench.stores import FEW, MANY, PAGE
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import File
from cloudsvc.drive.pages import FileQuery
from cloudsvc.storage.catalogue.postgresql.migration import migrate
from cloudsvc.storage.catalogue.schema import metadata
from tests.support.catalogues import TESTER, Watch, open_postgres, store
from tests.support.postgresql import Cluster, find_cluster
from tests.support.reactors import in_reactor

FILES = 250
FILLING = Filling(files=FILES, now=1_700_000_000_000_000, installation="ab" * 16)


@pytest.fixture(scope="module")
def filled() -> tuple[Cluster, str]:
    """A server, and the name of the database that was filled."""
    cluster = find_cluster()
    name = cluster.make_database()
    fill_database(cluster.make_url(name).reveal(), FILLING, lambda _: None)
    return cluster, name


def test_its_tables_have_the_rules_and_indices_of_any_other(filled: tuple[Cluster, str]) -> None:
    cluster, name = filled
    empty = cluster.make_database()
    migrate(cluster.make_url(empty))
    question = """
        SELECT indexdef FROM pg_indexes WHERE schemaname = 'public'
        UNION ALL SELECT conname || pg_get_constraintdef(oid) FROM pg_constraint ORDER BY 1
    """
    assert cluster.ask(question, name) == cluster.ask(question, empty)


def test_its_rows_keep_the_rules_that_were_not_looked_at(filled: tuple[Cluster, str]) -> None:
    cluster, name = filled
    for table in metadata.sorted_tables:
        for key in table.foreign_keys:
            column, other = key.parent.name, key.column
            lost = f"""
                SELECT count(*) FROM {table.name} AS here WHERE {column} IS NOT NULL
                AND NOT EXISTS (SELECT FROM {other.table.name} AS there WHERE there.{other.name} = here.{column})
            """  # noqa: S608  # names of our tables
            assert cluster.ask(lost, name) == [(0,)]
    assert cluster.ask("SELECT count(*), sum(size * refs) FROM blob", name) == [(FILES + PAGE, 4096 * (FILES + PAGE))]
    state = cluster.ask("SELECT stored_bytes, last_change, installation FROM state", name)
    assert state == [(4096 * (FILES + PAGE), FILES + PAGE + 2, FILLING.installation)]
    numbers = cluster.ask("SELECT min(number), max(number), count(*) FROM change", name)
    assert numbers == [(1, FILES + PAGE + 2, FILES + PAGE + 2)]


@in_reactor
async def test_a_drive_goes_on_with_it(filled: tuple[Cluster, str], tmp_path: Path) -> None:
    cluster, name = filled
    async with open_postgres(tmp_path, Watch(), cluster.make_url(name)) as catalogue:
        for folder, count in ((MANY, FILES), (FEW, PAGE)):
            page = await catalogue.list_children(TESTER, parse_path(folder), 1_000)
            assert len(page.items) == count
            assert all(isinstance(node, File) and node.version.blob.size == 4096 for node in page.items)
        found = await catalogue.list_files(TESTER, FileQuery(text=find_word(FILLING.last)), 10)
        assert [str(file.path) for file in found.items] == [f"{MANY}/{name_file(FILLING.last)}"]
        await catalogue.apply(TESTER, [store(f"{MANY}/one more.txt")])
        changes = await catalogue.read_changes(TESTER, FILES + PAGE + 2, 10)
        assert [change.number for change in changes.items] == [FILES + PAGE + 3]
