"""Figures for models in tests: round ones, so that what comes out can be calculated."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import attrs

from bench.cell.figures import Figures
from bench.scale.demands import KINDS, Demand
from bench.scale.turns import Turn

NOTHING = Demand(requests_per_second=1, node_us=0, database_us=0, bucket_us=0, redis_us=0, alone_ms=0)
NO_TURN = Turn(files_per_second=1, group_ms=0, file_us=0, node_us=0, database_us=0)


def make_figures(turn: Turn = NO_TURN, **demands: Demand) -> Figures:
    """Figures of these kinds of requests, an underscore for a hyphen; the others take nothing."""
    given = {name.replace("_", "-"): each for name, each in demands.items()}
    return Figures(demands={kind: given.get(kind, NOTHING) for kind in KINDS}, turn=turn)


def demand(**fields: float) -> Demand:
    """A request that takes this, and nothing else."""
    return attrs.evolve(NOTHING, **fields)


def turn(**fields: float) -> Turn:
    """A turn that takes this, and nothing else."""
    return attrs.evolve(NO_TURN, **fields)


def write_figures(file: Path, figures: Figures) -> None:
    """As a run of the benchmark leaves them."""
    medians: dict[str, Any] = {f"demand-{kind}": attrs.asdict(each) for kind, each in figures.demands.items()}
    stage = {"name": "demands", "medians": medians | {"turn": attrs.asdict(figures.turn)}}
    file.write_text(json.dumps({"scale": {"stages": [{"name": "large", "medians": {}}, stage]}}))
