"""Measured figures, out of the JSON of a run, from which a model is made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from attrs import frozen

from bench.scale.demands import KINDS, Demand
from bench.scale.turns import Turn


class NoFigures(Exception):  # noqa: N818  # a state of affairs, which is told in one line
    """A file has no figures of a run. The text says what to do."""


@frozen(kw_only=True)
class Figures:
    """
    What was measured.

    :ivar demands: by the kinds of requests.
    """

    demands: Mapping[str, Demand]
    turn: Turn

    def find_waits(self, kind: str) -> float:
        """
        Seconds in which a request that is the only one waits for disks and networks, and for nobody's processor.

        What is not explained by processors and the turn of its writer; none where these explain more than all.
        """
        demand = self.demands[kind]
        processors_us = demand.node_us + demand.database_us + demand.bucket_us + demand.redis_us
        turn_us = self.turn.group_ms * 1000 + self.turn.file_us if kind == "upload" else 0.0
        return max(demand.alone_ms * 1000 - processors_us - turn_us, 0.0) / 1e6


def read_figures(file: Path) -> Figures:
    """
    The figures in the JSON of ``python -m bench scale``.

    :raises NoFigures: there are none.
    """
    advice = "run `python -m bench scale --only demands` first"
    try:
        found = json.loads(file.read_text())
    except FileNotFoundError:
        raise NoFigures(f"{file} is not there: {advice}") from None
    except (OSError, ValueError) as problem:
        raise NoFigures(f"{file} cannot be read ({problem}): {advice}") from None
    try:
        medians = _find_medians(found)
        demands = {name: Demand(**medians[f"demand-{name}"]) for name in KINDS}
        return Figures(demands=demands, turn=Turn(**medians["turn"]))
    except (KeyError, TypeError, StopIteration):
        raise NoFigures(f"{file} has no figures of the stage `demands`: {advice}") from None


def _find_medians(found: Any) -> Mapping[str, Any]:
    medians: Mapping[str, Any] = next(
        stage["medians"] for stage in found["scale"]["stages"] if stage["name"] == "demands"
    )
    return medians
