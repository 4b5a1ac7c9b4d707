"""Metrics of workers: in each process what it knows of the others, in the supervisor what nobody else can count."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, ProcessCollector

from cloudsvc.observe.merging import OF_PROCESSES, Family, read_families


class WorkerMetrics:
    """The processes that answer requests."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._configured = Gauge("workers_configured", "Processes that are to answer requests.", registry=registry)
        self._ready = Gauge("workers_ready", "Processes that answer requests.", registry=registry)
        make_death_counter(registry)
        self._configured.set(1)
        self._ready.set(1)

    def watch(self, configured: int, count_ready: Callable[[], int]) -> None:
        """Read how many are ready where it is known."""
        self._configured.set(configured)
        self._ready.set_function(count_ready)


class SupervisorMetrics:
    """What the supervisor adds to the metrics of its workers."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self.deaths: Final = make_death_counter(self._registry)
        self.log_lines_dropped: Final = make_drop_counter(self._registry)
        ProcessCollector(registry=self._registry)

    def read(self) -> list[Family]:
        """All of it now."""
        return read_families(self._registry, OF_PROCESSES)


def make_death_counter(registry: CollectorRegistry) -> Counter:
    """Of workers."""
    return Counter("worker_deaths_total", "Workers that ended though nobody wanted it.", registry=registry)


def make_drop_counter(registry: CollectorRegistry) -> Counter:
    """Of log lines."""
    return Counter("log_lines_dropped_total", "Log lines that a target could not take.", registry=registry)
