"""A SeaweedFS server for the benchmark, with one bucket."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import botocore.session  # type: ignore[import-untyped]  # has no types
from attrs import frozen
from botocore.exceptions import BotoCoreError, ClientError  # type: ignore[import-untyped]  # as above

from bench.ports import find_port
from bench.seaweedfs import KEY, SECRET, list_arguments, remove_sockets
from bench.server import MeasurementError

PROGRAM: Final = "weed"
BUCKET: Final = "bench"

_PATIENCE: Final = 100.0


@frozen(kw_only=True)
class SeaweedFS:
    """
    A started server.

    :ivar port: of its S3 interface, on the loopback address.
    """

    pid: int
    port: int


@contextmanager
def run_seaweedfs(directory: Path, core: int) -> Iterator[SeaweedFS]:
    """SeaweedFS with a bucket, on all cores but one."""
    port = find_port()
    others = ",".join(str(each) for each in sorted(os.sched_getaffinity(0) - {core}) or [core])
    arguments = list_arguments(directory, find_port)
    command = ["taskset", "--cpu-list", others, PROGRAM, *arguments, f"-s3.port={port}"]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as (  # noqa: S603  # the program that is measured beside
        process
    ):
        try:
            _make_bucket(port)
            yield SeaweedFS(pid=process.pid, port=port)
        finally:
            process.kill()
            process.wait()
            remove_sockets(arguments)


def _make_bucket(port: int) -> None:
    client = botocore.session.Session().create_client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id=KEY,
        aws_secret_access_key=SECRET,
    )
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            client.create_bucket(Bucket=BUCKET)
        except (BotoCoreError, ClientError) as problem:
            if time.monotonic() > end:
                raise MeasurementError(f"SeaweedFS does not start: {problem}") from None
            time.sleep(0.2)
        else:
            return
