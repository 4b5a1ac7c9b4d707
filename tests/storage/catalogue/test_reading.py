"""Nobody waits behind what takes long, and nothing is read for whoever has left."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred

from cloudsvc.core.errors import CloudError
from cloudsvc.drive.commands import MakeFolder
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import Node
from cloudsvc.drive.pages import FileQuery, Order
from cloudsvc.storage.catalogue import page_ends
from cloudsvc.storage.catalogue.searching import Search
from cloudsvc.storage.catalogue.sight import EVERYTHING
from cloudsvc.storage.catalogue.sqlite.opening import open_catalogue
from cloudsvc.storage.catalogue.walking import Walk
from cloudsvc.storage.database.lanes import READER_THREADS, Lane
from cloudsvc.storage.database.reading import Readers
from cloudsvc.storage.database.sqlite.connections import SQLiteConnection, connect
from cloudsvc.storage.database.sqlite.sessions import SQLiteSessions
from tests.support.blobs import SteppingThreads, take_result
from tests.support.catalogues import NAME, TESTER, Trial, Watch, open_sqlite, read_empty, store
from tests.support.opened_drives import refusal
from tests.support.reactors import in_reactor, run_threads

ENDLESS: Final = "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c"
LONG: Final = "WITH RECURSIVE c (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c LIMIT 500000) SELECT count(*) FROM c"
PATIENCE: Final = 100
"""Seconds after which a thread that should have got on never will."""


@define
class Clock:
    """Shows what a test says."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@define(eq=False)
class Bench:
    """Readers whose threads go step by step, and what they have read."""

    path: Path
    threads: SteppingThreads = field(factory=SteppingThreads)
    clock: Clock = field(factory=Clock)
    read: list[Any] = field(factory=list)
    readers: Readers[SQLiteConnection] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.readers = Readers(sessions=SQLiteSessions(self.path), threads=self.threads, monotonic=self.clock)

    def ask(self, mark: Any, lane: Lane = Lane.SCANS, caller: str = "") -> Deferred[Any]:
        return Deferred.fromCoroutine(self.readers.run(lambda _: self.read.append(mark), lane, caller=caller))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    (tmp_path / NAME).write_bytes(read_empty())
    bench = Bench(tmp_path / NAME)
    yield bench
    bench.threads.finish(Deferred.fromCoroutine(bench.readers.close()))


def count_idle(readers: Readers[SQLiteConnection]) -> int:
    """Connections that wait for who reads next."""
    assert isinstance(readers.sessions, SQLiteSessions)
    return readers.sessions.idle.qsize()


def cancel(asked: Deferred[Any]) -> None:
    asked.cancel()
    with pytest.raises(CancelledError):
        take_result(asked)


def test_what_waits_for_a_caller_who_left_is_never_read(bench: Bench) -> None:
    asked = [bench.ask(number) for number in range(20)]
    for each in asked[:-1]:
        cancel(each)
    bench.threads.finish(asked[-1])
    assert bench.read == [19]
    # Two had been given to threads, and ended there before they began.
    assert bench.threads.steps == Lane.SCANS.value.at_once + 1


def test_look_ups_do_not_wait_for_scans(bench: Bench) -> None:
    scans = [bench.ask("scan") for _ in range(20)]
    look_up = bench.ask("look-up", Lane.LOOKUPS)
    for _ in range(Lane.SCANS.value.at_once + 1):
        bench.threads.step()
    assert look_up.called
    bench.threads.finish(scans[-1])
    assert bench.read.count("scan") == 20


def test_clients_come_in_turns(bench: Bench) -> None:
    many = [bench.ask("many", caller="one") for _ in range(20)]
    few = bench.ask("few", caller="another")
    for _ in range(4):
        bench.threads.step()
    assert few.called
    bench.threads.finish(many[-1])


@in_reactor
async def test_what_runs_for_a_caller_who_left_is_interrupted_and_nothing_else(tmp_path: Path) -> None:
    begun: list[threading.Event] = [threading.Event() for _ in range(2)]
    go_on = threading.Event()

    def endless(connection: SQLiteConnection) -> None:
        begun[0].set()
        connection.execute(ENDLESS).fetchone()

    def patient(connection: SQLiteConnection) -> int:
        [first, *_] = connection.execute("SELECT id FROM node ORDER BY id")
        begun[1].set()
        assert go_on.wait(PATIENCE)
        [second, *_] = connection.execute("SELECT id FROM node ORDER BY id")
        assert first == second
        return int(second[0])

    async with open_sqlite(tmp_path, Watch()) as catalogue:
        readers = catalogue._readers
        for _ in range(3):
            for each in begun:
                each.clear()
            go_on.clear()
            left = Deferred.fromCoroutine(readers.run(endless, Lane.PAGES))
            stays = Deferred.fromCoroutine(readers.run(patient, Lane.PAGES))
            waits = Deferred.fromCoroutine(readers.run(lambda _: "read", Lane.PAGES))
            for each in begun:
                await wait_in_thread(each)
            left.cancel()
            with pytest.raises(CancelledError):
                await left
            # The place of the one that was interrupted is free, and its connection as good as new.
            assert await waits == "read"
            go_on.set()
            assert await stays == 1
        assert count_idle(readers) <= 3


async def wait_in_thread(event: threading.Event) -> None:
    with run_threads(1) as threads:
        assert await threads.run(event.wait, PATIENCE)


@in_reactor
async def test_closing_waits_for_what_runs_for_nobody(tmp_path: Path) -> None:
    begun, dropped = threading.Event(), threading.Event()

    def endless(connection: SQLiteConnection) -> None:
        begun.set()
        # No statement runs when the caller leaves, so that SQLite forgets that it was interrupted.
        assert dropped.wait(PATIENCE)
        connection.execute(ENDLESS).fetchone()

    async with open_sqlite(tmp_path, Watch()) as catalogue:
        left = Deferred.fromCoroutine(catalogue._readers.run(endless, Lane.PAGES))
        await wait_in_thread(begun)
        left.cancel()
        dropped.set()
        with pytest.raises(CancelledError):
            await left
    assert count_idle(catalogue._readers) == 0
    assert catalogue._readers._running == 0


def test_what_takes_too_long_is_stopped(bench: Bench) -> None:
    def endless(connection: SQLiteConnection) -> None:
        bench.clock.now += 11
        connection.execute(ENDLESS).fetchone()

    asked = Deferred.fromCoroutine(bench.readers.run(endless, Lane.SCANS))
    with pytest.raises(CloudError) as caught:
        bench.threads.finish(asked)
    assert (caught.value.code, caught.value.retry_after) == ("query_too_slow", 10)
    # What comes after it on that connection has time of its own, or as much as it likes.
    for lane in (Lane.PAGES, Lane.SCANS):
        counting = bench.readers.run(lambda connection: connection.execute(LONG).fetchone(), lane)
        assert bench.threads.do(counting) == (500_000,)
    assert count_idle(bench.readers) == 1


def make_searches(connection: SQLiteConnection, is_over: Callable[[], bool]) -> Iterator[Search | Walk]:
    for order in Order:
        for text in (None, "7"):
            query = FileQuery(order=order, descending=False, text=text)
            if order is Order.PATH:
                yield Walk(connection=connection, epoch="e", query=query, sight=EVERYTHING, is_over=is_over)
            else:
                yield Search(connection=connection, epoch="e", query=query, is_over=is_over)


@in_reactor
async def test_a_page_whose_time_is_up_has_what_was_found_and_all_pages_have_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("searching", "walking"):
        monkeypatch.setattr(f"cloudsvc.storage.catalogue.{module}.PASSED_AT_LEAST", 5)
    monkeypatch.setattr("cloudsvc.storage.catalogue.searching._WINDOW", 8)
    watch = Watch()
    async with open_sqlite(tmp_path, watch) as catalogue:
        trial = Trial(catalogue, watch)
        await trial.do(*(store(f"{number % 3}/{number:03}") for number in range(100)))
    connection = connect(tmp_path / NAME)
    try:
        for hurried, patient in zip(
            make_searches(connection, lambda: True), make_searches(connection, page_ends.never), strict=True
        ):
            whole = patient.run(1000, None)
            assert whole.cursor is None
            found: list[Node] = []
            pages, cursor = 0, None
            while True:
                page = hurried.run(1000, cursor)
                found += page.items
                pages += 1
                cursor = page.cursor
                if cursor is None:
                    break
            assert found == list(whole.items)
            assert len(found) == (100 if hurried.query.text is None else 19)
            assert pages > 5
    finally:
        connection.close()


@in_reactor
async def test_the_time_of_a_page_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cloudsvc.storage.catalogue.walking.PASSED_AT_LEAST", 5)
    clock = Clock()
    (tmp_path / NAME).write_bytes(read_empty())

    def tick() -> float:
        clock.now += 0.1
        return clock.now

    with run_threads(1) as writer, run_threads(READER_THREADS) as readers:
        catalogue = await open_catalogue(tmp_path / NAME, writer=writer, readers=readers, now=Watch(), monotonic=tick)
        try:
            await catalogue.apply(TESTER, [store(f"{number:03}") for number in range(100)])
            page = await catalogue.list_files(TESTER, FileQuery(order=Order.PATH, descending=False), 1000)
            assert 5 <= len(page.items) < 20
            assert page.cursor is not None
        finally:
            await catalogue.close()


@in_reactor
async def test_a_catalogue_that_is_none_leaves_nothing_open(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / NAME)
    connection.execute("CREATE TABLE state (other)")
    connection.close()
    before = count_descriptors()
    kept: list[BaseException] = []
    with run_threads(1) as threads:
        for _ in range(3):
            with pytest.raises(sqlite3.Error) as caught:
                await open_catalogue(tmp_path / NAME, writer=threads, readers=threads, now=Watch())
            # It keeps the frames, and what they have open; nothing is closed by being collected.
            kept.append(caught.value)
        (tmp_path / NAME).write_bytes(b"no database" * 1000)
        with pytest.raises(sqlite3.DatabaseError):
            await open_catalogue(tmp_path / NAME, writer=threads, readers=threads, now=Watch())
    assert count_descriptors() <= before


def count_descriptors() -> int:
    return sum(NAME in str(each.resolve()) for each in Path("/proc/self/fd").iterdir())


@in_reactor
async def test_who_writes_is_refused_where_one_reads(tmp_path: Path) -> None:
    async with open_sqlite(tmp_path, Watch()) as catalogue:
        for lane in Lane:
            assert await refusal(catalogue._readers.run(lambda each: each.execute("DELETE FROM node"), lane)) == (
                "storage_failed"
            )
        await catalogue.apply(TESTER, [MakeFolder(path=parse_path("a"))])
