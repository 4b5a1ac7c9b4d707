"""
Catalogues at the port: files that are noted, look-ups and lists, in SQLite and in PostgreSQL.

``python -m bench.catalogues DIRECTORY SECONDS [URL]`` does it, in a process of its own, and prints it as JSON.
"""

from __future__ import annotations

import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from statistics import quantiles
from typing import Any, Final

import attrs
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import react

from bench.load import Throughput
from bench.postgresql import find_program, run_postgresql
from bench.server import ROOT, MeasurementError
from bench.stages import Ground, Samples
from cloudsvc.core.actors import OWNER
from cloudsvc.core.secrets import Secret
from cloudsvc.core.threads import WorkerThreads
from cloudsvc.drive.catalogue import Catalogue
from cloudsvc.drive.commands import StoreFile
from cloudsvc.drive.names import parse_path
from cloudsvc.drive.nodes import Blob, BlobId
from cloudsvc.storage.catalogue import READER_THREADS, migrate, open_catalogue
from cloudsvc.storage.catalogue.postgresql.migration import migrate as migrate_database
from cloudsvc.storage.catalogue.postgresql.opening import open_postgresql

PROGRAM: Final = find_program("initdb")

_WORKS: Final = {"store": "a file more", "look-up": "a look-up", "list": "a page of 40 files"}
TITLES: Final = {
    f"{engine}-{name}": f"{title}{place}"
    for name, title in _WORKS.items()
    for engine, place in (("sqlite", ", catalogue in SQLite"), ("postgresql", ", catalogue in PostgreSQL"))
}

_AT_ONCE: Final = 16
"""Callers."""

_FOLDERS: Final = 50
_FILES: Final = 2_000
_PAGE: Final = 50
_SPARE_SECONDS: Final = 120


def measure_catalogues(ground: Ground) -> Samples:
    """
    One round of it. The process that asks has the core of the servers, and PostgreSQL all others.

    :raises MeasurementError: it failed.
    """
    others = sorted(os.sched_getaffinity(0) - {ground.core}) or [ground.core]
    with tempfile.TemporaryDirectory(prefix="catalogues-", dir=ground.directory) as directory:
        samples = _run(ground, directory, "sqlite")
        with run_postgresql(others) as url:
            return samples | _run(ground, directory, "postgresql", url)


def _run(ground: Ground, directory: str, engine: str, *arguments: str) -> dict[str, Throughput]:
    seconds = ground.scale.seconds
    command = ["taskset", "--cpu-list", str(ground.core), sys.executable, "-m", __name__, directory, str(seconds)]
    done = subprocess.run(  # noqa: S603  # this module
        [*command, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=3 * seconds + _SPARE_SECONDS,
        check=False,
    )
    if done.returncode:
        raise MeasurementError(f"asking a catalogue failed: {done.stderr[-2000:]}")
    return {f"{engine}-{name}": Throughput(**found) for name, found in json.loads(done.stdout).items()}


async def _load(ask: Callable[[int], Awaitable[object]], seconds: float) -> Throughput:
    """Ask as often as possible, several at once."""
    began, cpu = time.perf_counter(), time.process_time()
    numbers, latencies = count(), list[float]()

    async def repeat() -> None:
        while time.perf_counter() - began < seconds:
            asked = time.perf_counter()
            await ask(next(numbers))
            latencies.append((time.perf_counter() - asked) * 1000)

    await gatherResults([Deferred.fromCoroutine(repeat()) for _ in range(_AT_ONCE)])
    passed, used = time.perf_counter() - began, time.process_time() - cpu
    steps = quantiles(latencies, n=100)
    return Throughput(
        requests_per_second=len(latencies) / passed,
        cpu_us_per_request=used / len(latencies) * 1e6,
        p50_ms=steps[49],
        p99_ms=steps[98],
        core_share=used / passed,
    )


async def _measure(catalogue: Catalogue, seconds: float) -> dict[str, Throughput]:
    async def store(path: str) -> None:
        blob = Blob(id=BlobId(secrets.token_hex(16)), size=4096, digest=secrets.token_bytes(32), crc32=1)
        command = StoreFile(path=parse_path(path), blob=blob, media_type="image/jpeg", versions_kept=10)
        await catalogue.apply(OWNER, [command])

    names = [f"folder {number % _FOLDERS}/{number}" for number in range(_FILES)]
    for start in range(0, _FILES, _AT_ONCE):
        await gatherResults([Deferred.fromCoroutine(store(name)) for name in names[start : start + _AT_ONCE]])
    return {
        "store": await _load(lambda number: store(f"new {number % _FOLDERS}/{number}"), seconds),
        "look-up": await _load(lambda number: catalogue.find(OWNER, parse_path(names[number % _FILES])), seconds),
        "list": await _load(
            lambda number: catalogue.list_children(OWNER, parse_path(f"folder {number % _FOLDERS}"), _PAGE), seconds
        ),
    }


async def _main(reactor: Any, directory: str, seconds: str, url: str | None = None) -> None:
    writer, readers = (WorkerThreads(reactor=reactor, most=most, name="bench") for most in (1, READER_THREADS + 2))
    for threads in (writer, readers):
        threads.start()
    try:
        given: dict[str, Any] = {"writer": writer, "readers": readers, "now": lambda: time.time_ns() // 1000}
        catalogue: Any
        if url is None:
            file = Path(directory) / "catalogue.sqlite3"
            migrate(file)
            catalogue = await open_catalogue(file, **given)
        else:
            migrate_database(Secret(url))
            catalogue = await open_postgresql(Secret(url), work=Path(directory) / "work", reactor=reactor, **given)
        try:
            found = await _measure(catalogue, float(seconds))
        finally:
            await catalogue.close()
    finally:
        for threads in (writer, readers):
            threads.stop()
    sys.stdout.write(json.dumps({name: attrs.asdict(each) for name, each in found.items()}))


if __name__ == "__main__":
    react(_main, sys.argv[1:])
