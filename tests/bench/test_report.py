"""Conclusions of the benchmark from its measurements."""

from __future__ import annotations

import json

import pytest

from bench.catalogue import PEERS, Measure
from bench.load import Crowd, Throughput
from bench.report import compare, format_report, to_json
from bench.run import QUICK, Row


def make_row(name: str, *, cpu: list[float], kib: float = 30) -> Row:
    """A server whose rounds cost ``cpu`` microseconds per request."""
    peer = next(peer for peer in PEERS if peer.name == name)
    row = Row(peer)
    row.throughput = [
        Throughput(requests_per_second=1e6 / us, cpu_us_per_request=us, p50_ms=1, p99_ms=2, core_share=1) for us in cpu
    ]
    row.crowd = [Crowd(kib_per_connection=kib, cpu_us_per_connection=600) for _ in cpu]
    return row


@pytest.mark.parametrize(
    ("cpu", "verdict"),
    [(100.0, "aim"), (100.1, "reached"), (125.0, "reached"), (126.0, "missed")],
)
def test_speed_is_judged_by_the_cpu_time_of_the_yardstick_over_ours(cpu: float, verdict: str) -> None:
    (comparison,) = compare([make_row("cloudsvc", cpu=[cpu]), make_row("twisted", cpu=[100.0])])
    assert comparison.ratio == pytest.approx(100 / cpu)
    assert comparison.verdict == verdict


@pytest.mark.parametrize(("kib", "verdict"), [(25, "aim"), (30, "reached"), (31, "missed")])
def test_less_memory_is_better(kib: float, verdict: str) -> None:
    comparisons = compare([make_row("cloudsvc", cpu=[1], kib=kib), make_row("fastapi", cpu=[1], kib=50)])
    (comparison,) = (each for each in comparisons if each.target.measure is Measure.MEMORY)
    assert comparison.verdict == verdict


def test_the_ratio_is_the_median_over_rounds_of_the_ratio_within_one() -> None:
    ours, theirs = make_row("cloudsvc", cpu=[50, 100, 400]), make_row("twisted", cpu=[100, 100, 100])
    (comparison,) = compare([ours, theirs])
    assert comparison.ratio == 1


def test_nothing_is_concluded_about_a_server_that_failed_or_was_skipped() -> None:
    failed, skipped = make_row("twisted", cpu=[100]), make_row("fastapi", cpu=[])
    failed.failure, skipped.skipped = "stopped by itself", "not installed"
    rows = [make_row("cloudsvc", cpu=[100]), failed, skipped]
    assert compare(rows) == []
    report = format_report(rows)
    assert "FAILED" in report
    assert "skipped: not installed" in report


def test_the_json_holds_every_sample_and_the_medians() -> None:
    found = json.loads(json.dumps(to_json([make_row("cloudsvc", cpu=[1, 2, 6])], QUICK)))
    (server,) = found["servers"]
    assert [sample["cpu_us_per_request"] for sample in server["throughput"]] == [1, 2, 6]
    assert server["medians"]["cpu_us_per_request"] == 2
    assert server["medians"]["kib_per_connection"] == 30
