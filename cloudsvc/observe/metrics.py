"""
Prometheus metrics of the server itself.

Names and labels are an interface: dashboards and alerts of other people use them. They are listed in
``docs/observability.md``.
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from attrs import define, frozen
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

import cloudsvc
import twisted
from cloudsvc.observe.http_metrics import HTTPMetrics
from cloudsvc.observe.instruments import Instruments
from cloudsvc.observe.merging import OF_PROCESSES, Combine, Ended, Family, Merged, read_families
from cloudsvc.observe.worker_metrics import WorkerMetrics, make_drop_counter

CONTENT_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"

AUTH_FAILURES: Final = ("missing", "invalid", "error")
CONNECTION_REFUSALS: Final = ("total", "per_client")
RELOAD_RESULTS: Final = ("success", "failure")
STORAGE_OUTCOMES: Final = ("done", "failed")

_COMBINE: Final[Mapping[str, Combine]] = MappingProxyType(
    {
        "token_configured": Combine.LEAST,
        "http_connections_open": Combine.SUM,
        "http_requests_in_progress": Combine.SUM,
        "certificate_not_after_seconds": Combine.LEAST,
        "health_check_status": Combine.LEAST,
    }
)
"""What the gauges of the server itself are over several workers; others are the leader's."""

_STORAGE_BUCKETS: Final = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0, 3.0)
"""From a storage beside this machine to one that is given up."""

_LAG_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


@frozen(kw_only=True, eq=False)
class Exposition:
    """All series at one moment: the body of an HTTP answer and its media type."""

    content_type: bytes
    body: bytes


@define(eq=False)
class _Tally(Collector):
    """A labelled counter that its component keeps as plain numbers, read when scraped."""

    _name: str
    _documentation: str
    _label: str
    _values: tuple[str, ...]
    read: Callable[[], Mapping[str, int]] = dict

    def collect(self) -> Iterable[Metric]:
        family = CounterMetricFamily(self._name, self._documentation, labels=(self._label,))
        for value, count in {**dict.fromkeys(self._values, 0), **self.read()}.items():
            family.add_metric((value,), count)
        yield family

    describe = collect


class _WithoutCreated(Collector):
    """What the registry holds, without the ``_created`` samples, which would double the number of series."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterable[Metric]:
        for metric in self._registry.collect():
            if metric.type != "gauge":
                metric.samples = [sample for sample in metric.samples if sample.name != f"{metric.name}_created"]
            yield metric


class AuthMetrics:
    """Credentials presented, by what came of them."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.token_configured: Final = Gauge(
            "token_configured", "Whether a server token is configured (1) or not (0).", registry=registry
        )
        self.success: Final = Counter("auth_success_total", "Requests with a valid key.", registry=registry)
        failures = Counter("auth_failure_total", "Requests refused for their key.", ("reason",), registry=registry)
        self.failure: Final[Mapping[str, Counter]] = {reason: failures.labels(reason) for reason in AUTH_FAILURES}


class LimitMetrics:
    """Requests throttled, and how the storage of the counts does."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._exceeded = Counter(
            "rate_limit_exceeded_total", "Requests refused for their number.", ("endpoint",), registry=registry
        )
        self.storage_failures: Final = Counter(
            "rate_limit_storage_failures_total", "Counts that the shared storage did not take.", registry=registry
        )
        self._seconds = Histogram(
            "rate_limit_storage_seconds",
            "Seconds until the shared storage of the counts answered, or failed to.",
            ("outcome",),
            buckets=_STORAGE_BUCKETS,
            registry=registry,
        )
        for outcome in STORAGE_OUTCOMES:
            self._seconds.labels(outcome)

    def note_storage(self, outcome: str, seconds: float) -> None:
        """The shared storage was asked; ``outcome`` is one of :data:`STORAGE_OUTCOMES`. From any thread."""
        self._seconds.labels(outcome).observe(seconds)

    def exceeded(self, endpoint: str) -> None:
        """One more refused; ``endpoint`` is the full pattern of its route."""
        self._exceeded.labels(endpoint).inc()


class ConnectionMetrics:
    """Connections open, and refused at the door."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._open = Gauge("http_connections_open", "Connections open now.", registry=registry)
        self._refused = _Tally(
            "http_connections_refused_total", "Connections refused by a bound.", "reason", CONNECTION_REFUSALS
        )
        registry.register(self._refused)

    def watch(self, count_open: Callable[[], int], refused: Mapping[str, int]) -> None:
        """Read both where they are kept: ``refused`` counts by reason, and only grows."""
        self._open.set_function(count_open)
        self._refused.read = lambda: refused


class CertificateMetrics:
    """The certificate in use."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.not_after: Final = Gauge(
            "certificate_not_after_seconds",
            "End of the served certificate's validity, in seconds since the epoch.",
            registry=registry,
        )
        reloads = Counter("certificate_reloads_total", "Certificates read anew.", ("result",), registry=registry)
        self.reloads: Final[Mapping[str, Counter]] = {result: reloads.labels(result) for result in RELOAD_RESULTS}


class Metrics:
    """
    The instruments of one server, on a registry of its own.

    Each part of the server is given the group, or the one instrument, that is its business.
    """

    def __init__(self) -> None:
        self.registry: Final = CollectorRegistry()
        self._combine: dict[str, Combine] = {**OF_PROCESSES, **_COMBINE}
        self.http: Final = HTTPMetrics()
        self.registry.register(self.http)
        self.auth: Final = AuthMetrics(self.registry)
        self.limits: Final = LimitMetrics(self.registry)
        self.connections: Final = ConnectionMetrics(self.registry)
        self.certificate: Final = CertificateMetrics(self.registry)
        self.reactor_lag: Final = Histogram(
            "reactor_lag_seconds",
            "How late the reactor calls what is due.",
            buckets=_LAG_BUCKETS,
            registry=self.registry,
        )
        self.log_lines_dropped: Final = make_drop_counter(self.registry)
        self.workers: Final = WorkerMetrics(self.registry)
        self._health = Gauge(
            "health_check_status", "Whether a health check passes (1) or fails (0).", ("check",), registry=self.registry
        )
        Gauge(
            "cloudsvc_build_info", "What is running.", ("version", "twisted", "python"), registry=self.registry
        ).labels(cloudsvc.__version__, twisted.__version__, platform.python_version()).set(1)
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        GCCollector(registry=self.registry)

    def health_checked(self, check: str, ok: bool) -> None:  # noqa: FBT001  # called as (name, outcome), by Health
        """A health check has come to a result."""
        self._health.labels(check).set(ok)

    def instruments_for(self, prefix: str) -> Instruments:
        """
        Where an application makes instruments of its own.

        :raises ValueError: ``prefix`` is not a lower-case word, or it belongs to the server's own metrics.
        """
        return Instruments(self.registry, prefix, self._combine)

    def expose(self) -> Exposition:
        """All series now, in Prometheus's text format 0.0.4."""
        return Exposition(content_type=CONTENT_TYPE, body=generate_latest(_WithoutCreated(self.registry)))

    def read(self) -> list[Family]:
        """All series now, to be merged with those of other processes."""
        return read_families(_WithoutCreated(self.registry), self._combine)


def expose_merged(processes: Sequence[Sequence[Family]], ended: Ended) -> Exposition:
    """The series of all ``processes`` together, and of those that have ended, in the same format."""
    return Exposition(content_type=CONTENT_TYPE, body=generate_latest(Merged(processes, ended)))
