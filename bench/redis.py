"""A Redis server for the benchmark, which keeps nothing."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from attrs import frozen

from bench.ports import find_port
from bench.server import MeasurementError

PROGRAM: Final = "redis-server"

_PATIENCE: Final = 100.0


@frozen(kw_only=True)
class Redis:
    """A started server."""

    pid: int
    url: str


@contextmanager
def run_redis(cores: Sequence[int]) -> Iterator[Redis]:
    """
    A server on ``cores``, gone at the end.

    :raises MeasurementError: it does not start.
    """
    port = find_port()
    options = ["--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    command = ["taskset", "--cpu-list", ",".join(map(str, cores)), PROGRAM, *options]
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as (  # noqa: S603  # Debian's
        process
    ):
        try:
            _wait(port)
            yield Redis(pid=process.pid, url=f"redis://127.0.0.1:{port}/0")
        finally:
            process.kill()
            process.wait()


def _wait(port: int) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError as problem:
            if time.monotonic() > end:
                raise MeasurementError(f"Redis does not start: {problem}") from None
            time.sleep(0.05)
        else:
            return
