"""Report of a run in stages: a table for people and JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from statistics import median
from typing import Any

import attrs

from bench.goals import GOALS, QUANTITIES, Goal, assess
from bench.report import take_medians
from bench.stages import Record, Scale


def format_drive_report(records: Sequence[Record], goals: Sequence[Goal] = GOALS) -> str:
    """The tables."""
    lines = [f"{'drive':<50}{'rate':>20}{'cost':>20}{'core':>6}"]
    for record in records:
        if record.skipped or record.failure:
            found = f"skipped: {record.skipped}" if record.skipped else "FAILED"
            lines += [f"{title:<50}  {found}" for title in record.stage.titles.values()]
            continue
        lines += [_format_samples(title, record.samples[name]) for name, title in record.stage.titles.items()]
    findings = assess(records, goals)
    if findings:
        lines += ["", f"{'to reach':<50}{'value':>10}{'by rate':>10}{'at least':>10}{'aim':>8}  verdict"]
    for finding in findings:
        goal = finding.goal
        by_rate = "" if finding.value_by_rate is None else f"{finding.value_by_rate:.2f}"
        value = f"{finding.value:,.2f}"
        lines.append(f"{goal.title:<50}{value:>10}{by_rate:>10}{goal.at_least:>10,}{goal.aim:>8,}  {finding.verdict}")
    return "\n".join(lines)


def _format_samples(title: str, samples: Sequence[Any]) -> str:
    quantity = QUANTITIES[type(samples[0])]
    rate = ""
    if quantity.rate is not None:
        rate = f"{median(getattr(sample, quantity.rate) for sample in samples):,.0f} {quantity.rate_unit}"
    cost = f"{median(getattr(sample, quantity.cost) for sample in samples):,.2f} {quantity.cost_unit}"
    core = f"{median(sample.core_share for sample in samples):.0%}" if hasattr(samples[0], "core_share") else ""
    return f"{title:<50}{rate:>20}{cost:>20}{core:>6}"


def drive_to_json(records: Sequence[Record], scale: Scale, goals: Sequence[Goal] = GOALS) -> dict[str, Any]:
    """All that was measured, as values that the JSON codec takes."""
    return {
        "scale": attrs.asdict(scale),
        "stages": [
            {
                "name": record.stage.name,
                "skipped": record.skipped,
                "failure": record.failure,
                "titles": dict(record.stage.titles),
                "medians": {name: take_medians(samples) for name, samples in record.samples.items()},
                "samples": {name: list(map(attrs.asdict, samples)) for name, samples in record.samples.items()},
            }
            for record in records
        ],
        "findings": [
            attrs.asdict(
                finding, value_serializer=lambda _, __, value: value.name.lower() if isinstance(value, Enum) else value
            )
            for finding in assess(records, goals)
        ],
    }
