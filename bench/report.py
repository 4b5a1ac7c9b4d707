"""Report of a run: a table for people and JSON for programs."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from importlib.metadata import version
from statistics import median
from typing import Any

import attrs

from bench.catalogue import TARGETS, Measure, Target
from bench.run import Plan, Row


@attrs.frozen(kw_only=True)
class Comparison:
    """
    A target and the ratios that were measured for it: medians over the rounds of the ratio in one round.

    :ivar ratio: of CPU time per request, or of memory; it decides, for it is steadier than ``ratio_by_rate``.
    :ivar verdict: ``aim``, ``reached`` or ``missed``.
    """

    target: Target
    ratio: float
    ratio_by_rate: float | None
    verdict: str


def compare(rows: Sequence[Row]) -> list[Comparison]:
    """The comparisons for which both servers were measured."""
    measured = {row.peer.name: row for row in rows if row.throughput and not row.failure}
    return [
        _compare(target, measured[target.subject], measured[target.yardstick])
        for target in TARGETS
        if target.subject in measured and target.yardstick in measured
    ]


def _compare(target: Target, subject: Row, yardstick: Row) -> Comparison:
    if target.measure is Measure.MEMORY:
        pairs = zip(subject.crowd, yardstick.crowd, strict=True)
        ratio = median(ours.kib_per_connection / theirs.kib_per_connection for ours, theirs in pairs)
        verdict = evaluate(target.at_least, target.aim, -1, ratio)
        return Comparison(target=target, ratio=ratio, ratio_by_rate=None, verdict=verdict)
    rounds = list(zip(subject.throughput, yardstick.throughput, strict=True))
    ratio = median(theirs.cpu_us_per_request / ours.cpu_us_per_request for ours, theirs in rounds)
    by_rate = median(ours.requests_per_second / theirs.requests_per_second for ours, theirs in rounds)
    verdict = evaluate(target.at_least, target.aim, 1, ratio)
    return Comparison(target=target, ratio=ratio, ratio_by_rate=by_rate, verdict=verdict)


def evaluate(at_least: float, aim: float, sign: int, value: float) -> str:
    """
    ``aim``, ``reached`` or ``missed``.

    :param sign: -1 where less is better, and 1 where more is.
    """
    if sign * value >= sign * aim:
        return "aim"
    return "reached" if sign * value >= sign * at_least else "missed"


def take_medians(samples: Sequence[Any]) -> dict[str, float]:
    """The median of each field over samples of one attrs class."""
    if not samples:
        return {}
    return {
        name.name: median(getattr(sample, name.name) for sample in samples) for name in attrs.fields(type(samples[0]))
    }


def summarise(rows: Sequence[Row]) -> dict[str, dict[str, float]]:
    """The medians of every measured server, by its name."""
    return {row.peer.name: take_medians(row.throughput) | take_medians(row.crowd) for row in rows if row.throughput}


def describe_machine(load: float) -> dict[str, Any]:
    """On what it was measured, beside so much other work."""
    return {
        "cores": os.cpu_count(),
        "load": load,
        "python": platform.python_version(),
        **{name: version(name) for name in ("twisted", "klein", "cryptography")},
    }


def to_json(rows: Sequence[Row], plan: Plan) -> dict[str, Any]:
    """All that was measured, as values that the JSON codec takes."""
    medians = summarise(rows)
    return {
        "machine": describe_machine(os.getloadavg()[0]),
        "plan": attrs.asdict(plan),
        "servers": [
            {
                "name": row.peer.name,
                "title": row.peer.title,
                "skipped": row.skipped,
                "failure": row.failure,
                "medians": medians.get(row.peer.name, {}),
                "throughput": [attrs.asdict(sample) for sample in row.throughput],
                "crowd": [attrs.asdict(sample) for sample in row.crowd],
            }
            for row in rows
        ],
        "comparisons": [
            attrs.asdict(
                comparison,
                value_serializer=lambda _, __, value: value.name.lower() if isinstance(value, Measure) else value,
            )
            for comparison in compare(rows)
        ],
    }


def format_report(rows: Sequence[Row]) -> str:
    """The tables."""
    medians = summarise(rows)
    lines = [f"{'server':<46}{'req/s':>9}{'CPU us/req':>12}{'p99 ms':>8}{'core':>6}{'KiB/idle':>10}{'CPU us/new':>12}"]
    for row in rows:
        found = medians.get(row.peer.name)
        if row.skipped or row.failure or found is None:
            lines.append(f"{row.peer.title:<46}  {f'skipped: {row.skipped}' if row.skipped else 'FAILED'}")
            continue
        lines.append(
            f"{row.peer.title:<46}{found['requests_per_second']:>9,.0f}{found['cpu_us_per_request']:>12.1f}"
            f"{found['p99_ms']:>8.1f}{found['core_share']:>6.0%}"
            f"{found['kib_per_connection']:>10.1f}{found['cpu_us_per_connection']:>12.0f}"
        )
    comparisons = compare(rows)
    if comparisons:
        titles = {row.peer.name: row.peer.title for row in rows}
        lines += [
            "",
            f"{'cloudsvc beside':<46}{'measure':>9}{'ratio':>8}{'by req/s':>10}{'at least':>10}{'aim':>6}  verdict",
        ]
        for found_ratio in comparisons:
            target = found_ratio.target
            by_rate = "" if found_ratio.ratio_by_rate is None else f"{found_ratio.ratio_by_rate:.2f}"
            lines.append(
                f"{titles[target.yardstick]:<46}{target.measure.name.lower():>9}{found_ratio.ratio:>8.2f}{by_rate:>10}"
                f"{target.at_least:>10}{target.aim:>6}  {found_ratio.verdict}"
            )
    return "\n".join(lines)
