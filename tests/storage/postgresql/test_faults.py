"""Faults of the server and of the way there: nothing is lost, nothing hangs, and what is unknown is said."""

from __future__ import annotations

import secrets
import signal
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from threading import Event
from typing import Any, Final

import psycopg
import pytest
from attrs import define
from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import capturedLogs

from cloudsvc.core.errors import CloudError, Kind
from cloudsvc.core.secrets import Secret
from cloudsvc.drive.names import parse_path
from cloudsvc.storage.catalogue.postgresql.migration import migrate
from cloudsvc.storage.catalogue.postgresql.opening import PostgreSQLCatalogue
from cloudsvc.storage.database.lanes import Lane
from cloudsvc.storage.database.postgresql import databases, sessions, transactions
from cloudsvc.storage.database.postgresql.connections import PostgreSQLConnection
from cloudsvc.storage.database.postgresql.locks import CATALOGUE
from tests.support.catalogues import TESTER, Trial, Watch, make_blob, open_postgres
from tests.support.lines import Fault, Line, run_line
from tests.support.opened_drives import refusal
from tests.support.postgresql import Cluster, find_cluster, find_database
from tests.support.reactors import in_reactor, run_threads
from tests.support.server import wait_until

OTHERS: Final = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid != pg_backend_pid()
"""
PATIENCE: Final = 100


@define(eq=False)
class Bench:
    """A catalogue at the end of a line."""

    trial: Trial
    catalogue: PostgreSQLCatalogue
    line: Line
    url: Secret

    def ask(self, text: str) -> list[tuple[object, ...]]:
        """Ask the server, past the line."""
        with psycopg.connect(self.url.reveal(), autocommit=True) as connection:
            cursor = connection.execute(text.encode())
            return cursor.fetchall() if cursor.description else []


@asynccontextmanager
async def open_bench(directory: Path) -> AsyncIterator[Bench]:
    direct, watch = find_database(directory), Watch()
    port = find_cluster().port
    with run_line(port) as line:
        url = Secret(direct.reveal().replace(f":{port}/", f":{line.port}/"))
        async with open_postgres(directory, watch, url) as catalogue:
            yield Bench(Trial(catalogue, watch), catalogue, line, direct)


@define
class Once:
    """
    Lets a fault happen to a piece that says something.

    :ivar passed: so many such pieces come through before.
    """

    text: bytes
    fault: Fault
    passed: int = 0
    happened: bool = False

    def __call__(self, piece: bytes) -> Fault:
        if self.happened or self.text not in piece:
            return Fault.NONE
        if self.passed:
            self.passed -= 1
            return Fault.NONE
        self.happened = True
        return self.fault


@in_reactor
async def test_whoever_reads_or_writes_after_all_connections_were_lost_notices_nothing(tmp_path: Path) -> None:
    async with open_bench(tmp_path) as bench:
        await bench.trial.store("a")
        for number in range(3):
            for _ in range(3):
                assert await bench.trial.find("a") is not None
            bench.ask(OTHERS)
            assert await bench.trial.find("a") is not None
            bench.ask(OTHERS)
            await bench.trial.store(f"b{number}")
        assert len(await bench.trial.files()) == 4


@in_reactor
async def test_a_read_that_loses_its_connection_is_repeated_once(tmp_path: Path) -> None:
    async with open_bench(tmp_path) as bench:
        await bench.trial.store("a")
        bench.line.judge = judge = Once(b"WITH RECURSIVE", Fault.LOST)
        assert await bench.trial.find("a") is not None
        assert judge.happened
        bench.line.judge = lambda piece: Fault.LOST if b"WITH RECURSIVE" in piece else Fault.NONE
        with capturedLogs():
            assert await refusal(bench.trial.find("b/c")) == "storage_failed"
        bench.line.judge = lambda _: Fault.NONE
        assert await bench.trial.find("a") is not None


@pytest.mark.parametrize("text", [b"pg_advisory_xact_lock", b"INSERT INTO version", b"UPDATE state"])
@pytest.mark.parametrize("fault", [Fault.LOST, Fault.UNANSWERED])
@in_reactor
async def test_a_write_that_loses_its_connection_before_the_commit_is_done_once(
    tmp_path: Path, text: bytes, fault: Fault
) -> None:
    async with open_bench(tmp_path) as bench:
        bench.line.judge = judge = Once(text, fault)
        await bench.trial.store("a")
        assert judge.happened
        assert [change.number for change in await bench.trial.changes()] == [1]
        assert len(await bench.trial.versions("a")) == 1


@pytest.mark.parametrize("fault", [Fault.LOST, Fault.UNANSWERED])
@in_reactor
async def test_a_commit_that_nobody_answered_is_told_as_that_and_can_be_settled(tmp_path: Path, fault: Fault) -> None:
    async with open_bench(tmp_path) as bench:
        blob = make_blob(b"content")
        bench.line.judge = judge = Once(b"COMMIT", fault)
        with pytest.raises(CloudError) as caught:
            await bench.trial.store("a", blob)
        assert judge.happened
        assert (caught.value.kind, caught.value.code) == (Kind.UNAVAILABLE, "commit_unknown")
        unknown = await bench.catalogue.find_unknown([blob.id])
        is_there = fault is Fault.UNANSWERED
        assert unknown == ([] if is_there else [blob.id])
        assert (await bench.trial.find("a") is not None) == is_there
        await bench.trial.store("b", b"other")
        assert len(await bench.trial.changes()) == 1 + is_there


@in_reactor
async def test_what_is_unknown_is_not_said_before_it_has_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit of which nobody heard goes on, as where it waits for a standby; the lock tells when it has ended."""
    monkeypatch.setattr(databases, "_SETTINGS", databases._SETTINGS.replace("'30s'", "'300ms'"))
    async with open_bench(tmp_path) as bench:
        blob = make_blob(b"content")
        bench.line.judge = Once(b"COMMIT", Fault.LOST)
        assert await refusal(bench.trial.store("a", blob)) == "commit_unknown"
        with psycopg.connect(bench.url.reveal()) as others:
            others.execute("SELECT pg_advisory_xact_lock(%s)", (CATALOGUE.writing,))
            with capturedLogs():
                assert await refusal(bench.catalogue.find_unknown([blob.id])) == "storage_failed"
        assert await bench.catalogue.find_unknown([blob.id]) == [blob.id]


@in_reactor
async def test_whoever_was_refused_by_then_is_told_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # On a busy machine, a transaction would take in fewer of them.
    monkeypatch.setattr(transactions, "LONG_SECONDS", 100.0)
    async with open_bench(tmp_path) as bench:
        # While the first is written, the others wait, and share a transaction: the second one.
        bench.line.judge = Once(b"COMMIT", Fault.UNANSWERED, passed=1)
        first = Deferred.fromCoroutine(bench.trial.store("first"))
        works = [
            Deferred.fromCoroutine(bench.trial.store(path, make_blob(path.encode()))) for path in ("a", "first/b", "c")
        ]
        await first
        codes = [await refusal(each) for each in works]
        assert codes == ["commit_unknown", "is_file", "commit_unknown"]
        assert sorted(await bench.trial.files()) == ["a", "c", "first"]


@in_reactor
async def test_a_lock_that_somebody_keeps_is_waited_for_a_bounded_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(databases, "_SETTINGS", databases._SETTINGS.replace("'30s'", "'300ms'"))
    async with open_bench(tmp_path) as bench:
        with psycopg.connect(bench.url.reveal()) as others:
            others.execute("SELECT pg_advisory_xact_lock(%s)", (CATALOGUE.writing,))
            with capturedLogs() as events:
                assert await refusal(bench.trial.store("a")) == "storage_failed"
            assert await bench.trial.find("a") is None
        assert len(events) == 1
        await bench.trial.store("a")


@in_reactor
async def test_who_finds_no_connection_left_is_told_and_who_has_one_goes_on(tmp_path: Path) -> None:
    """As where `max_connections` is too small for all processes."""
    cluster, user = find_cluster(), f"limited_{secrets.token_hex(4)}"
    name = cluster.make_database()
    # One listens, one writes, one reads.
    cluster.ask(f"CREATE USER {user} CONNECTION LIMIT 3; ALTER DATABASE {name} OWNER TO {user}")
    url, begun, go_on = cluster.make_url(name, user), Event(), Event()
    migrate(url)
    here = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{user}'"  # noqa: S608  # a name of ours
    wait_until(lambda: cluster.ask(here) == [(0,)], lambda: "the server does not notice that who migrated has gone")

    def hold(connection: PostgreSQLConnection) -> int:
        begun.set()
        assert go_on.wait(PATIENCE)
        return len(connection.execute("SELECT 1").fetchall())

    async with open_postgres(tmp_path, Watch(), url) as catalogue:
        trial = Trial(catalogue, Watch())
        await trial.store("a")
        with run_threads(1) as threads:
            # The one with which a process starts counts until the server has noticed that it has gone.
            await threads.run(wait_until, lambda: cluster.ask(here) == [(2,)], lambda: "one too many stays")
        reading = Deferred.fromCoroutine(catalogue._readers.run(hold, Lane.PAGES))
        try:
            with run_threads(1) as threads:
                assert await threads.run(begun.wait, PATIENCE)
            with capturedLogs() as events, pytest.raises(CloudError) as caught:
                await trial.find("a")
            assert (caught.value.kind, caught.value.code) == (Kind.UNAVAILABLE, "storage_failed")
            assert caught.value.retry_after
            assert "too many connections" in str(events[0]["reason"])
            await trial.store("b")
        finally:
            go_on.set()
        assert await reading == 1
        assert await trial.find("b") is not None


@in_reactor
async def test_a_statement_that_takes_too_long_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_bench(tmp_path) as bench:
        asked = bench.catalogue._readers.run(lambda connection: connection.execute("SELECT pg_sleep(1000)"), Lane.PAGES)
        # Only for this one: on a busy machine, another may take longer.
        with monkeypatch.context() as patched:
            patched.setitem(sessions._SECONDS, Lane.PAGES, 0.2)
            with pytest.raises(CloudError) as caught:
                await asked
        assert (caught.value.kind, caught.value.code) == (Kind.UNAVAILABLE, "query_too_slow")
        assert await bench.trial.files() == []


@in_reactor
async def test_what_runs_for_a_caller_who_left_is_ended_and_nothing_else(tmp_path: Path) -> None:
    async with open_bench(tmp_path) as bench:
        begun = Event()

        def sleep(connection: PostgreSQLConnection) -> None:
            connection.execute("SELECT 1")
            begun.set()
            connection.execute("SELECT pg_sleep(1000)")

        left = Deferred.fromCoroutine(bench.catalogue._readers.run(sleep, Lane.PAGES))
        with run_threads(1) as threads:
            assert await threads.run(begun.wait, PATIENCE)
            other = Deferred.fromCoroutine(bench.trial.find(""))
            left.cancel()
            with pytest.raises(CancelledError):
                await left
            assert await other is not None
            sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(1000)'"
            await threads.run(wait_until, lambda: bench.ask(sleeping) == [(0,)], lambda: "it goes on")
        assert await bench.trial.files() == []


@in_reactor
async def test_a_server_that_falls_silent_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_bench(tmp_path) as bench:
        await bench.trial.store("a")
        connection = bench.catalogue._writer.transactions._connection  # type: ignore[attr-defined]  # it is this engine's
        connection.patience = 0.5
        # Only as long as it is silent: on a busy machine, one that answers may take longer.
        with monkeypatch.context() as patched, capturedLogs() as events:
            for lane in (Lane.LOOKUPS, Lane.PAGES):
                patched.setitem(sessions._SECONDS, lane, 0.2)
            patched.setattr(sessions, "GRACE_SECONDS", 0.5)
            patched.setitem(databases._PARAMETERS, "connect_timeout", "2")
            bench.line.judge = lambda _: Fault.SILENT
            for asked in (bench.trial.find("a"), bench.trial.files(), bench.trial.store("b")):
                with pytest.raises(CloudError) as caught:
                    await asked
                assert caught.value.kind is Kind.UNAVAILABLE
        assert any("not answered" in str(event["log_format"]) for event in events)
        bench.line.judge = lambda _: Fault.NONE
        assert await bench.trial.find("a") is not None
        await bench.trial.store("c")


@in_reactor
async def test_a_disk_that_is_full_is_logged_once_and_counts_as_full_for_a_minute(tmp_path: Path) -> None:
    full = "DO $$ BEGIN RAISE EXCEPTION USING ERRCODE = 'disk_full'; END $$"
    async with open_bench(tmp_path) as bench:
        assert not bench.catalogue.lacks_space
        with capturedLogs() as events:
            for _ in range(2):
                with pytest.raises(CloudError) as caught:
                    await bench.catalogue._writer.run(lambda connection: connection.execute(full))
                assert (caught.value.kind, caught.value.code) == (Kind.NO_SPACE, "no_space")
        assert len(events) == 1
        # What needs less may have room.
        await bench.trial.store("a")
        assert bench.catalogue.lacks_space
        used: transactions.PostgreSQLTransactions = bench.catalogue._writer.transactions
        used._monotonic = lambda read=used._monotonic: read() + 60
        assert not bench.catalogue.lacks_space


@pytest.fixture
def cluster() -> Iterator[Cluster]:
    """A server of one's own, to be ended."""
    cluster = Cluster.make()
    cluster.start()
    try:
        yield cluster
    finally:
        cluster.remove()


@pytest.mark.parametrize("how", [signal.SIGQUIT, signal.SIGINT])
@in_reactor
async def test_a_server_that_ends_and_comes_back(tmp_path: Path, cluster: Cluster, how: signal.Signals) -> None:
    url, watch = cluster.make_url(cluster.make_database()), Watch()
    migrate(url)
    async with open_postgres(tmp_path, watch, url) as catalogue:
        trial = Trial(catalogue, watch)
        await trial.store("a")
        writing = [Deferred.fromCoroutine(trial.store(f"b{number}")) for number in range(20)]
        with capturedLogs():
            cluster.stop(how)
            outcomes = [await settle(each) for each in writing]
            assert {*outcomes} <= {"", "storage_failed", "commit_unknown"}
            for asked in (trial.find("a"), trial.files(), trial.store("c")):
                with pytest.raises(CloudError) as caught:
                    await asked
                assert caught.value.kind is Kind.UNAVAILABLE
            cluster.start()
            found = await trial.files()
            acknowledged = {f"b{number}" for number, outcome in enumerate(outcomes) if not outcome}
            assert {"a", *acknowledged} <= {*found}
            await trial.store("c")
        assert await trial.find("c") is not None


@in_reactor
async def test_nothing_is_acknowledged_that_a_standby_should_have_and_has_not(tmp_path: Path, cluster: Cluster) -> None:
    url, watch = cluster.make_url(cluster.make_database()), Watch()
    migrate(url)
    async with open_postgres(tmp_path, watch, url) as catalogue:
        trial, blob = Trial(catalogue, watch), make_blob(b"other")
        await trial.store("a")
        connection = catalogue._writer.transactions._connection  # type: ignore[attr-defined]  # it is this engine's
        # Many times what any other statement takes, and longer than that for the commit.
        connection.execute("SET statement_timeout = '2s'; SET lock_timeout = '2s'")
        connection.patience = 6.0
        cluster.ask("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
        cluster.ask("SELECT pg_reload_conf()")
        with run_threads(1) as threads:
            show = "SHOW synchronous_standby_names"
            await threads.run(wait_until, lambda: cluster.ask(show) == [("nobody",)], lambda: "it was not loaded")
        with capturedLogs():
            assert await refusal(trial.store("b", blob)) == "commit_unknown"
        cluster.ask("ALTER SYSTEM RESET synchronous_standby_names")
        cluster.ask("SELECT pg_reload_conf()")
        assert await catalogue.find_unknown([blob.id]) == []
        assert await trial.find("b") is not None


async def settle(work: Deferred[Any]) -> str:
    try:
        await work
    except CloudError as problem:
        return problem.code
    return ""


@in_reactor
async def test_what_a_work_has_done_before_it_fails_is_undone_alone(tmp_path: Path) -> None:
    async with open_bench(tmp_path) as bench:

        def fail(problem: Callable[[PostgreSQLConnection], object]) -> Deferred[object]:
            def work(connection: PostgreSQLConnection) -> object:
                connection.execute("DELETE FROM state")
                return problem(connection)

            return Deferred.fromCoroutine(bench.catalogue._writer.run(work))

        first = Deferred.fromCoroutine(bench.trial.store("a"))
        second = fail(lambda connection: connection.execute("INSERT INTO node (id) VALUES (1)"))
        third = fail(lambda _: list[int]().pop())
        last = Deferred.fromCoroutine(bench.trial.store("b"))
        await first
        with capturedLogs() as events:
            assert await refusal(second) == "storage_failed"
        assert len(events) == 1
        with pytest.raises(IndexError):
            await third
        await last
        assert sorted(await bench.trial.files()) == ["a", "b"]
        assert (await bench.catalogue.usage(TESTER)).files == 2
        assert await bench.catalogue.find(TESTER, parse_path("a")) is not None
