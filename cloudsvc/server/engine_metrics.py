"""Metrics of the engines that keep the drive: how the storage uses a database, and an object store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cloudsvc.extend import Combine, Instruments
from cloudsvc.storage.database.lanes import Lane
from cloudsvc.storage.engines import Engines
from cloudsvc.storage.meters import UNMETERED, DatabaseMeter, Ending, Use

_REQUEST_SECONDS: Final = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Buckets for requests to an object store: from one beside this machine to one that does not answer."""

_DATABASE_SECONDS: Final = (0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0)
"""Likewise for a database."""


def make_note(instruments: Instruments) -> Callable[[str, str, float], None]:
    """What is told of requests to an object store."""
    requests = instruments.counter(
        "object_requests_total",
        "Requests to the object store, also those that were made again.",
        ["operation", "outcome"],
    )
    duration = instruments.histogram(
        "object_request_seconds", "Seconds until the object store answered.", ["operation"], _REQUEST_SECONDS
    )

    for operation in ("get_object", "put_object"):
        duration.labels(operation)
        for outcome in ("done", "missing", "unavailable", "refused"):
            # Of a counter that comes to be with its first failure, Prometheus sees no increase.
            requests.labels(operation, outcome)

    def note(operation: str, outcome: str, seconds: float) -> None:
        requests.labels(operation, outcome).inc()
        duration.labels(operation).observe(seconds)

    return note


def make_meter(engines: Engines, instruments: Instruments) -> DatabaseMeter:
    """What counts how a database is used that is elsewhere; a file in the home is not counted."""
    return UNMETERED if engines.database is None else DatabaseMetrics(instruments)


class DatabaseMetrics:
    """A :class:`cloudsvc.storage.meters.DatabaseMeter` that counts for Prometheus."""

    def __init__(self, instruments: Instruments) -> None:
        self._connections = instruments.gauge(
            "database_connections", "Connections to the database.", ["use"], combine=Combine.SUM
        )
        self._lost = instruments.counter(
            "database_connections_lost_total",
            "Connections that the database ended, or on which it did not answer.",
            ["use"],
        )
        self._unreachable = instruments.counter(
            "database_connection_failures_total", "Connections to the database that could not be made."
        )
        self._running = instruments.gauge(
            "database_calls_running", "Reads that run, and transactions.", ["lane"], combine=Combine.SUM
        )
        self._waiting = instruments.gauge(
            "database_calls_waiting", "Reads, and works to be written, that wait.", ["lane"], combine=Combine.SUM
        )
        self._reads = instruments.histogram(
            "database_read_seconds", "Seconds that a read took, without its waiting.", ["lane"], _DATABASE_SECONDS
        )
        self._endings = instruments.counter(
            "database_transactions_total", "Transactions that write, by what became of them.", ["outcome"]
        )
        self._transactions = instruments.histogram(
            "database_transaction_seconds",
            "Seconds that a transaction took, with its waiting for other processes.",
            (),
            _DATABASE_SECONDS,
        )
        self._retries = instruments.counter(
            "database_retries_total", "What was tried again, since a connection was lost or it was refused.", ["use"]
        )
        # Of a counter that comes to be with its first failure, Prometheus sees no increase.
        for use in (Use.READING, Use.WRITING, Use.LISTENING, Use.LEADING):
            self._connections.labels(use)
            self._lost.labels(use)
        for lane in Lane:
            self._reads.labels(lane.name.lower())
        for name in (*(lane.name.lower() for lane in Lane), Use.WRITING):
            self._running.labels(name)
            self._waiting.labels(name)
        for ending in Ending:
            self._endings.labels(ending)
        for use in (Use.READING, Use.WRITING):
            self._retries.labels(use)

    def note_connected(self, use: Use) -> None:
        """As there."""
        self._connections.labels(use).inc()

    def note_disconnected(self, use: Use, *, is_lost: bool) -> None:
        """As there."""
        self._connections.labels(use).dec()
        if is_lost:
            self._lost.labels(use).inc()

    def note_unreachable(self) -> None:
        """As there."""
        self._unreachable.inc()

    def note_read(self, lane: str, seconds: float) -> None:
        """As there."""
        self._reads.labels(lane).observe(seconds)

    def note_written(self, ending: Ending, seconds: float) -> None:
        """As there."""
        self._endings.labels(ending).inc()
        self._transactions.observe(seconds)

    def note_repeated(self, use: Use) -> None:
        """As there."""
        self._retries.labels(use).inc()

    def watch(self, lane: str, count_running: Callable[[], int], count_waiting: Callable[[], int]) -> None:
        """As there."""
        self._running.labels(lane).set_function(count_running)
        self._waiting.labels(lane).set_function(count_waiting)
