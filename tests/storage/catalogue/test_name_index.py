"""The index of names finds what whoever reads all names finds, whatever has become of them and however far it lags."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from cloudsvc.drive.commands import Discard, Move, Purge
from cloudsvc.drive.freezing import Beginning
from cloudsvc.drive.names import fold_case, parse_path
from cloudsvc.drive.pages import FileQuery, Order
from cloudsvc.storage.catalogue import searching
from cloudsvc.storage.catalogue.matching import Narrow, make_few
from cloudsvc.storage.catalogue.name_index import full_text
from cloudsvc.storage.catalogue.name_index.expressions import make_expression
from cloudsvc.storage.catalogue.name_index.full_text import catch_up, find_indexed
from cloudsvc.storage.catalogue.sqlite.migration import begin_anew
from cloudsvc.storage.database.sqlite.connections import SQLiteConnection, connect
from tests.support.catalogues import NAME, TESTER, Trial, Watch, gather, open_sqlite, store
from tests.support.reactors import in_reactor

FACES = "\N{GRINNING FACE}" * 3
WORDS = ["holiday", "Urlaub", "stra\N{LATIN SMALL LETTER SHARP S}e", '"quoted"', "100%_", "a'b", FACES, "ab"]
TEXTS = ["day", "URLAUB", "STRASSE", "rasse", '"qu', '""', "0%_", "'b-", FACES, "ab-", "b-1", "zzz", "da", ""]


@pytest.fixture(autouse=True)
def small_steps(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """So that few names are many."""
    monkeypatch.setattr(full_text, "_STEP", 7)
    # Hardly anything is found before the index is asked.
    monkeypatch.setattr(searching, "_FIRST_WINDOW", 2)
    return iter(())


def open_file(directory: Path) -> SQLiteConnection:
    return connect(directory / NAME)


async def compare(trial: Trial, **fields: Any) -> None:
    """See that each text is found in the names that contain it, and in no other."""
    everything = await gather(lambda *page: trial.catalogue.list_files(TESTER, FileQuery(**fields), *page))
    for text in TEXTS:
        expected = [file for file in everything if fold_case(text) in fold_case(file.path.name.text)]
        asked = FileQuery(text=text, **fields)
        found = await gather(lambda *page: trial.catalogue.list_files(TESTER, asked, *page), 3)  # noqa: B023  # awaited
        assert found == expected, text


@in_reactor
async def test_names_that_come_change_and_go(tmp_path: Path) -> None:
    watch, random = Watch(), Random(3)  # noqa: S311  # any order will do
    async with open_sqlite(tmp_path, watch) as catalogue:
        trial = Trial(catalogue, watch)
        names = [f"{folder}/{word}-{number}" for folder in "xy" for number, word in enumerate(WORDS * 3)]
        for name in names[::2]:
            await trial.store(name)
        await compare(trial)
        with closing(open_file(tmp_path)) as connection:
            assert find_indexed(connection) == 0
            # Half of it.
            while find_indexed(connection) < 14:
                assert catch_up(connection, 1)
        await compare(trial)
        for name in names[1::2]:
            await trial.store(name)
        await trial.catalogue.tidy()
        await compare(trial, order=Order.NAME)
        for name in random.sample(names, 12):
            await trial.do(Move(path=parse_path(name), destination=parse_path(f"{name}-{random.choice(WORDS)}")))
        await trial.do(Move(path=parse_path("x"), destination=parse_path("Urlaub")))
        await compare(trial, order=Order.SIZE, descending=False)
        for name in random.sample(await trial.files(), 12):
            await trial.do(Discard(path=parse_path(name)))
        await compare(trial, folder=parse_path("Urlaub"))
        await trial.do(Purge(entry=None))
        await trial.collect()
        await trial.store("new/holiday-99")
        await compare(trial)
    with closing(open_file(tmp_path)) as connection:
        # Nothing is in the index that is not in the table, nor the other way round.
        for text in filter(make_expression, TEXTS):
            question = "SELECT rowid FROM node_text WHERE node_text MATCH ? ORDER BY rowid"
            found = connection.execute(question, (make_expression(fold_case(text)),)).fetchall()
            question = "SELECT id FROM node WHERE instr(folded, ?) AND id <= ? AND kind = 1 ORDER BY id"
            assert found == connection.execute(question, (fold_case(text), find_indexed(connection))).fetchall()


@in_reactor
async def test_it_catches_up_after_commits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudsvc.storage.database.sqlite.transactions._BEHIND", 5)
    watch = Watch()
    async with open_sqlite(tmp_path, watch) as catalogue:
        trial = Trial(catalogue, watch)
        for number in range(20):
            await trial.store(f"holiday-{number}")
        with closing(open_file(tmp_path)) as connection:
            newest = connection.execute("SELECT max(id) FROM node").fetchone()[0]
            assert newest - 5 <= find_indexed(connection) <= newest


@in_reactor
async def test_copies_have_none_and_make_their_own(tmp_path: Path) -> None:
    watch = Watch()
    (tmp_path / "copy").mkdir()
    copy = tmp_path / "copy" / NAME
    async with open_sqlite(tmp_path, watch) as catalogue:
        await Trial(catalogue, watch).store("holiday-1")
        await catalogue.tidy()
        async with catalogue.snapshot() as snapshot:
            copy.write_bytes(snapshot.content.read())
    with closing(connect(copy)) as connection:
        tables = [name for (name,) in connection.execute("SELECT name FROM sqlite_schema")]
        assert not [name for name in tables if name.startswith("node_text")]
        assert find_indexed(connection) == 0
    begin_anew(copy, Beginning())
    async with open_sqlite(tmp_path / "copy", watch) as catalogue:
        trial = Trial(catalogue, watch)
        for number in range(5):
            await trial.store(f"holiday-{number}")
        await catalogue.tidy()
        await compare(trial)


@in_reactor
async def test_a_rare_text_is_found_in_one_page(tmp_path: Path) -> None:
    """Not in a row of empty ones, each of which has passed some windows."""
    watch = Watch()
    async with open_sqlite(tmp_path, watch) as catalogue:
        trial = Trial(catalogue, watch)
        await trial.store("old/needle-1")
        await trial.do(*(store(f"new/straw-{number}") for number in range(40)))
        await catalogue.tidy()
        page = await catalogue.list_files(TESTER, FileQuery(text="NEEDLE"), 5)
        assert [str(file.path) for file in page.items] == ["old/needle-1"]
        assert page.cursor is None
        with closing(open_file(tmp_path)) as connection:
            given = {
                "text": "needle",
                "expression": make_expression("needle"),
                "indexed": find_indexed(connection),
            }
            assert make_few(Narrow.TEXT).value(connection, most=9, **given) == page.items[0].id


@given(st.text(min_size=3, max_size=40), st.text(max_size=5), st.text(max_size=5))
@example("\0\0\0", "", "")
@example('""" OR "', "", "")
def test_no_text_is_taken_for_an_operator(text: str, before: str, after: str) -> None:
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.execute("CREATE VIRTUAL TABLE t USING fts5(n, tokenize='trigram case_sensitive 1', detail=none)")
        name = (before + text + after).replace("\0", "")
        connection.execute("INSERT INTO t (n) VALUES (?)", (name,))
        expression = make_expression(text)
        if expression is None:
            assert "\0" in text
        else:
            assert connection.execute("SELECT rowid FROM t WHERE t MATCH ?", (expression,)).fetchall() == [(1,)]
