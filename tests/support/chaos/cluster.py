"""A cluster: three nodes behind a balancer, two database servers, a store of objects, and lines between them."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.client import HTTPSConnection
from pathlib import Path
from typing import Final

from attrs import define

from cloudsvc.core.secrets import Secret
from tests.support.chaos.balancer import run_balancer
from tests.support.chaos.databases import DATABASE, USER, Pair, run_pair
from tests.support.chaos.nodes import Node, make_homes
from tests.support.chaos.relays import Exchange, run_exchange
from tests.support.chaos.small_disks import mount_image, mount_memory
from tests.support.external_servers import ToolServer, find_free_port, run_redis
from tests.support.object_stores import BUCKET, KEY, SECRET, ObjectServer, run_seaweedfs
from tests.support.server import PATIENCE

NAMES: Final = ["node-1", "node-2", "node-3"]

PREFIX: Final = "chaos"
"""Of all keys in the bucket."""

_STORED: Final = "seaweedfs"

_FOREVER: Final = 10_000
"""Days, and versions of a file: nothing expires in a run, so that all that was acknowledged is there in the end."""

_UNLIMITED: Final = "1000000/second"
"""Requests are counted, in Redis, and none is too many."""


@define(eq=False)
class Cluster:
    """All parts, which run."""

    directory: Path
    nodes: list[Node]
    databases: Pair
    store: ObjectServer
    redis: ToolServer
    balancer: ToolServer

    @property
    def stored(self) -> Path:
        """Where the store of objects keeps everything."""
        return self.directory / _STORED

    @property
    def token(self) -> str:
        """The key of all nodes."""
        return self.nodes[0].token

    def connect(self) -> HTTPSConnection:
        """A connection by way of the balancer, verified, to whichever node it chooses."""
        trust = ssl.create_default_context(cafile=str(self.nodes[0].home / "certs" / "cert.pem"))
        return HTTPSConnection("localhost", self.balancer.port, context=trust, timeout=PATIENCE)

    def list_logs(self) -> list[Path]:
        """What the parts have written of themselves."""
        homes = [file for node in self.nodes for file in (node.home / "console", *(node.home / "logs").glob("*"))]
        return [
            file for file in (*homes, *(each.directory / "log" for each in self.databases.servers)) if file.exists()
        ]


@contextmanager
def run_cluster(directory: Path, *, small_disks: bool) -> Iterator[Cluster]:
    """
    A cluster that is ready; all of it is stopped at the end.

    :param small_disks: whether each home and each engine is on a disk of its own, which can be full.
    """
    seaweedfs = directory / _STORED
    seaweedfs.mkdir()
    with ExitStack() as parts:
        exchange, pair = parts.enter_context(run_exchange()), parts.enter_context(run_pair(small_disks=small_disks))
        if small_disks:
            parts.enter_context(mount_image(seaweedfs, directory / "seaweedfs.disk"))
        store, redis = (
            parts.enter_context(run_seaweedfs(seaweedfs, directory / "seaweedfs.log")),
            parts.enter_context(run_redis(directory)),
        )
        if small_disks:
            for name in NAMES:
                parts.enter_context(mount_memory(directory / name))
        nodes = _make_nodes(directory, exchange, pair, store, redis)
        try:
            # The first one makes the tables and claims the bucket.
            nodes[0].start()
            nodes[0].wait_until_ready()
            for node in nodes[1:]:
                node.start()
            for node in nodes[1:]:
                node.wait_until_ready()
            with run_balancer(directory, nodes) as balancer:
                yield Cluster(directory, nodes, pair, store, redis, balancer)
        finally:
            for node in nodes:
                node.kill()


def _make_nodes(directory: Path, exchange: Exchange, pair: Pair, store: ObjectServer, redis: ToolServer) -> list[Node]:
    ports = [find_free_port() for _ in NAMES]
    stored = {"capacity_gb": 1000, "versions_per_file": _FOREVER, "versions_days": _FOREVER, "trash_days": _FOREVER}
    limits = {"storage_uri": f"{redis.uri}/0", **dict.fromkeys(("rate_limit", "transfer_limit"), _UNLIMITED)}
    homes, token = make_homes(directory, NAMES, ports, storage_config=stored, rate_limit=limits)
    nodes = []
    for name, home, port in zip(NAMES, homes, ports, strict=True):
        databases = [exchange.lead_to(server.port) for server in pair.servers]
        line = exchange.lead_to(store.process.port)
        hosts = ",".join(f"127.0.0.1:{relay.port}" for relay in databases)
        url = Secret(f"postgresql://{USER}@{hosts}/{DATABASE}?target_session_attrs=read-write")
        environ = {
            "CLOUDSVC__DATABASE__URL": url.reveal(),
            "CLOUDSVC__BLOBS__URL": f"s3://{BUCKET}/{PREFIX}",
            "CLOUDSVC__BLOBS__ENDPOINT": f"http://127.0.0.1:{line.port}",
            "CLOUDSVC__BLOBS__PATH_STYLE": "true",
            "CLOUDSVC__BLOBS__ACCESS_KEY": KEY,
            "CLOUDSVC__BLOBS__SECRET_KEY": SECRET,
        }
        nodes.append(Node(name, home, token, databases, line, environ, port=port))
    return nodes
