"""
Catalogues at the port: files that are noted, look-ups and lists, in SQLite and in PostgreSQL.

``python -m bench.catalogues DIRECTORY SECONDS [URL]`` does it, in a process of its own, and prints it as JSON.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Awaitable
from pathlib import Path
from typing import Any, Final

import attrs
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.task import react

from bench.catalogue_load import load, opened_catalogue, store_file
from bench.load import Throughput
from bench.postgresql import find_program, run_postgresql
from bench.server import ROOT, MeasurementError
from bench.stages import Ground, Samples
from cloudsvc.core.actors import OWNER
from cloudsvc.drive.catalogue import Catalogue
from cloudsvc.drive.names import parse_path

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
        with run_postgresql(others) as database:
            return samples | _run(ground, directory, "postgresql", database.url)


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


async def _measure(catalogue: Catalogue, seconds: float) -> dict[str, Throughput]:
    async def store(path: str) -> None:
        await store_file(catalogue, path)

    names = [f"folder {number % _FOLDERS}/{number}" for number in range(_FILES)]
    for start in range(0, _FILES, _AT_ONCE):
        await gatherResults([Deferred.fromCoroutine(store(name)) for name in names[start : start + _AT_ONCE]])

    def list_page(number: int) -> Awaitable[object]:
        return catalogue.list_children(OWNER, parse_path(f"folder {number % _FOLDERS}"), _PAGE)

    return {
        "store": await load(lambda number: store(f"new {number % _FOLDERS}/{number}"), seconds, _AT_ONCE),
        "look-up": await load(
            lambda number: catalogue.find(OWNER, parse_path(names[number % _FILES])), seconds, _AT_ONCE
        ),
        "list": await load(list_page, seconds, _AT_ONCE),
    }


async def _main(reactor: Any, directory: str, seconds: str, url: str | None = None) -> None:
    async with opened_catalogue(reactor, Path(directory), url) as catalogue:
        found = await _measure(catalogue, float(seconds))
    sys.stdout.write(json.dumps({name: attrs.asdict(each) for name, each in found.items()}))


if __name__ == "__main__":
    react(_main, sys.argv[1:])
