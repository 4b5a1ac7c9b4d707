"""
Two workers beside one: what a request costs all of their processes together, and how many they answer.

On a machine with three cores and more, the servers have all but the last, on which their client runs. With two, the
client takes its share of what the workers have, and only what a request costs can be compared.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from contextlib import closing
from typing import Final

import attrs

from bench.catalogue import Peer
from bench.load import measure_throughput
from bench.requests import put
from bench.run import CORES
from bench.server import HEADERS, PATH, START_SECONDS, MeasurementError, Server
from bench.stages import Ground, Samples

WORKERS: Final = Peer(name="workers", title="cloudsvc with workers", module="cloudsvc_workers")

_SMALL: Final = "/api/files/small.txt"
_COUNTS: Final = (1, 2)

_KINDS: Final[Mapping[str, str]] = {"login": PATH, "download": _SMALL}

TITLES: Final[Mapping[str, str]] = {
    **{f"workers-login-{count}": f"login, workers: {count}" for count in _COUNTS},
    **{f"workers-download-{count}": f"download of 4 KiB, workers: {count}" for count in _COUNTS},
    **{f"workers-upload-{count}": f"upload of 4 KiB, durable, workers: {count}" for count in _COUNTS},
}


def choose_cores() -> set[int]:
    """Those for the servers: all but the client's, or where that would leave one, all."""
    return {*CORES[:-1]} if len(CORES) > 2 else {*CORES}  # noqa: PLR2004  # see above


def _await_all(server: Server) -> None:
    """Return once all workers answer, as the health check says that there is where they are several."""
    deadline = time.monotonic() + START_SECONDS
    while True:
        with closing(server.connect()) as connection:
            connection.request("GET", "/api/health/checks", headers=HEADERS)
            checks = json.loads(connection.getresponse().read())["checks"]
        if checks.get("workers", {"status": "healthy"})["status"] == "healthy":
            return
        if time.monotonic() > deadline:
            raise MeasurementError(f"not all workers answer: {checks['workers']}")
        time.sleep(0.2)


def measure_workers(ground: Ground) -> Samples:
    """Each kind of request on 32 connections, by one worker and by two."""
    samples = {}
    for count in _COUNTS:
        with ground.run(WORKERS, str(count), cores=choose_cores()) as started:
            server: Server = attrs.evolve(started, with_children=True)
            _await_all(server)
            put(server, _SMALL, bytes(range(256)) * 16)
            for kind, path in _KINDS.items():
                measure_throughput(server, 1, path)
                samples[f"workers-{kind}-{count}"] = measure_throughput(server, ground.scale.seconds, path)
            measure_throughput(server, 1, "/api/files/warm-up/", "puts.lua")
            samples[f"workers-upload-{count}"] = measure_throughput(
                server, ground.scale.seconds, "/api/files/new/", "puts.lua"
            )
    return samples
