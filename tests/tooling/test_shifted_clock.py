"""The clock of a program can be set while it runs; what goes on evenly goes on."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Any

import pytest

from tests.support.chaos.shifted_clock import set_clock

pytestmark = pytest.mark.slow

HOUR = 3600

PROGRAM = """
import json, sys, time
from pathlib import Path
from tests.support.chaos.shifted_clock import shift

shift(Path(sys.argv[1]))
for line in sys.stdin:
    print(json.dumps([time.time(), time.time_ns() / 1e9, time.monotonic()]), flush=True)
"""


def ask(process: subprocess.Popen[str]) -> list[float]:
    """How far the clocks of a program are from those of this one."""
    question: IO[str] = process.stdin  # type: ignore[assignment]  # it has one
    answer: IO[str] = process.stdout  # type: ignore[assignment]  # as above
    question.write("\n")
    question.flush()
    told: list[Any] = json.loads(answer.readline())
    return [each - own for each, own in zip(told, (time.time(), time.time(), time.monotonic()), strict=True)]


def test_it_is_set_while_the_program_runs(tmp_path: Path) -> None:
    file = tmp_path / "clock"
    set_clock(file, 0)
    command = [sys.executable, "-c", PROGRAM, str(file)]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=root) as process:
        for hours in (0, 48, -2, 0):
            set_clock(file, hours * HOUR)
            differences = [each / HOUR for each in ask(process)]
            # Within half an hour, for which a busy machine does not think.
            assert differences == pytest.approx([hours, hours, 0], abs=0.5)
        assert process.stdin is not None
        process.stdin.close()
        assert process.wait(100) == 0
