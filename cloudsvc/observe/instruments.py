"""Metrics of applications, in the same registry under a name of their own."""

from __future__ import annotations

import re
from collections.abc import Callable, MutableMapping, Sequence
from typing import Final, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from cloudsvc.observe.merging import Combine

_Instrument = TypeVar("_Instrument", Counter, Gauge, Histogram)

_is_name: Final = re.compile(r"[a-z]([a-z0-9_]*[a-z0-9])?").fullmatch


class Instruments:
    """
    Makes counters, gauges and histograms whose names begin with one prefix.

    Label values must come from a small fixed set: every combination is a series for as long as the server runs.
    """

    def __init__(self, registry: CollectorRegistry, prefix: str, combine: MutableMapping[str, Combine]) -> None:
        if not _is_name(prefix):
            raise ValueError(f"{prefix!r} cannot begin the name of a metric: use lower-case letters, digits and _")
        self._registry = registry
        self._combine = combine
        self._prefix = prefix

    def counter(self, name: str, documentation: str, labels: Sequence[str] = ()) -> Counter:
        """
        A counter ``PREFIX_name``; by convention ``name`` ends in ``_total``.

        :raises ValueError: there is a metric of this name already, or it is not a name.
        """
        return self._make(name, lambda full: Counter(full, documentation, labels, registry=self._registry))

    def gauge(
        self, name: str, documentation: str, labels: Sequence[str] = (), *, combine: Combine = Combine.LEADER
    ) -> Gauge:
        """
        A gauge ``PREFIX_name``.

        :param combine: what it is over several workers.
        :raises ValueError: there is a metric of this name already, or it is not a name.
        """
        made = self._make(name, lambda full: Gauge(full, documentation, labels, registry=self._registry))
        self._combine[f"{self._prefix}_{name}"] = combine
        return made

    def histogram(
        self,
        name: str,
        documentation: str,
        labels: Sequence[str] = (),
        buckets: Sequence[float] = Histogram.DEFAULT_BUCKETS,
    ) -> Histogram:
        """
        A histogram ``PREFIX_name``; ``buckets`` are upper bounds, ascending, in the unit that ends the name.

        :raises ValueError: there is a metric of this name already, or it is not a name.
        """
        return self._make(
            name, lambda full: Histogram(full, documentation, labels, buckets=buckets, registry=self._registry)
        )

    def _make(self, name: str, make: Callable[[str], _Instrument]) -> _Instrument:
        full_name = f"{self._prefix}_{name}"
        if not _is_name(full_name):
            raise ValueError(f"the metric {full_name!r} cannot be made: use lower-case letters, digits and _")
        try:
            return make(full_name)
        except ValueError as problem:
            raise ValueError(f"the metric {full_name} cannot be made: {problem}") from problem
