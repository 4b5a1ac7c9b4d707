"""
Merging of the metrics of several processes into those of one server.

Counters and histograms are added up, with those of processes that have ended, so that they never go backwards. What
becomes of a gauge its :class:`Combine` says.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from attrs import define, field
from msgspec import Struct
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

LEADS: Final = "drive_leads"
"""The gauge that is 1 in the process that leads."""

_GAUGE: Final = "gauge"

_Key = tuple[str, tuple[tuple[str, str], ...]]


class Combine(StrEnum):
    """What a gauge is over several processes."""

    SUM = "sum"
    """Of something that each has some of, such as connections."""

    LEAST = "least"
    """Of something that has to be so in each, such as a check that passes."""

    LEADER = "leader"
    """Of something that is the same for all, and that whoever does the background jobs knows best."""


OF_PROCESSES: Final[Mapping[str, Combine]] = MappingProxyType(
    {
        "process_virtual_memory_bytes": Combine.SUM,
        "process_resident_memory_bytes": Combine.SUM,
        "process_open_fds": Combine.SUM,
        "process_max_fds": Combine.LEAST,
        "process_start_time_seconds": Combine.LEAST,
    }
)
"""The gauges of ``prometheus_client`` itself, of which there are some in each process."""


class Sample(Struct, array_like=True, frozen=True):
    """One value: the name of its series, its labels."""

    name: str
    labels: dict[str, str]
    value: float

    @property
    def key(self) -> _Key:
        """What tells it from others."""
        return self.name, tuple(self.labels.items())


class Family(Struct, array_like=True, frozen=True):
    """All samples of one metric in one process; ``kind`` is its Prometheus type."""

    name: str
    documentation: str
    kind: str
    combine: Combine
    samples: list[Sample]


def read_families(collector: Collector, combine: Mapping[str, Combine]) -> list[Family]:
    """
    What ``collector`` gives now.

    :param combine: by the names of gauges; others are the leader's.
    """
    return [
        Family(
            metric.name,
            metric.documentation,
            metric.type,
            combine.get(metric.name, Combine.LEADER),
            [Sample(each.name, dict(each.labels), each.value) for each in metric.samples],
        )
        for metric in collector.collect()
    ]


def leads(families: Iterable[Family]) -> bool:
    """Whether they are of the process that leads."""
    return any(family.name == LEADS and any(each.value for each in family.samples) for family in families)


@define(eq=False)
class Ended:
    """
    What the processes that have ended had counted.

    There are as many series as in one process; none goes when its process does.
    """

    _families: dict[str, Family] = field(factory=dict)

    def add(self, families: Iterable[Family]) -> None:
        """Keep the last counts of a process that has ended."""
        for family in families:
            if family.kind == _GAUGE:
                continue
            before = self._families.get(family.name)
            self._families[family.name] = _combine(family, [*([before] if before else []), family])

    @property
    def families(self) -> list[Family]:
        """All of them."""
        return [*self._families.values()]


@define(eq=False)
class Merged(Collector):
    """The metrics of one server."""

    _processes: Sequence[Sequence[Family]]
    _ended: Ended

    def collect(self) -> Iterable[Metric]:
        """Each family once, in the order of the process that leads, and then those that only others have."""
        together: dict[str, list[Family]] = {}
        for families in [*sorted(self._processes, key=leads, reverse=True), self._ended.families]:
            for family in families:
                together.setdefault(family.name, []).append(family)
        for several in together.values():
            merged = _combine(several[0], several)
            metric = Metric(merged.name, merged.documentation, merged.kind)
            for sample in merged.samples:
                metric.add_sample(sample.name, sample.labels, sample.value)
            yield metric


def _combine(like: Family, several: Sequence[Family]) -> Family:
    """One family, of which the first is the leader's."""
    found: dict[_Key, Sample] = {}
    for family in several:
        for sample in family.samples:
            before = found.get(sample.key)
            found[sample.key] = sample if before is None else _merge(like, before, sample)
    return Family(like.name, like.documentation, like.kind, like.combine, [*found.values()])


def _merge(like: Family, before: Sample, sample: Sample) -> Sample:
    if like.kind != _GAUGE or like.combine is Combine.SUM:
        return Sample(before.name, before.labels, before.value + sample.value)
    if like.combine is Combine.LEAST:
        return min(before, sample, key=lambda each: each.value)
    return before
