"""Two ways to burden a server: many requests on a few connections, and many idle connections."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Mapping
from contextlib import ExitStack, closing, suppress
from pathlib import Path
from typing import Final

from attrs import frozen

from bench.server import HEADERS, PATH, MeasurementError, Server, ask

CONNECTIONS = 32
SETTLE_SECONDS = 0.5


@frozen(kw_only=True)
class Throughput:
    """
    What a server did under full load.

    :ivar core_share: how much of its core it had. Under one where the client was slower, or another process took turns.
    """

    requests_per_second: float
    cpu_us_per_request: float
    p50_ms: float
    p99_ms: float
    core_share: float


@frozen(kw_only=True)
class Crowd:
    """
    What connections cost that made one request and then stay open.

    :ivar cpu_us_per_connection: for the full handshake and that request.
    """

    kib_per_connection: float
    cpu_us_per_connection: float


class _NothingAnswered(Exception):  # noqa: N818  # a state of affairs on which the caller decides
    """Within the time there was no answer, good or bad."""


_FACTORS: Final = (1, 8, 64)
"""How much longer each attempt takes than was asked for."""


def measure_throughput(
    server: Server,
    seconds: int,
    path: str = PATH,
    script: str = "load.lua",
    *,
    fields: Mapping[str, str] | None = None,
    connections: int = CONNECTIONS,
) -> Throughput:
    """
    Requests on some connections for ``seconds``, by wrk and one of the scripts beside this module.

    On a machine so busy that nothing is answered meanwhile, it is measured anew, for longer.

    :param fields: further header fields.
    :raises MeasurementError: when one request was refused or one connection broke.
    """
    for factor in _FACTORS:
        with suppress(_NothingAnswered):
            return _measure(server, seconds * factor, path, script, fields or {}, connections)
    raise MeasurementError(f"nothing was answered within {seconds * _FACTORS[-1]} s")


def _measure(  # noqa: PLR0917  # as measure_throughput has them
    server: Server, seconds: int, path: str, script: str, fields: Mapping[str, str], connections: int
) -> Throughput:
    headers = [argument for name, value in {**HEADERS, **fields}.items() for argument in ("-H", f"{name}: {value}")]
    options = [
        "-t1",
        f"-c{connections}",
        f"-d{seconds}s",
        "--timeout",
        "30s",
        *headers,
        "-s",
        str(Path(__file__).with_name(script)),
    ]
    command = ["wrk", *options, server.locate(path)]
    before = server.count_cpu_seconds()
    done = subprocess.run(  # noqa: S603 - wrk
        command, capture_output=True, text=True, timeout=seconds + 120, check=False
    )
    used = server.count_cpu_seconds() - before
    if done.returncode:
        raise MeasurementError(f"wrk failed: {done.stderr or done.stdout}")
    report = json.loads(done.stdout.splitlines()[-1])
    if report["refused"] or report["broken"]:
        raise MeasurementError(f"not every request was answered with success: {report}")
    if not report["requests"]:
        raise _NothingAnswered
    return Throughput(
        requests_per_second=report["requests"] / report["seconds"],
        cpu_us_per_request=used / report["requests"] * 1e6,
        p50_ms=report["p50_ms"],
        p99_ms=report["p99_ms"],
        core_share=used / report["seconds"],
    )


def measure_crowd(server: Server, connections: int) -> Crowd:
    """
    Growth of resident memory and CPU time by ``connections`` new connections, each kept open after one request.

    :raises MeasurementError: when one of them was closed meanwhile.
    """
    memory, cpu = server.count_resident_bytes(), server.count_cpu_seconds()
    with ExitStack() as stack:
        crowd = [stack.enter_context(closing(server.connect())) for _ in range(connections)]
        for connection in crowd:
            ask(connection)
        used = server.count_cpu_seconds() - cpu
        time.sleep(SETTLE_SECONDS)
        grown = server.count_resident_bytes() - memory
        ask(crowd[0])
        ask(crowd[-1])
    return Crowd(
        kib_per_connection=grown / connections / 1024,
        cpu_us_per_connection=used / connections * 1e6,
    )
