"""HTTP metrics: plain numbers while requests pass, series when scraped."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Final

from attrs import define, field
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

METHODS: Final[Mapping[bytes, str]] = MappingProxyType(
    {name.encode("ascii"): name for name in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")}
)
"""The methods that have a name of their own in metrics; a client may send any others, so they share ``OTHER``."""

UNMATCHED: Final = "unmatched"
"""The handler of requests that no route takes."""

_BUCKETS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
_BOUNDS: Final = (*(str(bound) for bound in _BUCKETS), "+Inf")


@define(eq=False)
class _Durations:
    seconds: float = 0.0
    counts: list[int] = field(factory=lambda: [0] * len(_BOUNDS))

    def buckets(self) -> list[tuple[str, float]]:
        """Upper bounds with how many requests took at most that long."""
        total = 0
        result = []
        for bound, count in zip(_BOUNDS, self.counts, strict=True):
            total += count
            result.append((bound, float(total)))
        return result


@define(eq=False)
class _Requests:
    durations: _Durations
    count: int = 0


@define(eq=False)
class HTTPMetrics(Collector):
    """
    Counts requests. Only the reactor's thread may call it, which is why it needs no locks.

    There are as many series as routes times methods times statuses, however clients behave.

    :ivar in_progress: requests whose head is complete and whose answer is not.
    """

    in_progress: int = 0
    _requests: dict[tuple[bytes, str, int], _Requests] = field(factory=dict, init=False)
    _durations: dict[tuple[bytes, str], _Durations] = field(factory=dict, init=False)

    def arrived(self) -> None:
        """A request's head is complete."""
        self.in_progress += 1

    def departed(self, method: bytes, handler: str, status: int, seconds: float) -> None:
        """
        Its answer is complete.

        :param handler: the full pattern of the route, or :data:`UNMATCHED`. Never a path: each value is a series.
        :param seconds: since it arrived.
        """
        self.in_progress -= 1
        requests = self._requests.get((method, handler, status)) or self._find(method, handler, status)
        requests.count += 1
        durations = requests.durations
        durations.seconds += seconds
        durations.counts[bisect_left(_BUCKETS, seconds)] += 1

    def collect(self) -> Iterable[Metric]:
        """The three families, as Prometheus wants them."""
        total = CounterMetricFamily(
            "http_requests_total", "HTTP requests answered.", labels=("method", "handler", "status")
        )
        for (method, handler, status), requests in self._requests.items():
            total.add_metric((METHODS.get(method, "OTHER"), handler, str(status)), requests.count)
        timing = HistogramMetricFamily(
            "http_request_duration_seconds",
            "Time from the complete head of a request to the end of its answer.",
            labels=("method", "handler"),
        )
        for (method, handler), durations in self._durations.items():
            timing.add_metric((METHODS.get(method, "OTHER"), handler), durations.buckets(), durations.seconds)
        yield total
        yield timing
        yield GaugeMetricFamily("http_requests_in_progress", "HTTP requests being answered.", self.in_progress)

    describe = collect

    def _find(self, method: bytes, handler: str, status: int) -> _Requests:
        if method not in METHODS:
            method = b"OTHER"
        durations = self._durations.setdefault((method, handler), _Durations())
        return self._requests.setdefault((method, handler, status), _Requests(durations))
