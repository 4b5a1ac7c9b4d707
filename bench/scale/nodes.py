"""Servers with engines of their own, and the few things that all stages do with one."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from typing import Final

import attrs

from bench.buckets import BUCKET, SeaweedFS
from bench.catalogue import Peer
from bench.load import CONNECTIONS, Throughput, measure_throughput
from bench.processor_time import count_tree_seconds
from bench.seaweedfs import KEY, SECRET
from bench.server import HEADERS, MeasurementError, Server
from bench.stages import Ground

NODE: Final = Peer(name="node", title="cloudsvc with engines", module="cloudsvc_engines")
SMALL: Final = bytes(range(256)) * 16

_CREATED: Final = 201


def list_others(ground: Ground) -> list[int]:
    """The cores that engines have: all that this run may use, but for the one of the servers."""
    return sorted(os.sched_getaffinity(0) - {ground.core}) or [ground.core]


def name_database(url: str) -> dict[str, str]:
    """Settings of a node whose catalogue is in a database."""
    return {"CLOUDSVC__DATABASE__URL": url}


def name_bucket(seaweedfs: SeaweedFS) -> dict[str, str]:
    """Settings of a node whose blobs are in a bucket."""
    return {
        "CLOUDSVC__BLOBS__URL": f"s3://{BUCKET}/drive",
        "CLOUDSVC__BLOBS__ENDPOINT": f"http://127.0.0.1:{seaweedfs.port}",
        "CLOUDSVC__BLOBS__PATH_STYLE": "true",
        "CLOUDSVC__BLOBS__ACCESS_KEY": KEY,
        "CLOUDSVC__BLOBS__SECRET_KEY": SECRET,
    }


@contextmanager
def run_node(ground: Ground, settings: Mapping[str, str], *store: str) -> Iterator[Server]:
    """A server with these settings, on the core of the servers, with the directory of a drive or an empty one."""
    with ground.run(NODE, json.dumps(dict(settings)), *store) as server:
        yield server


def fill_folder(server: Server, path: str, files: int) -> None:
    """
    Store so many files of 4 KiB, one after the other.

    :raises MeasurementError: one was not stored.
    """
    with closing(server.connect()) as connection:
        for number in range(files):
            connection.request("PUT", f"{path}/{number}.txt", SMALL + str(number).encode(), HEADERS)
            response = connection.getresponse()
            body = response.read()
            if response.status != _CREATED:
                raise MeasurementError(f"storing {path} was answered with {response.status} {body[:200]!r}")


def find_tag(server: Server, path: str) -> str:
    """
    The entity tag of a file, of which no byte is sent.

    :raises MeasurementError: there is none.
    """
    with closing(server.connect()) as connection:
        connection.request("HEAD", path, headers=HEADERS)
        response = connection.getresponse()
        response.read()
        tag = response.headers["ETag"]
        if response.status != 200 or tag is None:  # noqa: PLR2004  # everybody knows this one
            raise MeasurementError(f"HEAD {path} was answered with {response.status}")
        return tag


def prepare_look_up(server: Server, path: str) -> Callable[[int, int], Throughput]:
    """
    What measures look-ups of a file, for so many seconds on so many connections: each is answered with 304, so that no
    byte is read.
    """
    fields = {"If-None-Match": find_tag(server, path)}
    return lambda seconds, connections: measure_throughput(
        server, seconds, path, fields=fields, connections=connections
    )


def measure_uploads(ground: Ground, server: Server, folder: str) -> Throughput:
    """Uploads of 4 KiB into a folder, after a second of them that does not count."""
    measure_throughput(server, 1, "/api/files/warm-up/", "puts.lua")
    return measure_throughput(server, ground.scale.seconds, f"/api/files/{folder}/", "puts.lua")


def add_engine(server: Server, pid: int, measure: Callable[[], Throughput]) -> Throughput:
    """What ``measure`` gives, with the processor's time of an engine added to that of the server."""
    before, engine_before = server.count_cpu_seconds(), count_tree_seconds(pid)
    found = measure()
    share = (count_tree_seconds(pid) - engine_before) / (server.count_cpu_seconds() - before)
    return attrs.evolve(found, cpu_us_per_request=(1 + share) * found.cpu_us_per_request)


def measure_pages(ground: Ground, server: Server, path: str) -> Throughput:
    """Requests of one path, after a second of them that does not count."""
    measure_throughput(server, 1, path)
    return measure_throughput(server, ground.scale.seconds, path)


def measure_look_ups(ground: Ground, server: Server, path: str) -> Throughput:
    """Look-ups of a file, after a second of them that does not count."""
    load = prepare_look_up(server, path)
    load(1, CONNECTIONS)
    return load(ground.scale.seconds, CONNECTIONS)
