"""The whole server is measured with its engines: real ones, one short round."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.scale.stages import GOALS, STAGES
from bench.server import ROOT
from tests.support.postgresql import find_programs
from tests.support.required_tools import require_tool


def test_every_goal_is_measured() -> None:
    measured = {name for stage in STAGES for name in stage.titles}
    assert {name for goal in GOALS for name in (goal.subject, goal.yardstick) if name} <= measured


# Two tests, so that neither takes minutes of a busy machine.
@pytest.mark.seconds(1800)
@pytest.mark.parametrize(("stages", "findings"), [(("engines", "transfers"), 7), (("large", "demands"), 4)])
def test_a_quick_run_measures_the_stages_asked_for(stages: tuple[str, ...], findings: int, tmp_path: Path) -> None:
    for tool, package in (
        ("wrk", "wrk"),
        ("weed", "requirements/tools-s3.txt"),
        ("redis-server", "redis-server"),
    ):
        require_tool(tool, package)
    find_programs()
    output = tmp_path / "found.json"
    only = [argument for name in stages for argument in ("--only", name)]
    command = [sys.executable, "-m", "bench", "scale", "--quick", "--files", "500", "--output", str(output), *only]
    done = subprocess.run(command, cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=1700, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(output.read_text())
    assert [stage["name"] for stage in found["scale"]["stages"]] == list(stages)
    for stage in found["scale"]["stages"]:
        assert stage["medians"].keys() == stage["titles"].keys()
    assert len(found["scale"]["findings"]) == findings


def test_a_stage_that_there_is_not_is_refused_in_one_line() -> None:
    command = [sys.executable, "-m", "bench", "scale", "--only", "nothing"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)
    assert done.returncode == 2
    assert "'nothing' is not one of" in done.stderr
