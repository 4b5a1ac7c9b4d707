"""Caches between requests: bounded in bytes, whatever strangers send."""

from __future__ import annotations

import gc
import tracemalloc
from collections.abc import Callable

import pytest

from tests.support.site import TestSite
from tests.support.web_routes import Demo

REQUESTS = 400
"""Of each kind, with some 4 KB that are different each time: 1.6 MB, and much more once they are taken apart."""


def spread(number: int) -> str:
    """Two letters between slashes, and no two numbers have the same."""
    return "/".join(f"{(number * 1000 + each) % 65536:04x}"[-2:] for each in range(1300)) + f"/{number}"


def fill(number: int) -> str:
    return f"{number:08}" * 500


KINDS: dict[str, Callable[[int], str]] = {
    "path": lambda n: f"GET /api/demo/paths/{spread(n)} HTTP/1.1\r\nHost: a",
    "path to nothing": lambda n: f"GET /api/demo/{spread(n)} HTTP/1.1\r\nHost: a",
    "path outside": lambda n: f"GET /zz/{spread(n)} HTTP/1.1\r\nHost: a",
    "path with escapes": lambda n: f"GET /api/demo/paths/%20{spread(n)} HTTP/1.1\r\nHost: a",
    "query": lambda n: f"GET /api/demo/things?{fill(n)} HTTP/1.1\r\nHost: a",
    "redirect": lambda n: f"GET /api/demo/folder?{fill(n)} HTTP/1.1\r\nHost: a",
    "method": lambda n: f"M{fill(n)} /api/demo/plain HTTP/1.1\r\nHost: a",
    "host": lambda n: f"GET /api/demo/plain HTTP/1.1\r\nHost: {fill(n)}",
    "short hosts": lambda n: f"GET /api/demo/plain HTTP/1.1\r\nHost: {n}.a",
    "names of fields": lambda n: (
        "GET /api/demo/plain HTTP/1.1\r\nHost: a" + "".join(f"\r\nX-{each}-{'x' * 200}-{n}: a" for each in range(16))
    ),
    "names too long": lambda n: f"GET /api/demo/plain HTTP/1.1\r\nHost: a\r\nX{fill(n)}: a",
    "values": lambda n: f"GET /api/demo/plain HTTP/1.1\r\nHost: a\r\nAccept: {fill(n)}\r\nIf-Match: {fill(n)}",
    "connection": lambda n: f"GET /api/demo/plain HTTP/1.1\r\nHost: a\r\nConnection: {fill(n)}",
    "origin": lambda n: f"GET /api/demo/plain HTTP/1.1\r\nHost: a\r\nOrigin: https://{fill(n)}",
    "key": lambda n: f"GET /api/demo/key HTTP/1.1\r\nHost: a\r\nX-API-Key: {fill(n)}",
    "forwarded": lambda n: f"GET /api/demo/plain HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: {fill(n)}",
    "request id": lambda n: f"GET /api/demo/plain HTTP/1.1\r\nHost: a\r\nX-Request-ID: {fill(n)}",
    "version": lambda n: f"GET /api/demo/plain HTTP/{fill(n)}\r\nHost: a",
}
ROOM = {"names of fields": 6_000_000}
"""
Bytes that a kind may take for ever. Twisted remembers the first 10,000 names of fields; the channel sees to it that
they are not long.
"""


@pytest.fixture
def site() -> TestSite:
    return TestSite(application=Demo(), trusted=("192.0.2.0/24",))


def send(site: TestSite, request: str) -> None:
    client = site.connect()
    client.send(f"{request}\r\n\r\n".encode())
    assert client.received.startswith(b"HTTP/1.1 ")
    client.leave()
    # Tests remember more than servers.
    site.tally.lines.clear()
    site.tally.departures.clear()


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_requests_without_a_key_leave_next_to_nothing(site: TestSite, kind: str) -> None:
    for number in range(20):
        send(site, KINDS[kind](number))
    gc.collect()
    tracemalloc.start()
    try:
        for number in range(20, 20 + REQUESTS):
            send(site, KINDS[kind](number))
        gc.collect()
        left, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert left < ROOM.get(kind, 300_000)
