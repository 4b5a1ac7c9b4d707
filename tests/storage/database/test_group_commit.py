"""One thread writes for many callers: together, apart, and durably before anybody is answered."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from attrs import define, field, frozen
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from cloudsvc.core.errors import CloudError
from cloudsvc.drive.errors import bad_cursor
from cloudsvc.storage.ballast import Ballast
from cloudsvc.storage.database.group_commit import _HEAVY, Weight, Writer
from cloudsvc.storage.database.sqlite.connections import SQLiteConnection, connect
from cloudsvc.storage.database.sqlite.transactions import SQLiteTransactions
from tests.support.blobs import SteppingThreads, take_result


@define(eq=False)
class Bench:
    """A writer that writes when it is told to, and what it tells the database."""

    path: Path
    threads: SteppingThreads = field(factory=SteppingThreads)
    clock: Clock = field(factory=Clock)
    statements: list[str] = field(factory=list)
    transactions: SQLiteTransactions = field(init=False)
    writer: Writer[SQLiteConnection] = field(init=False)

    def __attrs_post_init__(self) -> None:
        connection = connect(self.path)
        connection.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
        connection.execute(
            "CREATE TABLE item (id INTEGER PRIMARY KEY, parent REFERENCES parent DEFERRABLE INITIALLY DEFERRED, bytes)"
        )
        connection.set_trace_callback(self.statements.append)
        self.transactions = SQLiteTransactions(connection=connection, monotonic=self.clock.seconds)
        self.writer = Writer(transactions=self.transactions, threads=self.threads)

    def start(self, work: Callable[[SQLiteConnection], Any], weight: Weight = Weight.LIGHT) -> Deferred[Any]:
        return Deferred.fromCoroutine(self.writer.run(work, weight=weight))

    def insert_many(self, first: int, count: int, weight: Weight = Weight.LIGHT) -> Deferred[Any]:
        """Insert ``count`` items from number ``first`` on."""
        return self.start(make_insertion(first, count), weight)

    def finish(self) -> None:
        """Write all that waits."""
        while self.threads.step():
            pass

    def insert(self, number: int) -> Deferred[Any]:
        return self.start(lambda connection: connection.execute("INSERT INTO item (id) VALUES (?)", (number,)))

    def items(self) -> list[int]:
        """What another connection sees."""
        connection = sqlite3.connect(self.path)
        try:
            return [number for (number,) in connection.execute("SELECT id FROM item ORDER BY id")]
        finally:
            connection.close()


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path / "database")
    yield bench
    bench.threads.finish(Deferred.fromCoroutine(bench.writer.close()))


def make_insertion(first: int, count: int) -> Callable[[SQLiteConnection], Any]:
    """What inserts ``count`` items from number ``first`` on."""
    many = """
        WITH RECURSIVE c (n) AS (SELECT ? UNION ALL SELECT n + 1 FROM c LIMIT ?)
        INSERT INTO item (id) SELECT n FROM c
    """
    return lambda connection: connection.execute(many, (first, count))


def outcome(deferred: Deferred[Any]) -> str:
    """The code of the error that ``deferred`` ended with; empty where it succeeded."""
    try:
        take_result(deferred)
    except CloudError as problem:
        return problem.code
    return ""


def test_whoever_waits_shares_one_transaction(bench: Bench) -> None:
    first, *others = [bench.insert(number) for number in range(40)]
    bench.threads.step()
    assert outcome(first) == ""
    assert not any(each.called for each in others)
    assert bench.items() == [0]
    bench.threads.step()
    assert {outcome(each) for each in others} == {""}
    assert bench.items() == [*range(40)]
    assert bench.statements.count("COMMIT") == 2


def test_nobody_waits_behind_too_many(bench: Bench) -> None:
    works = [bench.insert(number) for number in range(200)]
    while bench.threads.step():
        pass
    assert {outcome(each) for each in works} == {""}
    assert 4 <= bench.statements.count("COMMIT") <= 6


def test_nobody_is_answered_before_the_commit(bench: Bench) -> None:
    bench.insert(0)
    works = [bench.insert(number) for number in (1, 2)]
    bench.threads.step()
    bench.statements.clear()
    bench.transactions.connection.set_trace_callback(
        lambda text: bench.statements.append(f"{text} {[each.called for each in works]}")
    )
    bench.threads.step()
    assert bench.statements[-1] == "COMMIT [False, False]"
    assert [outcome(each) for each in works] == ["", ""]


@pytest.mark.parametrize(
    ("problem", "code"), [(bad_cursor(), "bad_cursor"), (sqlite3.IntegrityError, "storage_failed"), (KeyError(), None)]
)
def test_one_that_fails_harms_no_other(bench: Bench, problem: Any, code: str | None) -> None:
    def fail(connection: SQLiteConnection) -> None:
        connection.execute("INSERT INTO item (id) VALUES (100)")
        if problem is sqlite3.IntegrityError:
            connection.execute("INSERT INTO item (id) VALUES (100)")
        raise problem

    bench.insert(0)
    before, failing, after = bench.insert(1), bench.start(fail), bench.insert(2)
    with capturedLogs() as events:
        while bench.threads.step():
            pass
    assert [outcome(before), outcome(after)] == ["", ""]
    assert bench.items() == [0, 1, 2]
    if code is None:
        with pytest.raises(KeyError):
            take_result(failing)
    else:
        assert outcome(failing) == code
    assert len(events) == (code == "storage_failed")


def test_a_commit_that_is_refused_is_told_to_all_who_share_it(bench: Bench) -> None:
    bench.insert(0)
    works = [
        bench.insert(1),
        bench.start(lambda connection: connection.execute("INSERT INTO item (id, parent) VALUES (2, 7)")),
        bench.insert(3),
    ]
    with capturedLogs() as events:
        bench.threads.step()
        bench.threads.step()
    assert [outcome(each) for each in works] == ["storage_failed"] * 3
    assert len(events) == 1
    assert bench.items() == [0]
    again = [bench.insert(1), bench.insert(3)]
    bench.threads.finish(again[1])
    assert outcome(again[0]) == ""
    assert bench.items() == [0, 1, 3]


def test_each_is_told_by_an_error_of_its_own(bench: Bench) -> None:
    works = [
        bench.start(lambda connection: connection.execute("INSERT INTO item (parent) VALUES (7)")) for _ in range(3)
    ]
    with capturedLogs():
        while bench.threads.step():
            pass
    problems = []
    for each in works[1:]:
        with pytest.raises(CloudError) as caught:
            take_result(each)
        problems.append(caught.value)
    assert problems[0] is not problems[1]
    assert outcome(works[0]) == "storage_failed"


@contextmanager
def file_size_limit(size: int) -> Iterator[None]:
    """Meanwhile writing beyond ``size`` fails, as on a broken disk (setrlimit(2); Python ignores the signal)."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_disk_that_fails_at_the_commit(bench: Bench) -> None:
    bench.threads.finish(bench.insert(0))
    log = bench.path.with_name("database-wal")
    works = [bench.insert(1), bench.insert(2), bench.insert(3)]
    bench.threads.step()
    assert bench.items() == [0, 1]
    with capturedLogs() as events, file_size_limit(log.stat().st_size + 100):
        bench.threads.step()
    assert bench.statements[-1] in {"COMMIT", "ROLLBACK"}
    assert "COMMIT" in bench.statements[-2:]
    assert [outcome(each) for each in works] == ["", "storage_failed", "storage_failed"]
    assert len(events) == 1
    assert bench.items() == [0, 1]
    bench.threads.finish(bench.insert(2))
    assert bench.items() == [0, 1, 2]


def test_a_full_disk(bench: Bench) -> None:
    bench.threads.finish(bench.insert(0))
    bench.transactions.connection.execute("PRAGMA max_page_count = 8")
    first = bench.insert(1)
    large = bench.start(lambda connection: connection.execute("INSERT INTO item (bytes) VALUES (zeroblob(100000))"))
    small = bench.insert(2)
    while bench.threads.step():
        pass
    # SQLite undoes the whole transaction then.
    assert [outcome(each) for each in (first, large, small)] == ["", "no_space", "no_space"]
    bench.transactions.connection.execute("PRAGMA max_page_count = 10000")
    bench.threads.finish(bench.insert(3))
    assert bench.items() == [0, 1, 3]


@frozen
class Spare(Ballast):
    """Room in a database, given up once."""

    connection: SQLiteConnection

    def give_up(self) -> None:
        self.connection.execute("PRAGMA max_page_count = 10000")


def test_whatever_frees_space_is_done_with_the_ballast_however_much_it_is(bench: Bench) -> None:
    bench.threads.finish(bench.insert(0))
    bench.transactions.connection.execute("PRAGMA max_page_count = 8")
    bench.transactions.ballast = Spare(bench.path, bench.transactions.connection)
    bench.insert(1)
    many = [
        Deferred.fromCoroutine(bench.writer.run(make_insertion(10_000 * number, 5_000), frees=True))
        for number in range(1, 5)
    ]
    bench.finish()
    assert [outcome(each) for each in many] == [""] * 4
    assert len(bench.items()) == 20_002


def test_a_wish_is_taken_back_before_its_turn_and_not_later(bench: Bench) -> None:
    late, early = bench.insert(1), bench.insert(2)
    for each in (late, early):
        each.cancel()
        with pytest.raises(CancelledError):
            take_result(each)
    bench.threads.finish(bench.insert(3))
    assert bench.items() == [1, 3]


def test_closing_finishes_what_waits(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "database")
    works = [bench.insert(number) for number in range(3)]
    bench.threads.finish(Deferred.fromCoroutine(bench.writer.close()))
    assert [outcome(each) for each in works] == [""] * 3
    assert bench.items() == [0, 1, 2]


def test_a_disk_that_fails_keeps_nobody_from_closing(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "database")
    bench.threads.finish(bench.insert(0))
    log = bench.path.with_name("database-wal")
    with capturedLogs(), file_size_limit(log.stat().st_size + 100):
        failing = bench.insert(1)
        bench.threads.finish(Deferred.fromCoroutine(bench.writer.close()))
    assert outcome(failing) == "storage_failed"
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        bench.transactions.connection.execute("SELECT 1")
    assert bench.items() == [0]


def test_a_transaction_ends_when_it_has_changed_many_rows(bench: Bench) -> None:
    bench.insert(0)
    works = [bench.insert_many(1000 * number, 900) for number in range(1, 8)]
    bench.threads.step()
    for done in (3, 6, 7):
        bench.threads.step()
        assert [each.called for each in works] == [True] * done + [False] * (7 - done)
    assert {outcome(each) for each in works} == {""}
    assert len(bench.items()) == 7 * 900 + 1


def test_a_transaction_ends_when_it_has_taken_long(bench: Bench) -> None:
    bench.insert(0)
    works = [bench.start(lambda _: bench.clock.advance(0.03)) for _ in range(5)]
    bench.threads.step()
    for done in (2, 4, 5):
        bench.threads.step()
        assert sum(each.called for each in works) == done


def test_light_works_wait_for_one_heavy_work_at_most(bench: Bench) -> None:
    heavy = [bench.insert_many(10_000 * number, 5_000, Weight.HEAVY) for number in range(1, 25)]
    light = [bench.insert(number) for number in range(40)]
    bench.threads.step()
    assert sum(each.called for each in heavy) == 1
    bench.threads.step()
    assert all(each.called for each in light)
    assert sum(each.called for each in heavy) == 1
    # Whoever comes later has its turn just as soon, and the heavy ones have theirs.
    for number in range(1, 24):
        later = bench.insert(100 + number)
        bench.threads.step()
        bench.threads.step()
        assert later.called
        assert sum(each.called for each in heavy) == 1 + number
    bench.finish()
    assert {outcome(each) for each in (*heavy, *light)} == {""}


def test_heavy_works_have_their_turns_however_many_light_ones_come(bench: Bench) -> None:
    heavy = [bench.insert_many(10_000 * number, 5_000, Weight.HEAVY) for number in range(1, 5)]
    for number in range(8):
        bench.insert(number)
        bench.threads.step()
    assert all(each.called for each in heavy)


def test_heavy_works_that_turn_out_light_share_a_transaction(bench: Bench) -> None:
    bench.insert(0)
    works = [bench.insert_many(10 * number, 1, Weight.HEAVY) for number in range(1, 41)]
    bench.finish()
    assert {outcome(each) for each in works} == {""}
    assert bench.statements.count("COMMIT") == 2


def test_only_so_many_heavy_works_wait(bench: Bench) -> None:
    bench.insert(0)
    waiting = [bench.insert_many(10 * number, 1, Weight.HEAVY) for number in range(1, _HEAVY + 1)]
    assert outcome(bench.insert_many(9000, 1, Weight.HEAVY)) == "too_many_changes"
    others = [bench.insert_many(9001, 1, Weight.UPKEEP), bench.insert(9002)]
    waiting[0].cancel()
    with pytest.raises(CancelledError):
        take_result(waiting.pop(0))
    bench.finish()
    assert {outcome(each) for each in (*waiting, *others)} == {""}
    assert 9000 not in bench.items()


def test_a_wish_that_was_put_off_can_be_taken_back(bench: Bench) -> None:
    bench.insert(0)
    first, second, third = (bench.insert_many(10_000 * number, 5_000) for number in (1, 2, 3))
    bench.threads.step()
    # A thread has all three by now, and will do one.
    second.cancel()
    with pytest.raises(CancelledError):
        take_result(second)
    bench.finish()
    assert [outcome(first), outcome(third)] == ["", ""]
    assert len(bench.items()) == 10_001


def test_closing_finishes_heavy_works_too(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "database")
    works = [bench.insert_many(10_000 * number, 5_000, Weight.HEAVY) for number in (1, 2, 3)]
    bench.threads.finish(Deferred.fromCoroutine(bench.writer.close()))
    assert [outcome(each) for each in works] == [""] * 3
    assert len(bench.items()) == 15_000
