"""Reports of a model: tables for people."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bench.cell.directories import Directory
from bench.cell.figures import Figures
from bench.cell.runs import Load, Outcome
from bench.scale.demands import KINDS


def format_profile(figures: Figures) -> str:
    """What one process takes: what each kind of request costs, and how many of it one processor answers."""
    head = "".join(f"{name:>9}" for name in ("node", "database", "bucket", "Redis", "waits"))
    lines = [f"{'one process, microseconds':<28}{head}{'a second':>10}"]
    for kind, title in KINDS.items():
        demand = figures.demands[kind]
        lines.append(
            f"{title:<28}{demand.node_us:>9,.0f}{demand.database_us:>9,.0f}{demand.bucket_us:>9,.0f}"
            f"{demand.redis_us:>9,.0f}{figures.find_waits(kind) * 1e6:>9,.0f}{1e6 / demand.node_us:>10,.0f}"
        )
    turn = figures.turn
    lines.append(
        f"turn of a writer: {turn.group_ms:.1f} ms, and {turn.file_us:,.0f} us for each file"
        f" (node {turn.node_us:,.0f}, database {turn.database_us:,.0f})"
    )
    return "\n".join(lines)


def format_bounds(bounds: Mapping[str, float]) -> str:
    """What each station takes at best."""
    return "at most, a second: " + ", ".join(
        f"{name} {bound:,.0f}" for name, bound in sorted(bounds.items(), key=lambda each: each[1])
    )


def format_outcomes(loads: Sequence[Load], outcomes: Sequence[Outcome]) -> str:
    """What was seen under each load."""
    stations = [*outcomes[0].utilisation]
    head = "".join(f"{name:>15}" for name in stations)
    lines = [f"{'asked':>14}{'answered':>10}{'p50 ms':>9}{'p99 ms':>9}{head}  bottleneck"]
    for load, outcome in zip(loads, outcomes, strict=True):
        times = outcome.times["all"]
        asked = f"{load.clients} clients" if load.rate is None else f"{load.rate:,.0f}/s"
        busy = "".join(f"{outcome.utilisation[name]:>15.0%}" for name in stations)
        lines.append(
            f"{asked:>14}{outcome.throughput:>10,.0f}{times.p50 * 1000:>9.1f}{times.p99 * 1000:>9.1f}{busy}"
            f"  {outcome.bottleneck}"
        )
    lines += ["", f"{'under the last of these':<28}{'p50 ms':>9}{'p99 ms':>9}"]
    for kind, times in outcomes[-1].times.items():
        lines.append(f"{KINDS.get(kind, kind):<28}{times.p50 * 1000:>9.1f}{times.p99 * 1000:>9.1f}")
    return "\n".join(lines)


def format_directory(directory: Directory) -> str:
    """What many cells carry."""
    lines = [f"{directory.cells:,} cells: {directory.throughput:,.0f} requests a second"]
    if directory.outcome is None:
        lines.append("their directory, a cell like them, is asked for more than it can")
    else:
        outcome = directory.outcome
        lines.append(
            f"their directory, a cell like them, answers {outcome.throughput:,.0f} a second,"
            f" p99 {outcome.times['all'].p99 * 1000:.1f} ms;"
            f" {outcome.bottleneck}: {max(outcome.utilisation.values()):.0%}"
        )
    lines.append(f"one directory is enough for {directory.most_cells:,} cells")
    return "\n".join(lines)
