"""A directory of cells: one more cell, which is asked now and then who is in which, and answers from its database."""

from __future__ import annotations

from attrs import frozen

from bench.cell.figures import Figures
from bench.cell.model import Cell
from bench.cell.runs import Load, Outcome, find_bounds, simulate

LOOK_UP = "look-up"
"""The kind of request that it answers: one row, found by an index."""


@frozen(kw_only=True)
class Directory:
    """
    What many cells carry together, which share nothing but their directory.

    :ivar throughput: requests a second, of all cells.
    :ivar most_cells: that the directory could take, if all are as busy.
    :ivar outcome: of the directory itself; ``None`` where it is asked for more than it can.
    """

    cells: int
    throughput: float
    most_cells: int
    outcome: Outcome | None


def simulate_directory(  # what there is to say
    cell: Cell, figures: Figures, *, throughput: float, cells: int, asking: float, requests: int, seed: int
) -> Directory:
    """
    What ``cells`` of the same kind carry.

    :param throughput: requests a second of each.
    :param asking: the part of these before which the directory is asked.
    """
    mix = {LOOK_UP: 1.0}
    bound = min(find_bounds(cell, figures, mix).values())
    rate = cells * throughput * asking
    return Directory(
        cells=cells,
        throughput=cells * throughput,
        most_cells=int(bound / (throughput * asking)),
        outcome=simulate(cell, figures, Load(mix=mix, rate=rate, requests=requests), seed) if rate < bound else None,
    )
