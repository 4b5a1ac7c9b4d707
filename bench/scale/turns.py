"""
Turns of writers: for how long one process keeps all others from writing to the database, for a group of files.

``python -m bench.scale.turns DIRECTORY SECONDS URL PID`` does it, in a process of its own, and prints it as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Final

import attrs
from twisted.internet.task import react

from bench.catalogue_load import load, opened_catalogue, store_file
from bench.postgresql import PostgreSQL
from bench.processor_time import count_tree_seconds
from bench.server import ROOT, MeasurementError
from bench.stages import Ground
from cloudsvc.drive.catalogue import Catalogue

_TOGETHER: Final = 8
"""
Callers whose files are one group: while one is written, all of them wait for the next. Few, so that a group is written
within the time in which it may grow, on a slow machine too.
"""

_SPARE_SECONDS: Final = 200


@attrs.frozen(kw_only=True)
class Turn:
    """
    What the turn of a writer takes: ``group_ms``, and for each file of the group ``file_us`` more.

    :ivar group_ms: of no use to others: the lock, the trips, the flushes here and at the standby.
    :ivar node_us: of ``file_us``, the processor's time of the process that writes.
    :ivar database_us: of the database, likewise.
    :ivar files_per_second: that were noted by groups of 8.
    """

    files_per_second: float
    group_ms: float
    file_us: float
    node_us: float
    database_us: float


def measure_turns(ground: Ground, database: PostgreSQL) -> Turn:
    """
    One round of it. The process that writes has the core of the servers.

    :raises MeasurementError: it failed.
    """
    seconds = ground.scale.seconds
    with tempfile.TemporaryDirectory(prefix="turns-", dir=ground.directory) as directory:
        command = ["taskset", "--cpu-list", str(ground.core), sys.executable, "-m", __name__, directory, str(seconds)]
        done = subprocess.run(  # noqa: S603  # this module
            [*command, database.url, str(database.pid)],
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=2 * seconds + _SPARE_SECONDS,
            check=False,
        )
    if done.returncode:
        raise MeasurementError(f"writing to a catalogue failed: {done.stderr[-2000:]}")
    return Turn(**json.loads(done.stdout))


async def _measure(catalogue: Catalogue, seconds: float, pid: int) -> Turn:
    await load(lambda number: store_file(catalogue, f"warm-up/{number}"), seconds / 4, _TOGETHER)
    alone = await load(lambda number: store_file(catalogue, f"alone/{number}"), seconds, 1)
    before, cpu_before = count_tree_seconds(pid), time.process_time()
    together = await load(lambda number: store_file(catalogue, f"together/{number}"), seconds, _TOGETHER)
    used = (count_tree_seconds(pid) - before) / (time.process_time() - cpu_before)
    return divide_turn(
        alone_us=1e6 / alone.requests_per_second,
        together_us=_TOGETHER * 1e6 / together.requests_per_second,
        together=_TOGETHER,
        node_us=together.cpu_us_per_request,
        database_us=used * together.cpu_us_per_request,
    )


def divide_turn(*, alone_us: float, together_us: float, together: int, node_us: float, database_us: float) -> Turn:
    """
    A turn, from how long one with one file lasts, and one with a group of ``together``: the line through both.

    Where a group takes less for each of its files than their processors, as it does when measurements are disturbed,
    nothing is left for the group itself.
    """
    file_us = max((together_us - alone_us) / (together - 1), 0.0)
    return Turn(
        files_per_second=together / together_us * 1e6,
        group_ms=max(alone_us - file_us, 0.0) / 1000,
        file_us=file_us,
        node_us=node_us,
        database_us=database_us,
    )


async def _main(reactor: Any, directory: str, seconds: str, url: str, pid: str) -> None:
    async with opened_catalogue(reactor, Path(directory), url) as catalogue:
        found = await _measure(catalogue, float(seconds), int(pid))
    sys.stdout.write(json.dumps(attrs.asdict(found)))


if __name__ == "__main__":
    react(_main, sys.argv[1:])
