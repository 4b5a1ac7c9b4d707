"""Conclusions of the benchmark about the drive."""

from __future__ import annotations

import json
from typing import Any

import pytest

from bench.drive import STAGES
from bench.drive_report import drive_to_json, format_drive_report
from bench.goals import GOALS, assess
from bench.memory import Growth
from bench.stages import QUICK, Record
from bench.transfers import Transfer


def make_record(name: str, **samples: list[Any]) -> Record:
    """A stage that gave these samples; a name's underscores stand for hyphens."""
    stage = next(stage for stage in STAGES if stage.name == name)
    return Record(stage, {key.replace("_", "-"): given for key, given in samples.items()})


def transfer(cost: float, rate: float = 100) -> Transfer:
    return Transfer(mib_per_second=rate, cpu_seconds_per_gib=cost, core_share=1)


def test_every_goal_is_measured() -> None:
    measured = {name for stage in STAGES for name in stage.titles}
    assert {name for goal in GOALS for name in (goal.subject, goal.yardstick) if name} <= measured


@pytest.mark.parametrize(("cost", "verdict"), [(1.0, "aim"), (1.1, "reached"), (1.4, "missed")])
def test_transfers_are_judged_by_the_cpu_time_of_the_yardstick_over_ours(cost: float, verdict: str) -> None:
    rounds = [transfer(cost, 50), transfer(cost, 50), transfer(9, 1)]
    [finding] = assess([make_record("download", download=rounds, download_nginx=[transfer(0.6)] * 3)])
    assert finding.value == pytest.approx(0.6 / cost)
    assert finding.value_by_rate == 0.5
    assert finding.verdict == verdict


@pytest.mark.parametrize(("mib", "verdict"), [(8, "aim"), (16, "reached"), (17, "missed")])
def test_of_memory_less_is_better(mib: float, verdict: str) -> None:
    [finding] = assess([make_record("memory", memory_upload=[Growth(mib=mib)])])
    assert (finding.value, finding.verdict) == (mib, verdict)


@pytest.mark.parametrize(("cost", "verdict"), [(1.2, "aim"), (2, "reached"), (2.1, "missed")])
def test_of_what_a_large_folder_costs_less_is_better(cost: float, verdict: str) -> None:
    [finding] = assess([make_record("listing", listing_many=[transfer(cost, 25)], listing_few=[transfer(1, 50)])])
    assert finding.value == cost
    assert finding.value_by_rate == 2
    assert finding.verdict == verdict


def test_nothing_is_concluded_from_a_stage_that_failed() -> None:
    record = make_record("download", download=[transfer(1)], download_nginx=[transfer(1)])
    record.failure = "it stopped"
    assert assess([record]) == []
    assert "FAILED" in format_drive_report([record])
    assert json.loads(json.dumps(drive_to_json([record], QUICK)))["stages"][0]["failure"] == "it stopped"
