"""Profile of this server under load, by cProfile and twistd's own option."""

from __future__ import annotations

import io
import os
import pstats
import tempfile
from pathlib import Path

from bench.catalogue import PEERS
from bench.load import measure_throughput
from bench.server import run_server


def profile(seconds: int, top: int, order: str) -> str:
    """The ``top`` functions by ``order`` (of pstats) over ``seconds`` of load, start-up included."""
    command = next(peer.command for peer in PEERS if peer.name == "cloudsvc")
    core = min(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        dump = Path(name, "profile")
        with run_server([*command, f"--profile={dump}", "--savestats"], core) as server:
            measure_throughput(server, seconds)
        text = io.StringIO()
        pstats.Stats(str(dump), stream=text).strip_dirs().sort_stats(order).print_stats(top)
        return text.getvalue()
