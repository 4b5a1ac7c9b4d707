"""
Latency of ``/api/health`` while somebody takes the server from the others.

Each attack goes on, from a process of its own, as long as the answers are timed. What it opens and holds is bounded.
"""

from __future__ import annotations

import os
import random
import resource
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from http.client import HTTPException, HTTPSConnection
from itertools import count
from multiprocessing import get_context
from statistics import quantiles
from typing import Any, Final, NoReturn, TypeAlias

from attrs import frozen

from bench.catalogue import Peer
from bench.peers.setup import HOST
from bench.server import KEY, MeasurementError, Server, run_server
from bench.stages import Ground, Samples
from bench.stores import MANY, make_store

ATTACKED: Final = Peer(name="attacked", title="cloudsvc with its drive", module="cloudsvc_attacked")

_HEALTH: Final = "/api/health"
_INTERVAL: Final = 0.005
"""Seconds between an answer and the next question."""

_SETTLE_SECONDS: Final = 1.0
_PATIENCE: Final = 120.0
_DESCRIPTORS: Final = 1024
"""What a shell gives to a program that asks for no more (the soft limit of most systems)."""

_ROUGH: Final = f"Host: {HOST}\r\nX-API-Key: {KEY}\r\n".encode()
_FILES: Final = 9_000


@frozen(kw_only=True)
class Calm:
    """
    How long the answers took.

    :ivar times_quiet: ``p99_ms``, divided by that of the same server before the attack.
    :ivar failures: answers that were not 200, and connections that broke.
    """

    p50_ms: float
    p99_ms: float
    worst_ms: float
    times_quiet: float
    failures: float


Attack: TypeAlias = Callable[[Server], object]


def measure_attack(ground: Ground, name: str) -> Samples:
    """The answers of a server before the attack ``name`` and during it."""
    store = str(ground.directory / f"{name}-store")
    if not os.path.exists(store):  # noqa: PTH110 - a text already
        make_store(ground.directory / f"{name}-store", min(_FILES, ground.scale.files))
    # As most systems start a program; what it raises by itself it may keep.
    limited = ["sh", "-c", f'ulimit -Sn {_DESCRIPTORS}; exec "$@"', "sh"]
    with (
        run_server([*limited, *ATTACKED.command, store], ground.core) as server,
        closing(server.connect()) as connection,
    ):
        connection.timeout = _PATIENCE
        seconds = 3 * ground.scale.seconds
        quiet = _watch(connection, seconds)
        with _attacking(server, ATTACKS[name]):
            time.sleep(_SETTLE_SECONDS)
            return {f"attack-{name}": _watch(connection, seconds, quiet)}


def _watch(connection: HTTPSConnection, seconds: float, quiet: Calm | None = None) -> Calm:
    """Ask again and again on a connection that stays, as long as the server lets it."""
    taken: list[float] = []
    failures = 0
    end = time.monotonic() + seconds
    while time.monotonic() < end or len(taken) < 2:  # noqa: PLR2004 - quantiles need two
        begin = time.perf_counter()
        try:
            connection.request("GET", _HEALTH)
            response = connection.getresponse()
            response.read()
            failures += response.status != 200  # noqa: PLR2004 - everybody knows this one
        except (OSError, HTTPException):
            failures += 1
            connection.close()
        taken.append((time.perf_counter() - begin) * 1000)
        time.sleep(_INTERVAL)
    steps = quantiles(taken, n=100, method="inclusive")
    return Calm(
        p50_ms=steps[49],
        p99_ms=steps[98],
        worst_ms=max(taken),
        times_quiet=steps[98] / quiet.p99_ms if quiet else 1.0,
        failures=failures,
    )


@contextmanager
def _attacking(server: Server, attack: Attack) -> Iterator[None]:
    """Let the attack go on meanwhile, with less of its core than who measures."""
    context: Any = get_context("fork")
    attacker = context.Process(target=_go_on, args=(server, attack))
    attacker.start()
    try:
        yield
        if not attacker.is_alive():
            raise MeasurementError("the attack has ended before its time, for the reason above")
    finally:
        attacker.kill()
        attacker.join()


def _go_on(server: Server, attack: Attack) -> NoReturn:
    os.nice(10)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 8192)), hard))
    while True:
        # A server may well end connections of such a client; it comes again.
        with suppress(OSError):
            attack(server)
        time.sleep(0.01)


def _dial(server: Server, *, waits: float = 5.0) -> ssl.SSLSocket:
    raw = socket.create_connection((HOST, server.setup.port), waits)
    return server.trust.wrap_socket(raw, server_hostname=HOST)


def _drain(connection: socket.socket) -> None:
    """Take whatever has come."""
    connection.settimeout(0.01)
    with suppress(TimeoutError):
        while connection.recv(65536):
            pass
    connection.settimeout(5.0)


def _announce(operation: bytes, body: bytes) -> bytes:
    return b"%b HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: %d\r\n" % (operation, len(body))


def _ask_for_long_paths(server: Server) -> None:
    """Paths that nobody has asked for before, by nobody who has a key."""
    choose = random.Random(os.getpid())  # noqa: S311 - any will do
    with _dial(server) as connection:
        while True:
            path = "/".join(choose.choice(["aa", "bb", "cc"]) + str(choose.randrange(10**4)) for _ in range(1500))
            connection.sendall(f"GET /api/files/{path} HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            _drain(connection)


def _abandon_searches(server: Server) -> None:
    """Twenty at a time, each left after a fifth of a second."""
    with ExitStack() as stack:
        for _ in range(20):
            connection = stack.enter_context(_dial(server))
            connection.sendall(b"GET /api/files?sort=path&q=zzzz HTTP/1.1\r\n" + _ROUGH + b"\r\n")
        time.sleep(0.2)


def _copy_folders(server: Server) -> None:
    """A folder of thousands of files, again and again, many at once."""
    numbers = count(time.time_ns())
    while True:
        with ExitStack() as stack:
            copies = []
            for _ in range(24):
                connection = stack.enter_context(_dial(server, waits=_PATIENCE))
                body = f'{{"source":"{MANY}","destination":"copy-{next(numbers)}"}}'.encode()
                connection.sendall(_announce(b"POST /api/copies", body) + _ROUGH + b"\r\n" + body)
                copies.append(connection)
            for connection in copies:
                connection.recv(4096)


def _stay_silent(server: Server) -> None:
    """More connections than most systems give descriptors, from several addresses, that never say a word."""
    with ExitStack() as stack:
        for number in range(1_300):
            raw = stack.enter_context(socket.socket())
            raw.bind((f"127.0.0.{2 + number % 9}", 0))
            raw.settimeout(5.0)
            with suppress(OSError):
                raw.connect((HOST, server.setup.port))
        time.sleep(5)


def _pipeline(server: Server) -> None:
    """A hundred requests in one write on each of many connections."""
    with ExitStack() as stack:
        crowd = [stack.enter_context(_dial(server)) for _ in range(250)]
        while True:
            for connection in crowd:
                connection.sendall(b"GET /x HTTP/1.1\r\nHost: a\r\n\r\n" * 100)
            for connection in crowd:
                _drain(connection)


def _upload_by_bytes(server: Server) -> None:
    """An upload in chunks of one byte each."""
    with _dial(server, waits=_PATIENCE) as connection:
        connection.sendall(b"PUT /api/files/crumbs HTTP/1.1\r\nTransfer-Encoding: chunked\r\n" + _ROUGH + b"\r\n")
        for _ in range(50):
            connection.sendall(b"1\r\na\r\n" * 10_000)
        connection.sendall(b"0\r\n\r\n")
        connection.recv(4096)


def _send_deep_json(server: Server) -> None:
    """Bodies of just under a MiB with as many values as go into one."""
    deep = b'{"add_tags":[' + b"[[[[[]]]]]," * 94_000 + b"[]]}"
    many = b'{"operations":[' + b"{}," * 340_000 + b"{}]}"
    for operation, body in ((b"PATCH /api/files/x", deep), (b"POST /api/batch", many)):
        with _dial(server, waits=_PATIENCE) as connection:
            connection.sendall(_announce(operation, body) + _ROUGH + b"Connection: close\r\n\r\n")
            with suppress(OSError):
                connection.sendall(body)
            connection.recv(4096)


def _stop_reading(server: Server) -> None:
    """Fifty lists of everything that are asked for and not taken."""
    with ExitStack() as stack:
        for _ in range(50):
            connection = stack.enter_context(_dial(server))
            connection.sendall(b"GET /api/files HTTP/1.1\r\nAccept: application/x-ndjson\r\n" + _ROUGH + b"\r\n")
        time.sleep(5)


ATTACKS: Final[Mapping[str, Attack]] = {
    "paths": _ask_for_long_paths,
    "searches": _abandon_searches,
    "copies": _copy_folders,
    "silence": _stay_silent,
    "pipelines": _pipeline,
    "crumbs": _upload_by_bytes,
    "values": _send_deep_json,
    "stalls": _stop_reading,
}
"""B1 to B8 of the eighth issue, in their order."""

TITLES: Final[Mapping[str, str]] = {
    "paths": "health beside long paths without a key",
    "searches": "beside searches that are abandoned",
    "copies": "beside 24 copies of a big folder at once",
    "silence": "beside 1,300 silent connections",
    "pipelines": "beside 250 connections of 100 requests each",
    "crumbs": "beside an upload in chunks of one byte",
    "values": "beside JSON bodies of 1 MB, all values",
    "stalls": "beside 50 lists that nobody takes",
}
