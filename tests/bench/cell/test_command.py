"""``python -m bench cell`` as it is typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.cell.command import cell
from tests.bench.cell.figures import demand, make_figures, turn, write_figures


@pytest.fixture
def figures(tmp_path: Path) -> str:
    """A file with some."""
    file = tmp_path / "scale.json"
    some = demand(node_us=1_000, database_us=200, bucket_us=100, redis_us=50, alone_ms=3)
    kinds = dict.fromkeys(("login", "look_up", "list", "download", "upload"), some)
    write_figures(file, make_figures(turn(group_ms=3, file_us=300, node_us=100, database_us=100), **kinds))
    return str(file)


def run(*arguments: str) -> tuple[int, str]:
    """The exit status and all that was printed."""
    result = CliRunner().invoke(cell, arguments)
    return result.exit_code, result.output


def test_it_tells_what_a_cell_carries_and_what_stands_in_the_way(figures: str) -> None:
    status, output = run("--figures", figures, "--nodes", "4", "--requests", "2000", "--cells", "50")
    assert status == 0, output
    assert "nodes 8,000" in output
    lines = output.splitlines()
    asked = [line for line in lines if "/s" in line]
    assert len(asked) == 3
    assert all("nodes" in line or "writer's lock" in line for line in asked)
    assert "50 cells: " in output
    assert "one directory is enough for" in output


def test_clients_and_rates_are_given_by_hand(figures: str) -> None:
    status, output = run("--figures", figures, "--clients", "32", "--mix", "upload=1", "--requests", "2000", "--shared")
    assert status == 0, output
    assert "32 clients" in output
    assert "all engines" in output
    status, output = run("--figures", figures, "--rate", "100", "--requests", "2000")
    assert status == 0, output
    assert "100/s" in output


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--mix", "upload"), "is not like"),
        (("--mix", "nothing=1"), "there are login, look-up"),
        (("--mix", "upload=-1"), "is not like"),
        (("--mix", "upload=nan"), "is not like"),
        (("--rate", "5", "--clients", "5"), "not both"),
        (("--rate", "0"), "0.0"),
        (("--nodes", "0"), "1<=x<=1000"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments: tuple[str, ...], said: str, figures: str) -> None:
    status, output = run("--figures", figures, *arguments)
    assert status == 2
    assert said in output


def test_without_figures_it_says_what_to_run(tmp_path: Path) -> None:
    status, output = run("--figures", str(tmp_path / "nothing.json"))
    assert status == 1
    assert output.count("\n") == 1
    assert "python -m bench scale --only demands" in output
