"""
Reactor lag while 64 writers commit to the catalogue.

``python -m bench.commits DIRECTORY SECONDS`` does it, in a process of its own, and prints what it found as JSON.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from itertools import count
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

import attrs
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import react

from bench.server import ROOT, MeasurementError
from cloudsvc.core.actors import OWNER
from cloudsvc.drive.commands import MakeFolder
from cloudsvc.drive.names import parse_path
from cloudsvc.storage.opening import open_storage
from cloudsvc.storage.resources import open_resources

WRITERS: Final = 64
_INTERVAL: Final = 0.002
_SPARE_SECONDS: Final = 60


@attrs.frozen(kw_only=True)
class Lateness:
    """How much later than asked a call came that was asked for every 2 ms."""

    commits_per_second: float
    p50_ms: float
    p99_ms: float


def measure_commits(core: int, seconds: int) -> Lateness:
    """
    Commit for ``seconds`` on one core.

    :raises MeasurementError: it failed.
    """
    with tempfile.TemporaryDirectory(prefix="bench-") as directory:
        command = ["taskset", "--cpu-list", str(core), sys.executable, "-m", __name__, directory, str(seconds)]
        done = subprocess.run(  # noqa: S603 - this module
            command, cwd=ROOT, capture_output=True, text=True, timeout=seconds + _SPARE_SECONDS, check=False
        )
    if done.returncode:
        raise MeasurementError(f"committing failed: {done.stderr[-2000:]}")
    return Lateness(**json.loads(done.stdout))


async def _commit(reactor: Any, directory: Path, seconds: float) -> Lateness:
    with open_resources(reactor) as resources:
        storage = await open_storage(directory, resources)
        end = time.monotonic() + seconds
        numbers = count()
        late: list[float] = []

        def sample(due: float) -> None:
            late.append((reactor.seconds() - due) * 1000)
            if time.monotonic() < end:
                wait()

        def wait() -> None:
            reactor.callLater(_INTERVAL, sample, reactor.seconds() + _INTERVAL)

        async def write() -> int:
            written = 0
            while time.monotonic() < end:
                await storage.catalogue.apply(OWNER, [MakeFolder(path=parse_path(f"{next(numbers)}"))])
                written += 1
            return written

        wait()
        written = await gatherResults([Deferred.fromCoroutine(write()) for _ in range(WRITERS)])
        await storage.close()
    steps = quantiles(late, n=100)
    return Lateness(commits_per_second=sum(written) / seconds, p50_ms=steps[49], p99_ms=steps[98])


async def _main(reactor: Any, directory: str, seconds: str) -> None:
    found = await _commit(reactor, Path(directory), float(seconds))
    sys.stdout.write(json.dumps(attrs.asdict(found)))


if __name__ == "__main__":
    react(_main, sys.argv[1:])
