"""Every statement finds what it looks for by an index: a million files cost what a hundred do."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from cloudsvc.core.actors import Actor, Payer
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
from cloudsvc.drive.commands import RestoreVersion as Back
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import BlobId, TrashId, VersionId
from cloudsvc.drive.pages import FileQuery, Order, Page
from cloudsvc.storage.catalogue import (
    accounts,
    collecting,
    counting,
    discarding,
    history,
    matching,
    measuring,
    migrate,
    payers,
)
from cloudsvc.storage.catalogue.catalogue import _DEEDS
from cloudsvc.storage.catalogue.listing import Lists, list_blobs
from cloudsvc.storage.catalogue.name_index.full_text import catch_up
from cloudsvc.storage.catalogue.searching import Search
from cloudsvc.storage.catalogue.sight import EVERYTHING
from cloudsvc.storage.catalogue.tree import Context
from cloudsvc.storage.catalogue.walking import Walk
from cloudsvc.storage.database.sqlite.connections import SQLiteConnection, connect
from tests.support.catalogues import NAME, TESTER, make_blob, store

A = parse_path("folder/a")
INDEXED = [order for order in Order if order is not Order.PATH]

# They have one row, or as many as there are backups at the moment, or folders with a quota.
SMALL = {"SCAN state", "SCAN pin", "SCAN account"}
# What the statement itself has brought: the way to a path, what is above or below some nodes, or counts to some quota,
# a list in a parameter.
BROUGHT = {
    "SCAN CONSTANT ROW",
    "SCAN chain",
    "SCAN above",
    "SCAN below",
    "SCAN sizes",
    "SCAN some",
    "SCAN json_each VIRTUAL TABLE INDEX 1:",
}
# All of it is wanted: the trash when it is emptied, and an index of what nothing refers to.
WHOLE = {"SCAN trash", "SCAN blob USING INDEX blob_unused"}


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[SQLiteConnection]:
    migrate(tmp_path / NAME)
    with closing(connect(tmp_path / NAME)) as connection:
        for number in range(3):
            for command in (store("folder/a", bytes([number])), store(f"{number}", b"x"), store(f"t{number}", b"y")):
                apply(connection, command)
            apply(connection, Discard(path=parse_path(f"t{number}")))
        yield connection


PAYING = evolve(TESTER, payer=Payer(name="anna", quota=10**6))


def apply(connection: SQLiteConnection, command: Command, actor: Actor = TESTER) -> Any:
    context = Context(connection=connection, now=1, epoch="e", actor=actor)
    result = _DEEDS[type(command)](context, command)
    history.record_changes(connection, context.noted, context.now)
    return result


def explain(connection: SQLiteConnection, work: Callable[[], object]) -> set[str]:
    """What the database goes through from end to end, or sorts, for what ``work`` asks of it."""
    statements: set[str] = set()
    connection.set_trace_callback(statements.add)
    work()
    connection.set_trace_callback(None)
    assert statements
    return {
        step
        for statement in statements
        for _, _, _, step in connection.execute(f"EXPLAIN QUERY PLAN {statement}")
        if step.startswith(("SCAN ", "USE TEMP B-TREE ")) and step not in BROUGHT
    }


def follow(ask: Callable[[str | None], Page[Any]]) -> Callable[[], object]:
    """Ask for the page after the first."""
    cursor = ask(None).cursor
    assert cursor is not None
    return lambda: ask(cursor)


FILTERS: list[dict[str, Any]] = [
    {},
    {"tag": "t"},
    {"text": "a"},
    {"media_type": "text/plain"},
    {"media_type": "text"},
    {"tag": "t", "text": "a", "media_type": "text", "folder": parse_path("folder")},
]


@pytest.mark.parametrize("order", INDEXED)
def test_pages_of_files(connection: SQLiteConnection, order: Order) -> None:
    for descending, chosen in product((False, True), FILTERS):
        search = Search(connection=connection, epoch="e", query=FileQuery(order=order, descending=descending, **chosen))
        first = explain(connection, lambda: search.run(1, None))  # noqa: B023  # called at once
        # The first page begins where the index does, and ends when it is full.
        assert first == {f"SCAN node USING INDEX node_{'key' if order is Order.NAME else order.value}"}
        cursor = Search(connection=connection, epoch="e", query=FileQuery(order=order, descending=descending)).run(
            1, None
        )
        assert explain(connection, lambda: search.run(1, cursor.cursor)) == set()  # noqa: B023  # called at once


@pytest.mark.parametrize("order", INDEXED)
def test_windows_of_files_that_are_alike(connection: SQLiteConnection, order: Order) -> None:
    """A value and an id are looked up together, so that nothing is passed again that was before."""
    index, column = "key" if order is Order.NAME else order.value, matching.KEYS[order].column.name
    position, near, far = ("b", 7), ("b", 9), ("c", 1)
    for descending, end in product((False, True), (near, far, None)):
        for part in matching.split(position, end):
            for statement in (
                matching.make_matches(order, descending, frozenset(part), frozenset({"tag"})),
                matching.make_edge(order, descending, frozenset(part)),
            ):
                [step, *_] = connection.execute(
                    f"EXPLAIN QUERY PLAN {statement.sqlite.text}",
                    {"tag": "t", "passed": 9, **statement.sqlite.values, **part},
                )
                expected = f" USING INDEX node_{index} ({column}{'=? AND id' if 'same' in part else ''}"
                assert expected in step[3].replace("COVERING ", "")


@pytest.mark.parametrize("narrow", matching.Narrow)
def test_few_candidates(connection: SQLiteConnection, narrow: matching.Narrow) -> None:
    """They cost what they are, not what the drive holds."""
    while catch_up(connection, 1):
        pass
    values = {"most": 9, "top": 1, "tag": "t", "text": "abc", "expression": '"abc"', "indexed": 5}
    few = matching.make_few(narrow)
    plans = connection.execute(f"EXPLAIN QUERY PLAN {few.sqlite.text}", {**few.sqlite.values, **values}).fetchall()
    scans = {step for *_, step in plans if step.startswith("SCAN") and "VIRTUAL TABLE" not in step}
    assert scans <= {"SCAN below"}
    for order, chosen in product(Order, FILTERS):
        given = matching.make_values(FileQuery(**chosen))
        statement = matching.make_candidates(order, frozenset(given))
        assert explain(connection, lambda: statement.run(connection, ids="[5, 6]", **given)) == set()  # noqa: B023  # called at once


@pytest.mark.parametrize("descending", [False, True])
def test_pages_of_files_by_path(connection: SQLiteConnection, *, descending: bool) -> None:
    for chosen in FILTERS:
        query = FileQuery(order=Order.PATH, descending=descending, **chosen)
        walk = Walk(connection=connection, epoch="e", sight=EVERYTHING, query=query)
        assert explain(connection, lambda: walk.run(1, None)) == set()  # noqa: B023  # called at once
    whole = Walk(
        connection=connection, epoch="e", sight=EVERYTHING, query=FileQuery(order=Order.PATH, descending=descending)
    )
    assert explain(connection, follow(lambda cursor: whole.run(1, cursor))) == set()


def test_pages_of_other_lists(connection: SQLiteConnection) -> None:
    lists = Lists(connection=connection, epoch="e", sight=EVERYTHING)
    asks: list[Callable[[str | None], Page[Any]]] = [
        lambda cursor: lists.children(parse_path(""), 1, cursor),
        lambda cursor: lists.versions(A, 1, cursor),
        lambda cursor: lists.trash(1, cursor),
        lambda cursor: list_blobs(connection, 1, cursor),
    ]
    for ask in asks:
        assert explain(connection, lambda: ask(None)) == set()  # noqa: B023  # called at once
        assert explain(connection, follow(ask)) == set()


def test_commands(connection: SQLiteConnection) -> None:
    commands: list[Command] = [
        store("new/file", b"new"),
        store("folder/a", b"joined", versions_kept=2),
        MakeFolder(path=parse_path("x/y")),
        Move(path=parse_path("folder"), destination=parse_path("x/y/z")),
        Copy(source=parse_path("x"), destination=parse_path("folder2")),
        EditTags(path=parse_path("x/y/z/a"), add=("t",), most=3),
        DateFile(path=parse_path("x/y/z/a"), created_at=5, updated_at=6),
        Back(path=parse_path("x/y/z/a"), version=VersionId(7), versions_kept=2),
        Restore(entry=TrashId(1)),
        SetQuota(path=parse_path("x"), quota=10**6),
        SetQuota(path=parse_path("x/y"), quota=10**6),
        store("x/y/z/a", b"of a quota"),
        Move(path=parse_path("x/y/z/a"), destination=parse_path("out of it")),
        Move(path=parse_path("out of it"), destination=parse_path("x/y/z/a")),
        SetQuota(path=parse_path("x/y"), quota=None),
        Discard(path=parse_path("x")),
        Purge(entry=TrashId(2)),
        Purge(entry=None),
    ]
    # The original is gone through, never a table; what it consists of is counted per blob.
    copied = {"SCAN anon_1", "SCAN used", "USE TEMP B-TREE FOR GROUP BY"}
    # Versions of what is thrown away are looked at, no others.
    counted = {"USE TEMP B-TREE FOR count(DISTINCT)"}
    for command in commands:
        found = explain(connection, lambda: apply(connection, command, PAYING))  # noqa: B023  # called at once
        assert found <= SMALL | WHOLE | copied | counted, command


def test_upkeep(connection: SQLiteConnection) -> None:
    apply(connection, Purge(entry=None))
    blobs = [BlobId("0" * 32)]
    works: list[Callable[[], object]] = [
        lambda: discarding.purge_before(connection, 10, 5),
        lambda: discarding.drop_versions_before(connection, 10, 5),
        lambda: discarding.evict(connection, 1),
        lambda: discarding.evict_paid(connection, "anna"),
        lambda: payers.count_bytes(connection, ["anna"]),
        lambda: discarding.find_newest(connection),
        lambda: discarding.purge_up_to(connection, 10, 5),
        lambda: discarding.remove_purged(connection, 2),
        lambda: collecting.mark_for_deletion(connection, 1, None, 0),
        lambda: collecting.forget(connection, blobs),
        lambda: collecting.find_unknown(connection, blobs),
        lambda: collecting.find_users(connection, blobs[0]),
        lambda: counting.count_stored_bytes(connection),
        lambda: accounts.find_miscounts(connection),
        lambda: history.read_changes(connection, 3, 3, EVERYTHING),
        lambda: history.forget_changes(connection, 10, 3),
        lambda: measuring.list_unmeasured(connection, 3, None),
        lambda: measuring.record_checksums(connection, make_blob(b"x")),
        lambda: measuring.deduplicate(connection, make_blob(b"x"), 3),
    ]
    for number, work in enumerate(works):
        assert explain(connection, work) <= SMALL | WHOLE, number
