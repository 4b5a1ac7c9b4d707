"""
Demands of requests: the processor's time that each kind takes of a node, of the database, of the bucket and of Redis.

All engines are there: PostgreSQL with a standby that has to flush each commit, a bucket of SeaweedFS, and Redis, which
counts the requests. What a file takes of the turn of a writer is measured at the port.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Final

from attrs import frozen

from bench.buckets import run_seaweedfs
from bench.load import CONNECTIONS, Throughput, measure_throughput
from bench.postgresql import run_postgresql
from bench.processor_time import count_tree_seconds
from bench.redis import run_redis
from bench.requests import put
from bench.scale.nodes import SMALL, fill_folder, list_others, name_bucket, name_database, prepare_look_up, run_node
from bench.scale.turns import Turn, measure_turns
from bench.server import PATH, Server
from bench.stages import Ground, Samples
from bench.stores import PAGE

KINDS: Final = {
    "login": "login",
    "look-up": "look-up of a file (304)",
    "list": f"list of {PAGE} files",
    "download": "download of 4 KiB",
    "upload": "upload of 4 KiB, durable",
}
TITLES: Final = {f"demand-{name}": f"{title}, all engines" for name, title in KINDS.items()} | {
    "turn": "turn of a writer: a file of a group of many"
}

_FILE: Final = "/api/files/small.txt"
_FOLDER: Final = "page"
_PARTS: Final = ("database", "bucket", "redis")


@frozen(kw_only=True)
class Demand:
    """
    What a request of one kind takes, in microseconds of processors, with 32 under way.

    :ivar alone_ms: until the answer to the only client (the median), waits for disks and networks included.
    """

    requests_per_second: float
    node_us: float
    database_us: float
    bucket_us: float
    redis_us: float
    alone_ms: float


def measure_demands(ground: Ground) -> Samples:
    """One round of it. The server has its core, and all engines those of the client."""
    others = list_others(ground)
    with ExitStack() as stack:
        directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="demands-", dir=ground.directory))
        database = stack.enter_context(run_postgresql(others, standby=True))
        seaweedfs = stack.enter_context(run_seaweedfs(Path(directory), ground.core))
        redis = stack.enter_context(run_redis(others))
        engines = dict(zip(_PARTS, (database.pid, seaweedfs.pid, redis.pid), strict=True))
        settings = {**name_database(database.url), **name_bucket(seaweedfs)}
        with run_node(ground, {**settings, "CLOUDSVC__RATE_LIMIT__STORAGE_URI": redis.url}) as server:
            put(server, _FILE, SMALL)
            fill_folder(server, f"/api/files/{_FOLDER}", PAGE)
            samples: dict[str, Any] = {
                f"demand-{name}": _measure(server, load, ground.scale.seconds, engines)
                for name, load in _list_loads(server).items()
            }
    with run_postgresql(others, standby=True) as database:
        turn: Turn = measure_turns(ground, database)
    return samples | {"turn": turn}


def _list_loads(server: Server) -> Mapping[str, Callable[[int, int], Throughput]]:
    """What measures each kind, for so many seconds on so many connections."""

    def ask(path: str, script: str = "load.lua") -> Callable[[int, int], Throughput]:
        return lambda seconds, connections: measure_throughput(server, seconds, path, script, connections=connections)

    return {
        "login": ask(PATH),
        "look-up": prepare_look_up(server, _FILE),
        "list": ask(f"/api/folders/{_FOLDER}?limit={PAGE}"),
        "download": ask(_FILE),
        "upload": ask("/api/files/new/", "puts.lua"),
    }


def _measure(
    server: Server, load: Callable[[int, int], Throughput], seconds: int, engines: Mapping[str, int]
) -> Demand:
    alone = load(1, 1)
    load(1, CONNECTIONS)
    before, node_before = {name: count_tree_seconds(pid) for name, pid in engines.items()}, server.count_cpu_seconds()
    found = load(seconds, CONNECTIONS)
    node = server.count_cpu_seconds() - node_before
    # By what the node took: how many requests were answered meanwhile, nobody counted where it was measured anew.
    shares = {name: (count_tree_seconds(pid) - before[name]) / node for name, pid in engines.items()}
    return Demand(
        requests_per_second=found.requests_per_second,
        node_us=found.cpu_us_per_request,
        **{f"{name}_us": share * found.cpu_us_per_request for name, share in shares.items()},
        alone_ms=alone.p50_ms,
    )
