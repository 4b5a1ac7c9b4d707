"""Where this server spends its time: its requests under cProfile, by twistd's own option."""

from __future__ import annotations

import io
import os
import pstats
import tempfile
from contextlib import closing
from pathlib import Path

from bench.catalogue import PEERS
from bench.server import ask, run_server


def profile(requests: int, top: int) -> str:
    """The ``top`` functions by their own time over ``requests`` logins on one connection, set-up and start included."""
    command = next(peer.command for peer in PEERS if peer.name == "cloudsvc")
    core = min(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory(prefix="bench-") as name:
        dump = Path(name, "profile")
        with (
            run_server([*command, f"--profile={dump}", "--savestats"], core) as server,
            closing(server.connect()) as client,
        ):
            for _ in range(requests):
                ask(client)
        text = io.StringIO()
        pstats.Stats(str(dump), stream=text).strip_dirs().sort_stats("tottime").print_stats(top)
        return text.getvalue()
