"""Writers of the model take turns, and each takes what waits; figures are read from what a run has left."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.cell.directories import simulate_directory
from bench.cell.figures import NoFigures, read_figures
from bench.cell.model import Cell, find_most_together
from bench.cell.runs import Load, find_bounds, simulate
from cloudsvc.storage.database.group_commit import MOST_TOGETHER
from tests.bench.cell.figures import demand, make_figures, turn, write_figures

REQUESTS = 5_000


def uploads(clients: int) -> Load:
    """Nothing but uploads."""
    return Load(mix={"upload": 1}, clients=clients, requests=REQUESTS)


@pytest.mark.parametrize("clients", [1, 8, 40])
def test_the_files_that_wait_share_a_group(clients: int) -> None:
    figures = make_figures(turn=turn(group_ms=5, file_us=200), upload=demand(node_us=0.01))
    found = simulate(Cell(), figures, uploads(clients), seed=1)
    # Who is answered asks again while the next group is written already, so that there are two of them.
    groups = min(clients, 2)
    assert found.throughput == pytest.approx(clients / (groups * 0.005 + 0.0002 * clients), rel=0.02)
    assert found.utilisation["writer's lock"] == pytest.approx(1, rel=0.01)


def test_two_writers_take_turns() -> None:
    figures = make_figures(turn=turn(group_ms=5, file_us=0), upload=demand(node_us=10))
    one, two = (simulate(Cell(nodes=nodes), figures, uploads(400), seed=2) for nodes in (1, 2))
    # Both have groups as large as they may be: the lock takes as many of them, whoever writes.
    for found in (one, two):
        assert found.throughput == pytest.approx(MOST_TOGETHER / 0.005, rel=0.03)


def test_a_group_takes_no_longer_than_it_may() -> None:
    assert find_most_together(10) == MOST_TOGETHER
    assert find_most_together(5_000) == 10
    assert find_most_together(1e9) == 1


def test_other_requests_wait_for_no_writer() -> None:
    figures = make_figures(turn=turn(group_ms=50), upload=demand(), look_up=demand(database_us=100))
    load = Load(mix={"upload": 1, "look-up": 9}, rate=100, requests=REQUESTS)
    found = simulate(Cell(), figures, load, seed=3)
    assert found.times["look-up"].p99 < 0.005
    assert found.times["upload"].p50 >= 0.05


def test_what_the_bench_measured_on_shared_processors_is_one_station() -> None:
    figures = make_figures(download=demand(database_us=100, bucket_us=200, redis_us=100))
    found = simulate(
        Cell(database_processors=1, shared=True),
        figures,
        Load(mix={"download": 1}, rate=1000, requests=REQUESTS),
        seed=4,
    )
    assert found.utilisation.keys() == {"nodes", "writer's lock", "all engines"}
    assert found.utilisation["all engines"] == pytest.approx(0.4, rel=0.05)


def test_waits_are_what_nothing_else_explains() -> None:
    figures = make_figures(
        turn=turn(group_ms=2, file_us=500),
        upload=demand(node_us=1_000, bucket_us=500, alone_ms=9),
        login=demand(node_us=1_000, alone_ms=0.5),
    )
    assert figures.find_waits("upload") == pytest.approx(0.005)
    assert figures.find_waits("login") == 0


def test_many_cells_carry_as_much_as_each_times_their_number() -> None:
    figures = make_figures(look_up=demand(node_us=1_000))
    found = simulate_directory(
        Cell(nodes=4), figures, throughput=2_000, cells=100, asking=0.01, requests=REQUESTS, seed=5
    )
    assert found.throughput == 200_000
    assert found.most_cells == 200
    assert found.outcome is not None
    assert found.outcome.utilisation["nodes"] == pytest.approx(0.5, rel=0.05)
    more = simulate_directory(
        Cell(nodes=4), figures, throughput=2_000, cells=300, asking=0.01, requests=REQUESTS, seed=5
    )
    assert more.outcome is None


def test_figures_are_read_from_the_json_of_a_run(tmp_path: Path) -> None:
    figures = make_figures(turn=turn(group_ms=3), login=demand(node_us=100))
    write_figures(tmp_path / "scale.json", figures)
    assert read_figures(tmp_path / "scale.json") == figures
    assert find_bounds(Cell(), figures, {"login": 1}) == {"nodes": pytest.approx(10_000)}


@pytest.mark.parametrize("content", [None, "{", json.dumps({"scale": {"stages": []}}), json.dumps([])])
def test_without_figures_it_says_what_to_do(content: str | None, tmp_path: Path) -> None:
    file = tmp_path / "scale.json"
    if content is not None:
        file.write_text(content)
    with pytest.raises(NoFigures, match="run `python -m bench scale --only demands` first"):
        read_figures(file)
