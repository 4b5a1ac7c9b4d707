"""Followers of the changes: what 10,000 who wait cost in memory, and how soon all of them hear of a change."""

from __future__ import annotations

import re
import resource
import select
import socket
import ssl
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from statistics import median
from typing import Final

from attrs import frozen

from bench.catalogue import Peer
from bench.memory import Growth
from bench.peers.setup import HOST
from bench.requests import put
from bench.server import KEY, MeasurementError, Server
from bench.stages import Ground, Samples

FOLLOWED: Final = Peer(name="followed", title="cloudsvc with followers", module="cloudsvc_followed")

FOLLOWERS: Final = 10_000

TITLES: Final[Mapping[str, str]] = {
    "followers-memory": "memory for 10,000 idle streams of events",
    "followers-delay": "until all of them have a change",
}

_CHANGES: Final = 5
"""Of which the delay is the median; one more, before them, does not count."""

_SETTLE_SECONDS: Final = 3.0
_PATIENCE_SECONDS: Final = 30.0
_FILES_OF_EACH: Final = 2
_SPARE_FILES: Final = 2_000

_REQUEST: Final = f"GET /api/events HTTP/1.1\r\nHost: {HOST}\r\nX-API-Key: {KEY}\r\n\r\n".encode()


@frozen(kw_only=True)
class Delay:
    """Between the answer to whoever made a change and the moment at which the last of all had it."""

    ms: float


def measure_followers(ground: Ground) -> Samples:
    """
    Idle streams, and changes while they are there.

    :raises MeasurementError: one was refused, or missed a change.
    """
    count = min(FOLLOWERS, 50 * ground.scale.seconds) if ground.scale.rounds == 1 else FOLLOWERS
    _raise_limit(count)
    with ground.run(FOLLOWED) as server:
        put(server, "/api/files/warm-up", b"1")
        before = server.count_resident_bytes()
        with _following(server, count) as streams:
            time.sleep(_SETTLE_SECONDS)
            grown = server.count_resident_bytes() - before
            delays = [_measure_change(server, streams, f"change-{number}") for number in range(_CHANGES + 1)][1:]
    return {
        "followers-memory": Growth(mib=grown / 2**20),
        "followers-delay": Delay(ms=median(delays) * 1000),
    }


def _raise_limit(count: int) -> None:
    """
    Have enough files for so many connections, here and in the server, which keeps two for each.

    :raises MeasurementError: the system refuses.
    """
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    wanted = _FILES_OF_EACH * count + _SPARE_FILES
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(hard, wanted),) * 2)
    except (OSError, ValueError) as problem:
        raise MeasurementError(
            f"{count} streams need {wanted} open files, and the limit is {hard}: raise it (ulimit -Hn)"
        ) from problem


@contextmanager
def _following(server: Server, count: int) -> Iterator[Sequence[ssl.SSLSocket]]:
    with ExitStack() as stack:
        streams = []
        for _ in range(count):
            raw = socket.create_connection((HOST, server.setup.port), timeout=_PATIENCE_SECONDS)
            stream = stack.enter_context(server.trust.wrap_socket(raw, server_hostname=HOST))
            stream.sendall(_REQUEST)
            _read_until(stream, b"event: ready\n")
            streams.append(stream)
        yield streams


def _measure_change(server: Server, streams: Sequence[ssl.SSLSocket], name: str) -> float:
    """Seconds until the last of ``streams`` has something to read, which is looked at when the time is taken."""
    with select.epoll(len(streams)) as poll:
        waiting = {stream.fileno(): stream for stream in streams}
        for number in waiting:
            poll.register(number, select.EPOLLIN | select.EPOLLONESHOT)
        put(server, f"/api/files/{name}", b"1")
        began = time.monotonic()
        left = len(waiting)
        while left:
            ready = poll.poll(_PATIENCE_SECONDS, len(streams))
            if not ready:
                raise MeasurementError(f"{left} of {len(streams)} never heard of a change")
            left -= len(ready)
        seconds = time.monotonic() - began
    for stream in streams:
        _read_until(stream, b'"path":"%b"' % name.encode())
    return seconds


def _read_until(stream: ssl.SSLSocket, text: bytes) -> None:
    received = b""
    while text not in received:
        piece = stream.recv(65536)
        received += piece
        if not piece or re.match(rb"HTTP/1.1 (?!200)", received):
            raise MeasurementError(f"a stream was not what it should be: {received[-200:]!r}")
