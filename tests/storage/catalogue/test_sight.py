"""Reads of an actor who does not see everything: a bounded number of statements, led by indices."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Final

import pytest

from cloudsvc.drive.commands import Command, Discard, Move
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import NodeId, VersionId
from cloudsvc.drive.pages import FileQuery, Order
from cloudsvc.storage.catalogue import counting, history
from cloudsvc.storage.catalogue.catalogue import _DEEDS
from cloudsvc.storage.catalogue.listing import Lists
from cloudsvc.storage.catalogue.nodes import find_chain
from cloudsvc.storage.catalogue.seen_files import SeenSearch
from cloudsvc.storage.catalogue.sight import Sight, find_seen, locate, look
from cloudsvc.storage.catalogue.tree import Context
from cloudsvc.storage.database.sqlite.connections import SQLiteConnection, connect
from tests.support.catalogues import NAME, TESTER, read_empty, store

DEEP: Final = "/".join(["way"] * 60)
FLAT: Final = "flat"
MANY: Final = 40


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SQLiteConnection]:
    """A catalogue with much that is hidden, and folders to be granted at two depths, with little and with much."""
    file = tmp_path_factory.mktemp("sight") / NAME
    file.write_bytes(read_empty())
    with closing(connect(file)) as connection:
        connection.execute("BEGIN")
        for number in range(MANY):
            apply(connection, store(f"hidden/{number}"))
            for folder in (DEEP, FLAT):
                apply(connection, store(f"{folder}/{number}"))
        for folder in (DEEP, FLAT):
            for number in range(3):
                apply(connection, Discard(path=parse_path(f"{folder}/{number}")))
                source = parse_path(f"hidden/{number} {len(folder)}")
                apply(connection, store(str(source)))
                apply(connection, Move(path=source, destination=parse_path(f"{folder}/{number}")))
        connection.execute("COMMIT")
        yield connection


def apply(connection: SQLiteConnection, command: Command) -> None:
    context = Context(connection=connection, now=1, epoch="e", actor=TESTER).begin(command)
    _DEEDS[type(command)](context, command)
    history.record_changes(connection, context.noted, context.now)


def grant(connection: SQLiteConnection, folder: str) -> Sight:
    row = find_chain(connection, parse_path(folder)).row
    assert row is not None
    return look(connection, frozenset({row.id}))


def search(query: FileQuery, connection: SQLiteConnection, folder: str, limit: int) -> object:
    return SeenSearch(connection=connection, epoch="e", query=query, sight=grant(connection, folder)).run(limit, None)


READS: Final[dict[str, Callable[[SQLiteConnection, str, int], object]]] = {
    "find": lambda connection, folder, _: find_seen(connection, parse_path(f"{folder}/9"), grant(connection, folder)),
    "children": lambda connection, folder, limit: make_lists(connection, folder).children(
        parse_path(folder), limit, None
    ),
    "ways": lambda connection, folder, limit: make_lists(connection, folder).children(parse_path(""), limit, None),
    "locate": lambda connection, folder, limit: locate(connection, list_nodes(connection, folder)[:limit]),
    "version": lambda connection, folder, _: make_lists(connection, folder).find_version(
        parse_path(f"{folder}/9"), VersionId(1)
    ),
    "versions": lambda connection, folder, limit: make_lists(connection, folder).versions(
        parse_path(f"{folder}/9"), limit, None
    ),
    "trash": lambda connection, folder, limit: make_lists(connection, folder).trash(limit, None),
    # With a file among them in any case, for what files contain is two statements more.
    "changes": lambda connection, folder, limit: history.read_changes(
        connection, 0, limit + 5, grant(connection, folder)
    ),
    "usage": lambda connection, folder, _: counting.count_seen_usage(connection, grant(connection, folder)),
    **{
        f"files by {order.value}": partial(search, FileQuery(order=order)) for order in Order if order is not Order.PATH
    },
}


def list_nodes(connection: SQLiteConnection, folder: str) -> list[NodeId]:
    """A folder with what is in it: where a folder is costs what anything does."""
    children = make_lists(connection, folder).children(parse_path(folder), MANY, None).items
    return [NodeId(find_chain(connection, parse_path(folder)).ids[-1]), *(child.id for child in children)]


def make_lists(connection: SQLiteConnection, folder: str) -> Lists:
    return Lists(connection=connection, epoch="e", sight=grant(connection, folder))


def trace(connection: SQLiteConnection, read: Callable[[], object]) -> list[str]:
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    read()
    connection.set_trace_callback(None)
    assert statements
    return statements


@pytest.mark.parametrize("name", READS)
def test_neither_depth_nor_what_is_found_makes_more_statements(connection: SQLiteConnection, name: str) -> None:
    counts = {
        len(trace(connection, lambda: READS[name](connection, folder, limit)))  # noqa: B023  # called at once
        for folder in (DEEP, FLAT)
        for limit in (1, MANY)
    }
    assert len(counts) == 1
    # One of them finds the folder that is granted, for this test alone.
    assert max(counts) <= 7


@pytest.mark.parametrize("name", READS)
def test_nothing_goes_through_all_files(connection: SQLiteConnection, name: str) -> None:
    steps = {
        step
        for statement in trace(connection, lambda: READS[name](connection, FLAT, 2))
        for _, _, _, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}")
        if step.startswith("SCAN ") and step.split()[1] in {"node", "version", "blob", "change", "tag"}
    }
    assert not steps


@pytest.mark.slow
def test_a_page_of_changes_costs_no_more_where_many_come_after_it(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(read_empty())
    with closing(connect(tmp_path / NAME)) as connection:
        apply(connection, store("way/granted/x"))
        sight = grant(connection, "way/granted")
        [granted] = sight.granted
        steps: list[int] = []
        for more in (100, 20_000):
            # Every second one is not seen.
            connection.executemany(
                "INSERT INTO change (kind, node, is_folder, path, at, actor, chain)"
                " VALUES ('changed', 99, 0, 'way/granted/x', 1, 'somebody', ?)",
                [(chain,) for _ in range(more) for chain in (f"/1/4/{granted}/99/", "/1/98/99/")],
            )
            counted: list[None] = []
            connection.set_progress_handler(lambda: counted.append(None), 100)  # noqa: B023  # called until the next line
            assert len(history.read_changes(connection, 0, 20, sight).items) == 20
            connection.set_progress_handler(None, 0)
            steps.append(len(counted))
        assert steps[1] < 2 * steps[0]
