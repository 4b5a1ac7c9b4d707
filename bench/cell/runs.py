"""Runs of a model: so many requests by so many clients, or at such a rate, and what was seen."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from statistics import fmean
from typing import Final

from attrs import define, field, frozen

from bench.cell.figures import Figures
from bench.cell.model import UPLOAD, Cell, Running, find_most_together
from bench.cell.simulation import Simulation, Station

_WARM_UP: Final = 0.1
"""The part of all requests that is answered before anything is counted, so that the stations are as busy as later."""


@frozen(kw_only=True)
class Load:
    """
    What is asked of a cell.

    :ivar rate: requests that arrive in a second, independently of each other; ``None`` where ``clients`` say.
    :ivar clients: who each wait for an answer and ask again at once.
    :ivar requests: until the end.
    """

    mix: Mapping[str, float]
    rate: float | None = None
    clients: int = 0
    requests: int = 100_000


@frozen(kw_only=True)
class Times:
    """Seconds until the answer: the mean, half of them, and all but one in a hundred."""

    mean: float
    p50: float
    p99: float


@frozen(kw_only=True)
class Outcome:
    """
    What was seen.

    :ivar throughput: requests that were answered in a second.
    :ivar utilisation: of each kind of station, from 0 to 1, the mean of those that are alike.
    :ivar times: of all requests, under the name ``all``, and of each kind.
    """

    throughput: float
    utilisation: Mapping[str, float]
    times: Mapping[str, Times]

    @property
    def bottleneck(self) -> str:
        """The station that is busy for the greatest part of the time."""
        return max(self.utilisation, key=lambda name: self.utilisation[name])


@define(eq=False)
class _Counter:
    """Counts what is answered after the warm-up."""

    load: Load
    simulation: Simulation
    stations: list[tuple[str, list[Station]]] = field(factory=list)
    answered: int = 0
    began: float = 0.0
    before: dict[str, float] = field(factory=dict)
    seconds: dict[str, list[float]] = field(factory=dict)

    def note(self, kind: str, seconds: float) -> None:
        """A request was answered."""
        self.answered += 1
        if self.answered == int(self.load.requests * _WARM_UP):
            self.began, self.before = self.simulation.now, self.count_busy()
        elif self.answered > int(self.load.requests * _WARM_UP):
            self.seconds.setdefault(kind, []).append(seconds)

    def is_over(self) -> bool:
        """Whether enough were answered."""
        return self.answered >= self.load.requests

    def count_busy(self) -> dict[str, float]:
        """For how long the servers of each kind of station have been busy so far, all of them together."""
        return {name: sum(station.count_busy_seconds() for station in alike) for name, alike in self.stations}


def simulate(cell: Cell, figures: Figures, load: Load, seed: int) -> Outcome:
    """
    What a cell does under a load. The same seed gives the same.

    :param load: of ten requests at least.
    """
    simulation, random = Simulation(), Random(seed)  # noqa: S311  # nothing is to be kept from anybody
    counter = _Counter(load, simulation)
    running = Running(cell, figures, load.mix, random, simulation, counter.note)
    counter.stations = [*running.list_stations()]
    if load.rate is None:
        for _ in range(load.clients):
            _repeat(running)
    else:
        _arrive_again(running, load.rate)
    simulation.run(counter.is_over)
    passed = simulation.now - counter.began
    busy = counter.count_busy()
    return Outcome(
        throughput=sum(map(len, counter.seconds.values())) / passed,
        utilisation={
            name: (busy[name] - counter.before[name]) / passed / sum(station.servers for station in alike)
            for name, alike in counter.stations
        },
        times={
            "all": _summarise([each for kind in counter.seconds.values() for each in kind]),
            **{kind: _summarise(counter.seconds[kind]) for kind in load.mix if kind in counter.seconds},
        },
    )


def find_bounds(cell: Cell, figures: Figures, mix: Mapping[str, float]) -> dict[str, float]:
    """
    Requests a second beyond which each kind of station has more to do than it can, if all of its servers always have
    something to do; the lock of the writers, if all groups are as large as they may be.
    """
    whole = sum(mix.values())
    parts = {kind: number / whole for kind, number in mix.items()}

    def weigh(name: str) -> float:
        microseconds: float = sum(part * getattr(figures.demands[kind], f"{name}_us") for kind, part in parts.items())
        return microseconds / 1e6

    engines = {"database": weigh("database"), "bucket": weigh("bucket"), "Redis": weigh("redis")}
    servers = {"database": cell.database_processors, "bucket": cell.bucket_processors, "Redis": 1}
    turn = figures.turn
    together = find_most_together(turn.file_us)
    file_us = max(turn.file_us, turn.node_us + turn.database_us) + turn.group_ms * 1000 / together
    demands = {
        "nodes": weigh("node") / (cell.nodes * cell.processes),
        "writer's lock": parts.get(UPLOAD, 0.0) * file_us / 1e6,
        **(
            {"all engines": sum(engines.values()) / cell.database_processors}
            if cell.shared
            else {name: demand / servers[name] for name, demand in engines.items()}
        ),
    }
    return {name: 1 / demand for name, demand in demands.items() if demand > 0}


def _repeat(running: Running) -> None:
    running.arrive(lambda: _repeat(running))


def _arrive_again(running: Running, rate: float) -> None:
    def arrive() -> None:
        running.arrive()
        running.simulation.plan(running.random.expovariate(rate), arrive)

    running.simulation.plan(running.random.expovariate(rate), arrive)


def _summarise(seconds: list[float]) -> Times:
    ordered = sorted(seconds)
    return Times(mean=fmean(ordered), p50=ordered[len(ordered) // 2], p99=ordered[len(ordered) * 99 // 100])
