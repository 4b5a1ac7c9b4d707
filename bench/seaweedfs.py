"""SeaweedFS, all of it in one process on the loopback address, as benchmarks and tests start it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

KEY: Final = "AKIDOFTESTS"
SECRET: Final = "secret-of-tests"  # noqa: S105 - of servers that live for a moment

_SERVERS: Final = ("master.port", "master.port.grpc", "volume.port", "volume.port.grpc", "filer.port")

_SOCKETS: Final = Path("/tmp")  # noqa: S108 - where it puts them, whatever it is told
"""Where it has sockets beside its ports for gRPC."""


def list_arguments(directory: Path, find_port: Callable[[], int]) -> list[str]:
    """
    What ``weed`` is started with, but for ``-s3.port``.

    :param directory: is its own. Who may use it is written there.
    :param find_port: gives a free port.
    """
    identity = {
        "name": "owner",
        "credentials": [{"accessKey": KEY, "secretKey": SECRET}],
        "actions": ["Admin", "Read", "Write", "List", "Tagging"],
    }
    config = directory / "identities.json"
    config.write_text(json.dumps({"identities": [identity]}))
    data = directory / "data"
    data.mkdir()
    return [
        "server",
        *(f"-{name}={find_port()}" for name in (*_SERVERS, "filer.port.grpc", "s3.port.grpc")),
        f"-dir={data}",
        "-ip=127.0.0.1",
        "-ip.bind=127.0.0.1",
        "-filer",
        f"-filer.localSocket={directory / 'filer.sock'}",
        "-s3",
        f"-s3.localSocket={directory / 's3.sock'}",
        f"-s3.config={config}",
        "-s3.port.iceberg=0",
        "-s3.port.lance=0",
        "-master.telemetry=false",
        "-master.electionTimeout=1s",
        "-master.volumeSizeLimitMB=64",
        # More than an hour of `make chaos` fills, which keeps everything.
        "-volume.max=500",
    ]


def remove_sockets(arguments: list[str]) -> None:
    """Remove what a process that was killed has left outside its directory."""
    for argument in arguments:
        _, _, port = argument.partition(".grpc=")
        if port:
            for left in _SOCKETS.glob(f"seaweedfs-*-grpc-{port}.sock"):
                left.unlink(missing_ok=True)
