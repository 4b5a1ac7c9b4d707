"""The simulation agrees with what queueing theory says of stations that it can calculate; the seeds are fixed."""

from __future__ import annotations

from math import factorial, log

import pytest

from bench.cell.model import Cell
from bench.cell.runs import Load, Outcome, find_bounds, simulate
from tests.bench.cell.figures import demand, make_figures

REQUESTS = 80_000
SERVICE = 0.001
"""Seconds that a request takes of a processor, on average."""


def run_one_station(servers: int, part: float, seed: int) -> Outcome:
    """Requests that ask the database alone, as many as keep that part of its processors busy."""
    figures = make_figures(look_up=demand(database_us=SERVICE * 1e6, alone_ms=SERVICE * 1000))
    load = Load(mix={"look-up": 1}, rate=part * servers / SERVICE, requests=REQUESTS)
    return simulate(Cell(database_processors=servers), figures, load, seed)


def calculate_waiting(servers: int, part: float) -> float:
    """The mean seconds before the service begins, by Erlang's formula C."""
    offered = servers * part
    last = offered**servers / factorial(servers) / (1 - part)
    waits = last / (sum(offered**each / factorial(each) for each in range(servers)) + last)
    return waits * SERVICE / (servers * (1 - part))


@pytest.mark.parametrize("part", [0.3, 0.7, 0.8])
def test_one_server_is_as_in_an_m_m_1_queue(part: float) -> None:
    found = run_one_station(1, part, seed=1)
    times = found.times["all"]
    mean = SERVICE / (1 - part)
    assert found.utilisation["database"] == pytest.approx(part, rel=0.03)
    assert times.mean == pytest.approx(mean, rel=0.1)
    # How long an answer takes is distributed exponentially there.
    assert times.p50 == pytest.approx(mean * log(2), rel=0.1)
    assert times.p99 == pytest.approx(mean * log(100), rel=0.15)


@pytest.mark.parametrize(("servers", "part"), [(2, 0.8), (4, 0.9), (8, 0.6)])
def test_several_servers_are_as_in_an_m_m_c_queue(servers: int, part: float) -> None:
    found = run_one_station(servers, part, seed=2)
    assert found.utilisation["database"] == pytest.approx(part, rel=0.03)
    assert found.times["all"].mean == pytest.approx(SERVICE + calculate_waiting(servers, part), rel=0.1)


def test_stations_in_a_row_are_each_as_if_alone() -> None:
    # Jackson's theorem: what leaves an M/M/1 queue arrives at the next one as if from outside.
    figures = make_figures(look_up=demand(database_us=1_000, bucket_us=500, redis_us=800))
    cell = Cell(database_processors=1, bucket_processors=1)
    found = simulate(cell, figures, Load(mix={"look-up": 1}, rate=700, requests=REQUESTS), seed=3)
    expected = sum(each / (1 - 700 * each) for each in (0.001, 0.0005, 0.0008))
    assert found.times["all"].mean == pytest.approx(expected, rel=0.1)
    assert found.bottleneck == "database"


def test_closed_clients_are_as_in_the_analysis_of_mean_values() -> None:
    # Exact for stations whose times are exponential: the next client sees the stations as one client fewer leaves them.
    seconds, clients = (0.001, 0.0005, 0.0008), 12
    queues = [0.0] * len(seconds)
    throughput = 0.0
    for number in range(1, clients + 1):
        times = [each * (1 + queue) for each, queue in zip(seconds, queues, strict=True)]
        throughput = number / sum(times)
        queues = [throughput * each for each in times]
    figures = make_figures(look_up=demand(database_us=1_000, bucket_us=500, redis_us=800))
    cell = Cell(database_processors=1, bucket_processors=1)
    found = simulate(cell, figures, Load(mix={"look-up": 1}, clients=clients, requests=REQUESTS), seed=4)
    assert found.throughput == pytest.approx(throughput, rel=0.03)
    # Little's law: so many clients as there are divide the throughput.
    assert found.times["all"].mean == pytest.approx(clients / throughput, rel=0.03)


def test_no_more_is_answered_than_the_busiest_station_can() -> None:
    figures = make_figures(login=demand(node_us=1_000), look_up=demand(node_us=500, database_us=400))
    mix, cell = {"login": 1.0, "look-up": 3.0}, Cell(nodes=3, processes=2, database_processors=1)
    bounds = find_bounds(cell, figures, mix)
    assert bounds["nodes"] == pytest.approx(6 / 0.000625)
    assert bounds["database"] == pytest.approx(1 / 0.0003)
    found = simulate(cell, figures, Load(mix=mix, clients=500, requests=REQUESTS), seed=5)
    assert found.throughput == pytest.approx(bounds["database"], rel=0.03)
    assert found.bottleneck == "database"


def test_a_seed_gives_the_same_again_and_another_one_something_else() -> None:
    assert run_one_station(1, 0.5, seed=7) == run_one_station(1, 0.5, seed=7) != run_one_station(1, 0.5, seed=8)
