"""Statements have one source for two engines, and each method runs a bounded number of them."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from functools import partial
from importlib import import_module
from itertools import product
from pathlib import Path

import pytest
from attrs import evolve
from sqlalchemy.dialects import postgresql
from sqlalchemy.schema import CreateIndex, CreateTable

import cloudsvc.storage.catalogue
from cloudsvc.core.actors import OWNER, Actor, Payer
from cloudsvc.drive.commands import (
    Command,
    Copy,
    DateFile,
    Discard,
    EditTags,
    MakeFolder,
    Move,
    Purge,
    Restore,
    SetQuota,
)
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import BlobId, TrashId
from cloudsvc.drive.pages import FileQuery, Order
from cloudsvc.storage.catalogue import catalogue, collecting, history, matching
from cloudsvc.storage.catalogue.listing import Lists
from cloudsvc.storage.catalogue.nodes import find_chain, make_node
from cloudsvc.storage.catalogue.schema import metadata
from cloudsvc.storage.catalogue.searching import Search
from cloudsvc.storage.catalogue.sight import EVERYTHING
from cloudsvc.storage.catalogue.tree import Context
from cloudsvc.storage.catalogue.walking import Walk
from cloudsvc.storage.database.sqlite.connections import SQLiteConnection, connect
from cloudsvc.storage.database.statements import Statement
from tests.support.catalogues import NAME, make_blob, read_empty, store

POSTGRESQL = postgresql.dialect(paramstyle="named")

# What only SQLite has.
FOREIGN = re.compile(r"\b(instr|json_each|json_extract|rowid|MATCH|INSERT OR|typeof|last_insert_rowid)\b|LIMIT -1")

FILTERS = [frozenset(names) for names in ((), ("tag", "text"), ("media_type", "first_parameter"), ("media_kind",))]
BOUNDS: list[frozenset[str]] = [frozenset(), frozenset({"same", "after_id", "last_id"}), frozenset({"after", "before"})]


def list_statements() -> Iterator[tuple[str, Statement]]:
    """Every statement of the catalogue, and where it is."""
    for module in pkgutil.iter_modules(cloudsvc.storage.catalogue.__path__):
        if not module.ispkg:
            path = f"{cloudsvc.storage.catalogue.__name__}.{module.name}"
            for variable, value in vars(import_module(path)).items():
                values = value.values() if isinstance(value, Mapping) else [value]
                yield from ((f"{path}.{variable}", each) for each in values if isinstance(each, Statement))
    for order, descending in product(Order, (False, True)):
        for part in BOUNDS:
            yield "make_edge", matching.make_edge(order, descending, part)
            yield from (("make_matches", matching.make_matches(order, descending, part, each)) for each in FILTERS)
        yield from (("make_candidates", matching.make_candidates(order, each)) for each in FILTERS)
    yield from (("make_few", matching.make_few(narrow)) for narrow in matching.Narrow)


def test_every_statement_is_one_of_postgresql_too() -> None:
    statements = [*list_statements()]
    for name, statement in statements:
        text = statement.postgresql.text
        assert not FOREIGN.search(text), (name, text)
    # They were found.
    assert {"nodes._CHAIN", "tree._INSERT", "history._COUNT_ON"} <= {
        ".".join(name.split(".")[-2:]) for name, _ in statements
    }


def test_every_table_is_one_of_postgresql_too() -> None:
    for table in metadata.sorted_tables:
        assert "BIGINT" in str(CreateTable(table).compile(dialect=POSTGRESQL))
        for index in table.indexes:
            text = str(CreateIndex(index).compile(dialect=POSTGRESQL))
            assert ("WHERE" in text) == (index.dialect_options["sqlite"]["where"] is not None)


def count(connection: SQLiteConnection, work: Callable[[], object]) -> int:
    """How many statements ``work`` runs, those aside that virtual tables run by themselves."""
    found: list[str] = []
    connection.set_trace_callback(lambda text: None if text.startswith("--") else found.append(text))
    try:
        work()
    finally:
        connection.set_trace_callback(None)
    return len(found)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[SQLiteConnection]:
    (tmp_path / NAME).write_bytes(read_empty())
    with closing(connect(tmp_path / NAME)) as connection:
        connection.execute("BEGIN")
        yield connection
        connection.execute("ROLLBACK")


def do(connection: SQLiteConnection, *commands: Command, actor: Actor = OWNER) -> None:
    context = Context(connection=connection, now=1, epoch="e", actor=actor)
    for command in commands:
        catalogue._do(context, command)
    history.record_changes(connection, context.noted, context.now)


def make_deep(depth: int) -> str:
    return "/".join(f"d{depth}-{level}" for level in range(depth))


def find(connection: SQLiteConnection, path: str) -> None:
    chain = find_chain(connection, parse_path(path))
    assert chain.row is not None
    make_node(connection, "e", chain.row, chain.path)


def list_files(connection: SQLiteConnection, query: FileQuery, size: int) -> None:
    search: Walk | Search
    if query.order is Order.PATH:
        search = Walk(connection=connection, epoch="e", sight=EVERYTHING, query=query)
    else:
        search = Search(connection=connection, epoch="e", query=query)
    assert len(search.run(size, None).items) == size


def test_a_command_costs_the_same_at_every_depth(connection: SQLiteConnection) -> None:
    counts: list[list[int]] = []
    for depth in (1, 50):
        folder = make_deep(depth)
        do(connection, *(store(f"{folder}/{name}", name.encode()) for name in ("file", "other", "lost")))
        do(connection, Discard(path=parse_path(f"{folder}/lost")))
        entry = TrashId(connection.execute("SELECT max(id) FROM trash").fetchone()[0])
        commands: list[Command] = [
            store(f"{folder}/new", f"new {depth}".encode()),
            store(f"{folder}/file", f"changed {depth}".encode()),
            MakeFolder(path=parse_path(f"{folder}/folder")),
            Move(path=parse_path(f"{folder}/file"), destination=parse_path(f"{folder}/moved")),
            Copy(source=parse_path(f"{folder}/moved"), destination=parse_path(f"{folder}/copied")),
            EditTags(path=parse_path(f"{folder}/moved"), add=("a",), most=9),
            DateFile(path=parse_path(f"{folder}/moved"), created_at=5, updated_at=6),
            Restore(entry=entry),
            SetQuota(path=parse_path(folder), quota=10**6),
            Move(path=parse_path(f"{folder}/other"), destination=parse_path(f"{folder}-other")),
            SetQuota(path=parse_path(folder), quota=None),
            Discard(path=parse_path(f"{folder}/moved")),
        ]
        counts.append([count(connection, partial(do, connection, command)) for command in commands])
        do(connection, Purge(entry=None))
    assert counts[0] == counts[1]
    assert max(counts[0]) < 30


def test_a_new_file_costs_no_look_at_what_was_just_written(connection: SQLiteConnection) -> None:
    do(connection, MakeFolder(path=parse_path("folder")))
    new = count(connection, partial(do, connection, store("folder/new", b"new", capacity=10**6)))
    # What is there, three rows of its own, which version is current, what is stored now; and the change.
    assert new == 10
    same = count(connection, partial(do, connection, store("folder/same", b"new", capacity=10**6)))
    assert same == 9


@pytest.mark.parametrize(("quota", "more"), [(None, 1), (10**6, 2)])
def test_a_user_costs_a_new_file_no_more_than_their_row(
    connection: SQLiteConnection, quota: int | None, more: int
) -> None:
    actor = evolve(OWNER, payer=Payer(name="anna", quota=quota))
    do(connection, store("folder/first", b"first"), actor=actor)
    new = count(connection, partial(do, connection, store("folder/new", b"new", capacity=10**6), actor=actor))
    assert new == 10 + more
    # Others pay nothing for it, whatever there is to look through.
    thrown = count(connection, partial(do, connection, Discard(path=parse_path("folder"))))
    do(connection, MakeFolder(path=parse_path("folder")))
    assert count(connection, partial(do, connection, Discard(path=parse_path("folder")))) == thrown


@pytest.mark.slow
def test_a_read_costs_the_same_at_every_depth_and_for_every_size(connection: SQLiteConnection) -> None:
    counts: dict[str, set[int]] = {}
    shared = make_blob(b"shared")
    for depth in (1, 50):
        folder = make_deep(depth)
        names = [f"{number:04}" for number in range(1100)]
        do(connection, *(store(f"{folder}/{name}", shared) for name in names))
        do(connection, *(store(f"{folder}-many/{name}/file", shared) for name in names))
        do(connection, *(EditTags(path=parse_path(f"{folder}/{name}"), add=("t", "u"), most=9) for name in names))
        do(connection, *(store(f"{folder}/file", bytes([number])) for number in range(20)))
        for _ in range(1100):
            do(connection, store(f"{folder}/lost", shared), Discard(path=parse_path(f"{folder}/lost")))
        lists = Lists(connection=connection, epoch="e", sight=EVERYTHING)
        file, top = parse_path(f"{folder}/file"), parse_path(folder)
        for size in (1, 1000):
            reads: dict[str, Callable[[], object]] = {
                "node": partial(find, connection, f"{folder}/file"),
                "children": partial(lists.children, top, size, None),
                "versions": partial(lists.versions, file, size, None),
                "trash": partial(lists.trash, size, None),
                "changes": partial(history.read_changes, connection, 3, size, EVERYTHING),
                "users": partial(collecting.find_users, connection, shared.id),
                "unknown": partial(collecting.find_unknown, connection, [BlobId(name) for name in names[:size]]),
            }
            for order, below in product(Order, ("", "-many")):
                query = FileQuery(order=order, folder=parse_path(folder + below))
                reads[f"files {order.value}{below}"] = partial(list_files, connection, query, size)
            for name, read in reads.items():
                counts.setdefault(name, set()).add(count(connection, read))
    assert {name: found for name, found in counts.items() if max(found) > 25} == {}
    for name in ("node", "children", "versions", "trash", "changes", "unknown", "files path"):
        assert len(counts[name]) == 1
