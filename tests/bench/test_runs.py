"""The benchmark runs: real servers, real load, one short round."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from bench.server import ROOT, MeasurementError, run_server

CORE = min(os.sched_getaffinity(0))
WRONG_ANSWER = """
import runpy
from bench.peers import setup
setup.BODY = b'{}'
runpy.run_module('bench.peers.twisted_quiet', run_name='__main__')
"""

needs_wrk = pytest.mark.skipif(shutil.which("wrk") is None, reason="wrk is not installed (Debian's package wrk)")


def run_bench(output: Path, *names: str, **environment: str) -> tuple[int, dict[str, Any]]:
    """The exit status and the JSON of a quick run of the servers named."""
    only = [argument for name in names for argument in ("--only", name)]
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--output", str(output), *only],
        cwd=ROOT,
        env=os.environ | environment,
        capture_output=True,
        timeout=500,
        check=False,
    )
    return done.returncode, json.loads(output.read_text())


@needs_wrk
def test_a_quick_run_measures_the_servers_asked_for_and_writes_json(tmp_path: Path) -> None:
    status, found = run_bench(tmp_path / "results" / "found.json", "twisted", "klein")
    assert status == 0
    assert [server["name"] for server in found["servers"]] == ["twisted", "klein"]
    for server in found["servers"]:
        assert server["failure"] is None
        assert len(server["throughput"]) == len(server["crowd"]) == found["plan"]["rounds"] == 1
        assert all(server["medians"][kind] > 0 for kind in ("requests_per_second", "cpu_us_per_request", "p99_ms"))
        assert server["medians"]["cpu_us_per_connection"] > 0
    assert found["comparisons"] == []


@needs_wrk
def test_what_is_not_installed_is_skipped_and_says_what_to_install(tmp_path: Path) -> None:
    status, found = run_bench(tmp_path / "found.json", "fastapi", BENCH_PYTHON="false")
    assert status == 0
    assert "make bench" in found["servers"][0]["skipped"]


@needs_wrk
def test_a_server_that_does_not_start_fails_the_run(tmp_path: Path) -> None:
    python = tmp_path / "python"
    python.write_text('#!/bin/sh\n[ "$1" = -c ] || { echo no port left; exit 3; }\n')
    python.chmod(0o700)
    status, found = run_bench(tmp_path / "found.json", "fastapi", BENCH_PYTHON=str(python))
    assert status == 1
    assert "no port left" in found["servers"][0]["failure"]


def test_a_wrong_answer_is_not_measured_and_leaves_no_process_behind() -> None:
    with (
        pytest.raises(MeasurementError, match=r"answered 200 b'\{\}'"),
        run_server([sys.executable, "-c", WRONG_ANSWER], CORE),
    ):
        pytest.fail("was taken for a right answer")
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    assert [pid for pid in children if "twisted_quiet" in Path(f"/proc/{pid}/cmdline").read_text()] == []


def test_a_started_server_is_stopped_at_the_end() -> None:
    with run_server([sys.executable, "-m", "bench.peers.twisted_quiet"], CORE) as server:
        server.verify()
        assert server.count_cpu_seconds() > 0
        assert server.count_resident_bytes() > 2**20
    assert not Path(f"/proc/{server.pid}").exists()
