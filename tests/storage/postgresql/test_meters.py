"""Meters of a database: connections, reads, transactions, and what went wrong with them."""

from __future__ import annotations

from pathlib import Path
from threading import Event
from typing import Final

import pytest
from attrs import define, field
from twisted.internet.defer import CancelledError, Deferred
from twisted.internet.task import Clock
from twisted.logger import capturedLogs

from cloudsvc.core.errors import CloudError
from cloudsvc.core.secrets import Secret
from cloudsvc.observe.metrics import Metrics
from cloudsvc.server.engine_metrics import DatabaseMetrics
from cloudsvc.storage.database.lanes import READER_THREADS, Lane
from cloudsvc.storage.database.postgresql.connections import PostgreSQLConnection
from cloudsvc.storage.database.postgresql.leadership import DatabaseLeadership
from tests.storage.postgresql.test_faults import PATIENCE, Once
from tests.support.catalogues import Trial, Watch, open_postgres
from tests.support.coroutines import finish
from tests.support.inline_threads import Inline
from tests.support.lines import Fault, run_line
from tests.support.opened_drives import refusal
from tests.support.postgresql import find_cluster, find_database
from tests.support.reactors import in_reactor, run_threads
from tests.support.server import wait_until

END_OTHERS: Final = f"""
    SELECT pg_terminate_backend(pid, {PATIENCE * 1000}) FROM pg_stat_activity
    WHERE datname = current_database() AND pid != pg_backend_pid()
"""  # noqa: S608  # a constant
"""It waits until they are gone: whoever uses one of their connections after it has lost it."""


@define
class Counted:
    """Metrics of a database, to be read."""

    metrics: Metrics = field(factory=Metrics)
    meter: DatabaseMetrics = field(init=False)

    def __attrs_post_init__(self) -> None:
        self.meter = DatabaseMetrics(self.metrics.instruments_for("drive"))

    def read(self, name: str, **labels: str) -> float:
        value = self.metrics.registry.get_sample_value(f"drive_database_{name}", labels)
        assert value is not None, name
        return value

    def connections(self, use: str) -> float:
        return self.read("connections", use=use)

    def lost(self, use: str) -> float:
        return self.read("connections_lost_total", use=use)


def name_of(url: Secret) -> str:
    return url.reveal().rpartition("/")[-1]


def count_clients(url: Secret) -> int:
    """Connections to a database as its server counts them, but for those of its own upkeep."""
    [(count,)] = find_cluster().ask(
        "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid != pg_backend_pid()"
        " AND backend_type = 'client backend'",
        name_of(url),
    )
    return int(count)


@in_reactor
async def test_what_is_open_and_what_was_done(tmp_path: Path) -> None:
    counted = Counted()
    async with open_postgres(tmp_path, Watch(), meter=counted.meter) as catalogue:
        trial = Trial(catalogue, Watch())
        assert [counted.connections(use) for use in ("listening", "writing")] == [1, 0]
        await trial.store("a")
        await trial.store("b")
        assert len(await trial.changes()) == 2
        assert [counted.connections(use) for use in ("listening", "writing", "reading")] == [1, 1, 1]
        assert counted.read("transactions_total", outcome="committed") == 2
        assert counted.read("transaction_seconds_count") == 2
        assert counted.read("read_seconds_count", lane="pages") == 1
    assert [counted.connections(use) for use in ("listening", "writing", "reading")] == [0, 0, 0]
    assert [counted.lost(use) for use in ("listening", "writing", "reading")] == [0, 0, 0]


@in_reactor
async def test_who_runs_and_who_waits_is_told_and_who_leaves_loses_nothing(tmp_path: Path) -> None:
    counted, go_on, begun = Counted(), Event(), Event()

    def hold(_: PostgreSQLConnection) -> None:
        begun.set()
        assert go_on.wait(PATIENCE)

    async with open_postgres(tmp_path, Watch(), meter=counted.meter) as catalogue:
        readers = catalogue._readers
        asked = [Deferred.fromCoroutine(readers.run(hold, Lane.COUNTS)) for _ in range(3)]
        with run_threads(1) as threads:
            assert await threads.run(begun.wait, PATIENCE)
        assert counted.read("calls_running", lane="counts") == 1
        assert counted.read("calls_waiting", lane="counts") == 2
        for each in asked:
            each.cancel()
        go_on.set()
        for each in asked:
            with pytest.raises(CancelledError):
                await each
    assert counted.read("calls_running", lane="counts") == 0
    assert counted.lost("reading") == 0, "it was we who cut it"


@in_reactor
async def test_connections_that_the_server_ends_are_lost_and_what_ran_on_them_is_tried_again(tmp_path: Path) -> None:
    counted, port, url = Counted(), find_cluster().port, find_database(tmp_path)
    with run_line(port) as line:
        way = Secret(url.reveal().replace(f":{port}/", f":{line.port}/"))
        async with open_postgres(tmp_path, Watch(), way, counted.meter) as catalogue:
            trial = Trial(catalogue, Watch())
            await trial.store("a")
            assert await trial.find("a") is not None
            find_cluster().ask(END_OTHERS, name_of(url))
            assert await trial.find("a") is not None
            await trial.store("b")
            assert [counted.lost(use) for use in ("writing", "reading")] == [1, 1]
            assert counted.read("retries_total", use="writing") == 1
            line.judge = Once(b"WITH RECURSIVE", Fault.LOST)
            assert await trial.find("a") is not None
            assert counted.read("retries_total", use="reading") == 1
            assert counted.lost("reading") == 2
            line.judge = Once(b"COMMIT", Fault.LOST)
            assert await refusal(trial.store("c")) == "commit_unknown"
            assert counted.read("transactions_total", outcome="unknown") == 1
            line.judge = lambda _: Fault.LOST
            with capturedLogs():
                assert await refusal(trial.store("d")) == "storage_failed"
            assert counted.read("transactions_total", outcome="failed") == 1
            assert counted.read("connection_failures_total") >= 1
            line.judge = lambda _: Fault.NONE
    assert [counted.connections(use) for use in ("listening", "writing", "reading")] == [0, 0, 0]


@in_reactor
async def test_a_process_has_so_many_connections_as_the_page_says(tmp_path: Path) -> None:
    counted, go_on, url = Counted(), Event(), find_database(tmp_path)

    def hold(_: PostgreSQLConnection) -> None:
        assert go_on.wait(PATIENCE)

    leadership = DatabaseLeadership.of(url, Inline(), Clock(), counted.meter)
    assert await leadership.campaign()
    async with open_postgres(tmp_path, Watch(), meter=counted.meter) as catalogue:
        await Trial(catalogue, Watch()).store("a")
        asked = [
            Deferred.fromCoroutine(catalogue._readers.run(hold, lane))
            for lane in Lane
            for _ in range(2 * lane.value.at_once)
        ]
        try:
            # The one with which a process starts is the fourteenth, until the server has noticed that it has gone.
            assert READER_THREADS + 3 == 13
            with run_threads(1) as threads:
                await threads.run(wait_until, lambda: counted.connections("reading") >= READER_THREADS, lambda: "fewer")
                await threads.run(wait_until, lambda: count_clients(url) == 13, lambda: f"{count_clients(url)}, not 13")
        finally:
            go_on.set()
        for each in asked:
            await each
    await leadership.resign()


def test_who_leads_has_a_connection(tmp_path: Path) -> None:
    counted, url = Counted(), find_database(tmp_path)
    leadership = DatabaseLeadership.of(url, Inline(), Clock(), counted.meter)
    assert finish(leadership.campaign())
    assert counted.connections("leading") == 1
    find_cluster().ask(END_OTHERS, name_of(url))
    with capturedLogs(), pytest.raises(CloudError):
        finish(leadership.campaign())
    assert (counted.connections("leading"), counted.lost("leading")) == (0, 1)
    finish(leadership.resign())
